"""The official MCP clients and fastmcp, against a real gateway: list, draw with progress, follow up, cancel.

Their packages are none of Limner's: LIMNER_CLIENTS_PYTHON names a Python that has ``mcp`` and ``fastmcp``,
LIMNER_CLIENTS_NODE a folder whose node_modules have ``@modelcontextprotocol/sdk``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.acceptance.house import House
from tests.conftest import wait_until

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
ENGINE = """
[[engine]]
name = "stage"
driver = "rehearsal"
seconds = 1.0
fast = { slots = 4 }
relaxed = { slots = 2 }
"""
TOOLS = ["imagine", "job", "press", "cancel"]
LOOKS = ["text", "image", *["resource_link"] * 5]


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with House(ENGINE) as house:
        house.start_api()
        house.start_worker("fast")
        yield house


def lent(variable: str) -> str:
    """What a variable of the environment names; without it, the test is skipped at home and fails in CI."""
    if found := os.environ.get(variable):
        return found
    missing = pytest.fail if os.environ.get("CI") else pytest.skip
    return missing(f"{variable} is not set")


@contextmanager
def client(house: House, command: list[str], folder: Path) -> Iterator[dict]:
    """Run a client; within the block it is still there, after all that it has printed."""
    url = f"http://127.0.0.1:{house.settings.port}/mcp"
    command = [*command[:2], url, house.token, *command[2:]]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder
    ) as process:
        assert process.stdin
        assert process.stdout
        try:
            line = process.stdout.readline()
            assert line, f"it printed nothing and ended with {process.wait(60)}"
            yield json.loads(line)
            process.stdin.write("\n")
            process.stdin.close()
            assert process.wait(60) == 0
        finally:
            process.kill()


def python(script: str, mode: str) -> list[str]:
    return [lent("LIMNER_CLIENTS_PYTHON"), str(HERE / script), mode]


def the_one_given_up_is_cancelled(house: House) -> None:
    """Wait for the end of the call that the client breaks off last."""

    def newest() -> dict:
        return house.ask("GET", "/draw/midjourney/jobs?limit=1")[1]["data"][0]

    wait_until(lambda: newest()["reasonCode"] == "cancelled", what="the end of a call given up")
    assert newest()["promptEn"].startswith("a dale")


def goes_up(steps: list) -> None:
    numbers = [step[0] for step in steps]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] > 1
    assert {step[1] for step in steps} == {100}
    assert "waiting" in steps[0][2]


def does_all(seen: dict) -> None:
    assert seen["server"] == "limner"
    assert seen["tools"] == TOOLS
    assert seen["drawn"]["kinds"] == LOOKS
    assert seen["drawn"]["job"]["status"] == "done"
    goes_up(seen["steps"])
    assert seen["picked"]["job"]["status"] == "done"
    assert seen["refused"]["failed"] is True
    assert "prompt" in seen["refused"]["text"]
    assert (seen["failed"]["failed"], seen["failed"]["job"]["reason_code"]) == (True, "moderated")


@pytest.mark.parametrize(("mode", "revision"), [("auto", "2026-07-28"), ("legacy", "2025-11-25")])
def test_the_official_python_client_draws_and_cancels(house, tmp_path, mode, revision):
    with client(house, python("mcp_python.py", mode), tmp_path) as seen:
        assert seen["revision"] == revision
        does_all(seen)
        assert "u1" not in seen["looked"]["job"]["buttons"]
        assert seen["cancelled"]["job"]["reason_code"] == "cancelled"
        assert seen["cancelled"]["failed"] is False
        the_one_given_up_is_cancelled(house)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_fastmcp_draws_and_cancels(house, tmp_path, mode):
    with client(house, python("mcp_fastmcp.py", mode), tmp_path) as seen:
        assert seen["tools"] == TOOLS
        assert seen["kinds"] == LOOKS
        assert (seen["job"]["status"], seen["status"]) == ("done", "done")
        goes_up(seen["steps"])
        assert "Did you mean aspect_ratio?" in seen["refused"]
        the_one_given_up_is_cancelled(house)


def test_the_official_node_client_draws_and_cancels(house, tmp_path):
    modules = Path(lent("LIMNER_CLIENTS_NODE")) / "node_modules"
    (tmp_path / "node_modules").symlink_to(modules)
    # Node looks for modules beside the script.
    script = shutil.copy(HERE / "mcp_node.mjs", tmp_path)
    with client(house, ["node", str(script)], tmp_path) as seen:
        assert len(seen["session"]) == 32
        assert seen["unknown"] == -32602
        does_all(seen)
        the_one_given_up_is_cancelled(house)
