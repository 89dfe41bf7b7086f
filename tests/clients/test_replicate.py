"""Replicate's own libraries and the AI SDK, unchanged, against real processes of a gateway.

And the engine for Replicate, against the same: it and the face are written from one description. Its
stand-in is held against Replicate's own library.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

import engines
from limner.engine import Progress, Queued
from limner.errors import Rejected
from tests.acceptance.house import House
from tests.clients.running import run
from tests.contract.engine_suite import a_brief
from tests.contract.remote_drivers import KEY_VARIABLE, REPLICATE, drawn, steps_of
from tests.standins import replicate
from tests.standins.replicate import ReplicateApi

pytestmark = pytest.mark.slow

ENGINE = """
[[engine]]
name = "stage"
driver = "rehearsal"
seconds = 0.3
steps = 6
fast = { slots = 4 }
relaxed = { slots = 2 }
"""


@pytest.fixture(scope="module")
def gateway() -> Iterator[House]:
    with House(ENGINE) as house:
        house.start_all()
        house.wait_for_engines()
        yield house


def said(gateway: House, script: str) -> dict[str, Any]:
    """Run a client of its own with the gateway's address, and return what it printed."""
    name = script.partition(".")[0]
    token = gateway.store.clients.add(name, callback_allow="127.0.0.1:*").token
    found: dict[str, Any] = run(script, gateway.settings.base_url, token)
    return found


def check_pictures(gateway: House, urls: list[str], count: int) -> None:
    assert len(urls) == count
    assert all(url.startswith(f"{gateway.settings.base_url}/images/drawings/") for url in urls)


def test_replicates_library_for_python_draws_waits_cancels_and_verifies(gateway: House) -> None:
    found = said(gateway, "replicate_python.py")

    check_pictures(gateway, found["run"], 2)
    check_pictures(gateway, found["version"], 1)
    assert found["begun"] == ["starting", "hidden"]
    assert found["progress"] == [100, True, True]
    assert found["waited"] == ["succeeded", 1]
    assert (found["held"], found["held_at_last"]) == ("starting", "succeeded")
    assert found["canceled"] == ["canceled", "canceled"]
    assert (found["from_file"], found["files"], found["file"]) == (1, [1, True], True)
    assert found["files_left"] == 0
    assert found["listed"] == [None, True]
    assert found["model"] == ["acme", 1]
    assert found["account"] == "replicate_python"
    assert found["hooks"] == ["starting", "succeeded"]
    assert found["hook_is_look"] == [True, True, True]
    failures = found["failures"]
    assert (failures["moderated"]["class"], failures["moderated"]["status"]) == (
        "ModelError",
        "failed",
    )
    codes = {name: failures[name]["status"] for name in ("field", "token", "nothing")}
    assert codes == {"field": 422, "token": 401, "nothing": 404}
    assert "input.num_outputs" in failures["field"]["detail"]


def test_replicates_library_for_node_draws_waits_cancels_and_verifies(gateway: House) -> None:
    found = said(gateway, "replicate_node.mjs")

    check_pictures(gateway, found["run"], 2)
    check_pictures(gateway, found["version"], 1)
    check_pictures(gateway, found["polled"], 1)
    assert found["late"] == [1, "succeeded"]
    assert (found["begun"], found["waited"]) == ("starting", "succeeded")
    assert found["canceled"] == ["canceled", "canceled"]
    assert (found["fromFile"], found["files"], found["filesLeft"]) == (1, [1, True], 0)
    assert found["listed"] > 5
    assert found["model"] == ["acme", 1]
    assert found["account"] == "replicate_node"
    assert found["hooks"] == ["starting", "succeeded"]
    assert found["valid"] == [True, True]
    assert found["forged"] is False
    assert found["hookIsLook"] == [True, True]
    failures = found["failures"]
    assert failures["moderated"]["message"].startswith("Prediction failed: ")
    assert {name: failures[name]["status"] for name in ("field", "token")} == {
        "field": 422,
        "token": 401,
    }


def test_the_ai_sdk_draws_with_its_provider_for_replicate(gateway: House) -> None:
    found = said(gateway, "replicate_ai_sdk.mjs")

    assert found["drawn"] == ["image/png", "image/png"]
    assert (found["versioned"], found["edited"]) == (1, 1)
    assert found["failure"]["status"] == 422
    assert "input.prompt" in found["failure"]["message"]


def test_the_engine_for_replicate_draws_at_a_gateway_as_if_it_were_replicate(
    gateway: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = gateway.store.clients.add("replicate-engine", callback_allow="127.0.0.1:*").token
    monkeypatch.setenv(KEY_VARIABLE, token)
    engine = engines.load(
        REPLICATE.entry(f"{gateway.settings.base_url}/v1", model="acme/poster", poll_s=0.1)
    )
    brief = a_brief(seeds=(7, 8))
    try:
        assert engine.health().state == "ok"
        steps = steps_of(engine, brief)
        assert any(isinstance(step, Queued | Progress) for step in steps[:-1])
        assert len(steps[-1].cells) == 2
        # Whose worker died while it submitted: the gateway's list says what it was given.
        again = replace(brief, attempt=1)
        assert engine.submit(again)["tickets"] == engine.submit(again)["tickets"]
        # The engine's own cancellation, of a drawing that goes on for long.
        long = engine.submit(a_brief(prompt="a cat [[seconds 30]]", seeds=(9,)))
        engine.cancel(long)
        with pytest.raises(Rejected):
            drawn(engine, brief, long)
    finally:
        engine.close()


def test_replicates_library_takes_the_engines_stand_in_for_replicate() -> None:
    with ReplicateApi() as server:
        found = run("replicate_at_standin.py", server.url.removesuffix("/v1"), replicate.KEY)

    assert {"prompt", "seed", "num_outputs"} <= set(found["fields"])
    assert found["begun"] == "starting"
    assert found["ended"] == ["succeeded", 2, 1.0]
    assert (found["listed"], found["canceled"]) == ([True], "canceled")
    assert found["refused"][0] == 422
    assert "input.num_outputs" in found["refused"][1]
