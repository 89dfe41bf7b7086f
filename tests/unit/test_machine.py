"""How much memory there is: the machine's, or what a control group leaves of it."""

from __future__ import annotations

import pytest

from stack.machine import memory_bytes

MB = 2**20


@pytest.fixture
def groups(tmp_path):
    """Write the groups of a process, and their limits: file → what it says."""

    def write(told: str, limits: dict[str, str]):
        (tmp_path / "cgroup").write_text(told)
        for name, text in limits.items():
            file = tmp_path / "groups" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return memory_bytes(tmp_path / "cgroup", tmp_path / "groups")

    return write


def test_a_machine_without_control_groups_has_what_it_has(tmp_path):
    physical = memory_bytes(tmp_path / "none", tmp_path)

    assert physical > 64 * MB


@pytest.mark.parametrize(
    ("told", "limits"),
    [
        ("0::/\n", {"memory.max": f"{48 * MB}\n"}),
        ("0::/a/b\n", {"a/b/memory.max": "max\n", "a/memory.max": f"{48 * MB}\n"}),
        ("0::/a\n", {"a/memory.max": f"{48 * MB}\n", "memory.max": f"{64 * MB}\n"}),
        # A container sees its own group as the root, though its name is longer.
        ("0::/system/far\n", {"memory.max": f"{48 * MB}\n"}),
        (
            "4:cpu:/x\n3:memory,hugetlb:/job\n0::/\n",
            {"memory/job/memory.limit_in_bytes": f"{48 * MB}\n"},
        ),
    ],
)
def test_the_least_limit_of_a_control_group_counts(groups, told, limits):
    assert groups(told, limits) == 48 * MB


def test_a_group_without_a_limit_leaves_what_the_machine_has(groups, tmp_path):
    physical = memory_bytes(tmp_path / "none", tmp_path)

    assert groups("0::/a\n", {"a/memory.max": "max\n"}) == physical
    assert groups("3:memory:/\n", {"memory/memory.limit_in_bytes": f"{2**63 - 4096}"}) == physical
