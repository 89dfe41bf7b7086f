"""The locks in requirements/ hold what pyproject.toml asks for, byte for byte and from no named place."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests import seams

HOME = Path(__file__).parents[2]
PYPROJECT = (HOME / "pyproject.toml").read_text(encoding="utf-8")
ASKED = tomllib.loads(PYPROJECT)
PROJECT, EXTRAS = ASKED["project"], ASKED["project"]["optional-dependencies"]
CLIENTS = HOME / "tests/clients/requirements.in"
#: each lock, and the requirements it is made of
LOCKS = {
    "run": [*PROJECT["dependencies"], *ASKED["build-system"]["requires"]],
    "otel": [*PROJECT["dependencies"], *EXTRAS["otel"], *ASKED["build-system"]["requires"]],
    "image": [
        *(*PROJECT["dependencies"], *EXTRAS["otel"], *EXTRAS["s3"]),
        *ASKED["build-system"]["requires"],
    ],
    "dev": [*PROJECT["dependencies"], *EXTRAS["dev"], *EXTRAS["otel"]],
    "mutate": [*PROJECT["dependencies"], *EXTRAS["mutate"]],
    "clients": [
        line
        for line in CLIENTS.read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    ],
    "seams-lowest": seams.bounded(),
    "seams-newest": seams.bounded(),
}


def text_of(lock: str) -> str:
    return (HOME / f"requirements/{lock}.txt").read_text(encoding="utf-8")


def entries(lock: str) -> list[str]:
    """Return each pin with its hashes, in one line."""
    return re.sub(r" \\\n *", " ", text_of(lock)).replace("\n    #", "  #").splitlines()


def pins(lock: str) -> dict[str, set[str]]:
    """Return the versions of each package; more than one where Pythons differ."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==(\S+)", text_of(lock), re.M):
        found.setdefault(canonicalize_name(name), set()).add(version)
    return found


def bounded() -> dict[str, str]:
    """Return the requirements with an upper bound, each with the comment above it."""
    block = re.search(r"^dependencies = \[\n(.*?)^\]", PYPROJECT, re.M | re.S)[1]
    rows = re.findall(r'((?:    #.*\n)*)    "(.+)",', block)
    return {row: comment for comment, row in rows if "<" in str(Requirement(row).specifier)}


def majors() -> set[str]:
    """Return the names of the requirements that are bounded at their next major release alone."""
    return set(ASKED["tool"]["limner"]["major-bounds"])


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_every_requirement_at_a_version_that_is_allowed(lock):
    held = pins(lock)
    for asked in map(Requirement, LOCKS[lock]):
        versions = held.get(canonicalize_name(asked.name), set())
        assert versions, f"{asked.name} is not locked: run make lock"
        assert all(map(asked.specifier.contains, versions)), f"{asked}: run make lock"


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_of_a_lock_has_hashes(lock):
    lines = [line for line in entries(lock) if line and not line.lstrip().startswith("#")]
    assert lines
    for line in lines:
        assert re.match(r"[\w.-]+==\S+ .*--hash=sha256:[0-9a-f]{64}\b", line), line


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_registry(lock):
    assert not re.search(r"//|--(extra-)?index|--find-links|--trusted", text_of(lock))


def test_what_draws_with_diffusers_is_pinned_at_versions_that_its_extra_allows():
    held = pins("diffusers")
    for asked in map(Requirement, EXTRAS["diffusers"]):
        (version,) = held[canonicalize_name(asked.name)]
        assert asked.specifier.contains(version), asked
    # It lies over the developers' packages, and changes none of them.
    assert not set(held) & set(pins("dev"))
    assert not re.search(r"//|^-", text_of("diffusers"), re.M)


def test_developers_have_the_versions_that_users_have():
    for lock, others in {"run": ("otel", "image", "mutate"), "image": ("dev",)}.items():
        held = pins(lock)
        for other in others:
            there = pins(other)
            assert {name: there[name] for name in held} == held, other


def test_the_image_installs_from_the_lock_and_fetches_nothing_else():
    lines = (HOME / "Dockerfile").read_text(encoding="utf-8")
    installs = re.findall(r"pip install (.+?)(?: \\)?$", lines, re.M)
    assert installs == [
        "--require-hashes --requirement requirements/${LOCK}.txt",
        "--no-deps --no-build-isolation --editable .",
    ]
    assert re.findall(r"^ARG (.+)$", lines, re.M) == ["LOCK=image"]


def test_the_build_is_locked_as_it_is_asked_for():
    assert ASKED["dependency-groups"]["build"] == ASKED["build-system"]["requires"]


def test_an_upper_bound_stands_where_a_comment_names_the_private_seam_and_its_files():
    rows = bounded()
    assert rows
    for row, comment in rows.items():
        if Requirement(row).name in majors():
            continue
        files = re.findall(r"[\w/]+\.py", comment)
        assert files, f"{row}: which seam is this for?"
        assert [file for file in files if not (HOME / file).exists()] == [], row


def test_a_bound_that_is_no_seam_is_the_next_major_release_after_the_locked_one():
    rows = {Requirement(row).name: Requirement(row) for row in bounded()}
    assert majors() <= set(rows)
    for name in majors():
        locked = max(int(version.partition(".")[0]) for version in pins("run")[name])
        (bound,) = (each.version for each in rows[name].specifier if each.operator == "<")
        assert int(bound) == locked + 1, name
    assert majors().isdisjoint(Requirement(row).name for row in seams.bounded())
