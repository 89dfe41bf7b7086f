"""The official MCP clients and fastmcp, against a real gateway: list, draw with progress, follow up, cancel."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.acceptance.house import House
from tests.clients.running import started
from tests.conftest import wait_until

pytestmark = pytest.mark.slow

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
        house.wait_for_engines()
        yield house


@contextmanager
def client(house: House, script: str, *arguments: str) -> Iterator[dict]:
    """Run a client; within the block it is still there, after all that it has printed."""
    with started(script, f"{house.settings.base_url}/mcp", house.token, *arguments) as running:
        yield running.said()
        running.end()


def the_one_given_up_is_cancelled(house: House) -> None:
    """Wait for the end of the call that the client breaks off last."""

    def is_cancelled() -> bool:
        newest = house.ask("GET", "/draw/midjourney/jobs?limit=1")[1]["data"][0]
        # Until the client has begun it, the newest is another, which it cancelled as well.
        return newest["promptEn"].startswith("a dale") and newest["reasonCode"] == "cancelled"

    wait_until(is_cancelled, what="the end of a call given up")


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
def test_the_official_python_client_draws_and_cancels(house, mode, revision):
    with client(house, "mcp_python.py", mode) as seen:
        assert seen["revision"] == revision
        does_all(seen)
        assert "u1" not in seen["looked"]["job"]["buttons"]
        assert seen["cancelled"]["job"]["reason_code"] == "cancelled"
        assert seen["cancelled"]["failed"] is False
        the_one_given_up_is_cancelled(house)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_fastmcp_draws_and_cancels(house, mode):
    with client(house, "mcp_fastmcp.py", mode) as seen:
        assert seen["tools"] == TOOLS
        assert seen["kinds"] == LOOKS
        assert (seen["job"]["status"], seen["status"]) == ("done", "done")
        goes_up(seen["steps"])
        assert "Did you mean aspect_ratio?" in seen["refused"]
        the_one_given_up_is_cancelled(house)


def test_the_official_node_client_draws_and_cancels(house):
    with client(house, "mcp_node.mjs") as seen:
        assert len(seen["session"]) == 32
        assert seen["unknown"] == -32602
        does_all(seen)
        the_one_given_up_is_cancelled(house)
