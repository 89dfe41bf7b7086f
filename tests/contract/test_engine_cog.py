"""The cog engine keeps the contract on any model, and reads every oddity of cog's server."""

from __future__ import annotations

import dataclasses
import io
import threading

import pytest
from PIL import Image

import engines
from limner.engine import Finished, Preview, Progress
from limner.errors import (
    BadResult,
    ConfigError,
    EngineBusy,
    EngineDown,
    EngineError,
    JobLost,
    OutOfMemory,
    Refused,
    Rejected,
)
from tests.conftest import wait_until
from tests.contract.remote_drivers import COG as DRIVER
from tests.contract.remote_drivers import OnAServer, Watching, drawn, steps_of
from tests.standins import cog
from tests.standins.loopback import as_json


class TestCog(OnAServer):
    pass


class TestCogOneByOne(OnAServer):
    options = {"batch": False}


class TestCogThatYields(OnAServer):
    faults = ("yields",)


class TestCogThatKnowsWordsAlone(OnAServer):
    faults = ("words", "mute")


def began(server):
    """The inputs of the predictions that were begun."""
    asked = (one.json["input"] for one in server.asked if one.method == "PUT")
    return [inputs for inputs in asked if inputs.get("prompt") != []]


# -- one prediction ------------------------------------------------------------------------------


def test_a_finished_drawing_is_never_begun_again_by_who_looks_at_it(server, build, brief):
    server.step_s = 0.05
    drawn(build(), brief)

    assert server.begun == [f"limner-{brief.job_id}-0-0"]
    # Looks may arrive before what begins it.
    assert len(began(server)) == 1
    assert [one for one in server.asked if one.method == "PUT"][1:]


def test_progress_is_what_the_log_shows_after_the_loading(server, build, brief):
    server.step_s = 0.15

    steps = steps_of(build(), brief)

    fractions = [step.fraction for step in steps if isinstance(step, Progress)]
    assert fractions[0] < 0.5
    assert len(set(fractions)) >= 3


def test_a_log_that_tells_nothing_is_a_drawing_that_lives(server, build, brief, monkeypatch):
    monkeypatch.setattr("engines.cog.engine.ALIVE_S", 0.05)
    server.faults |= {"hang", "mute"}
    engine = build()
    watching = engine.watch(engine.submit(brief), brief, threading.Event())

    for _ in range(5):
        assert next(watching) == Progress(0.0)

    server.go_on.set()
    assert isinstance(list(watching)[-1], Finished)


def test_a_server_of_before_0_17_draws_without_telling_its_progress(server, build, brief):
    server.faults.add("old")

    assert len(drawn(build(), brief).cells) == 4
    assert len(server.begun) == 1


def test_cells_that_a_model_yields_are_shown_as_they_come(server, build, brief):
    server.faults.add("yields")
    server.step_s = 0.1

    steps = steps_of(build(), brief)

    shown = [step.cell for step in steps if isinstance(step, Preview)]
    assert shown == sorted(set(shown))
    assert shown[0] == 0


# -- busy, stopping, cancelling, attaching -------------------------------------------------------


def test_a_full_server_is_busy_and_well(server, build, brief):
    server.slots = 1
    server.faults.add("hang")
    engine = build()
    other = dataclasses.replace(brief, job_id="f" * 32)
    watching = Watching(engine, other)
    assert server.drawing.wait(20)

    with pytest.raises(EngineBusy):
        drawn(engine, brief)
    health = engine.health()

    assert (health.state, health.why) == ("ok", "all of its slots are in use")
    watching.stop.set()
    watching.end()


def test_between_its_cells_a_drawing_waits_for_a_slot(server, build, brief):
    server.slots = 1
    engine = build(batch=False)
    right, refused = server.answer, []

    def full_once(asked):
        if asked.path.endswith("-2") and not refused and asked.json["input"]["prompt"]:
            refused.append(asked)
            return as_json({"error": "At capacity", "status": "failed"}, 409)
        return right(asked)

    server.answer = full_once

    assert len(drawn(engine, brief).cells) == 4
    assert refused


def test_what_a_former_watch_still_holds_is_cancelled_and_drawn_anew(server, build, brief):
    server.faults.add("hang")
    right, refused = server.answer, []

    def full_once(asked):
        # What was cancelled leaves its slot a moment later.
        if asked.method == "PUT" and server.ended_early and not refused:
            refused.append(asked)
            return as_json({"error": "At capacity", "status": "failed"}, 409)
        return right(asked)

    server.answer = full_once
    engine, former = build(), build()
    handle = engine.submit(brief)
    watching = Watching(former, brief, handle)
    assert server.drawing.wait(20)

    other = Watching(engine, brief, handle)
    wait_until(lambda: len(server.ended_early) == 1, what="the end of the former drawing")
    server.go_on.set()
    other.end()

    assert refused
    assert isinstance(other.steps[-1], Finished)
    assert server.begun == [f"limner-{brief.job_id}-0-0"] * 2
    assert isinstance(watching.failed(), BadResult)


@pytest.mark.seam
def test_a_stop_hangs_up_which_cancels(server, build, brief):
    server.faults.add("hang")
    watching = Watching(build(), brief)
    assert server.drawing.wait(20)

    watching.stop.set()
    watching.end()

    assert not watching.saw(Finished)
    assert watching.error is None
    wait_until(lambda: bool(server.ended_early), what="the server to notice")


def test_cancel_ends_the_prediction_that_runs(server, build, brief):
    server.faults.add("hang")
    engine = build(batch=False)
    handle = engine.submit(brief)
    watching = Watching(engine, brief, handle)
    assert server.drawing.wait(20)

    engine.cancel(handle)

    assert isinstance(watching.failed(), BadResult)
    assert server.ended_early


# -- what comes back -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("failed", EngineError),
        ("nsfw", Rejected),
        ("oom", OutOfMemory),
        ("short", BadResult),
        ("broken", BadResult),
        ("text-output", BadResult),
        ("canceled", BadResult),
        ("drop", JobLost),
        ("refuses:prompt", Rejected),
        ("refuses:seed", Rejected),
        ("refuses:disable_safety_checker", Refused),
        ("refuses:num_outputs", Refused),
    ],
)
def test_every_fault_is_the_error_that_says_what_to_do(server, build, brief, fault, error):
    engine = build(inputs={"disable_safety_checker": True})
    server.faults.add(fault)

    with pytest.raises(error) as caught:
        drawn(engine, brief)

    assert type(caught.value) is error
    assert "secret" not in str(caught.value)


def test_words_of_the_prompt_decide_nothing(server, build, brief, monkeypatch):
    words = "Prediction failed: ValueError: cannot read 'a moderate sea, out of memory'"
    monkeypatch.setitem(cog._ERRORS, "failed", words)
    server.faults.add("failed")

    with pytest.raises(EngineError) as caught:
        drawn(build(), dataclasses.replace(brief, prompt="a moderate sea, out of memory"))

    assert type(caught.value) is EngineError


def test_what_a_failing_model_said_is_for_its_operator_alone(server, build, brief):
    server.faults.add("failed")
    with pytest.raises(EngineError) as caught:
        drawn(build(), brief)

    assert "secret words" in str(caught.value.__cause__)
    assert "secret" not in caught.value.message


def test_a_lost_answer_cost_nothing(server, build, brief):
    server.faults.add("drop")
    with pytest.raises(JobLost) as caught:
        drawn(build(), brief)
    assert not caught.value.charged


def test_pictures_may_be_links(server, build, brief):
    server.faults.add("links")

    finished = drawn(build(), brief)

    assert {Image.open(io.BytesIO(cell)).size for cell in finished.cells} == {(128, 192)}
    assert len(set(finished.cells)) == 4


def test_a_server_that_dies_in_mid_drawing_is_down(server, build, brief):
    server.faults.add("hang")
    watching = Watching(build(), brief)
    assert server.drawing.wait(20)
    server.stop()

    assert isinstance(watching.failed(), EngineDown)
    server.start()


def test_a_server_that_falls_silent_is_down(server, build, brief):
    server.faults.add("hang")
    engine = build(silent_s=0.2)
    handle = engine.submit(brief)
    right = server.answer
    server.answer = lambda asked: (
        as_json({}, 502)
        if asked.method == "PUT" and asked.json["input"] == {"prompt": []}
        else right(asked)
    )

    with pytest.raises(EngineDown, match="silent"):
        drawn(engine, brief, handle)

    wait_until(lambda: bool(server.ended_early), what="the server to notice")


# -- health and set-up ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "words", "error"),
    [
        ("starting", "still being set up", EngineDown),
        ("setup-failed", "could not be set up: RuntimeError: weights are missing", Refused),
        ("defunct", "process has ended", EngineDown),
        ("unhealthy", "own health check fails", EngineDown),
        ("no-schema", "no schema", Refused),
        ("no-prompt", "no input of the model is a prompt", Refused),
        ("picky", "wants 'lora_url'", Refused),
        ("not-cog", "", EngineError),
    ],
)
def test_a_model_that_cannot_draw_is_down_and_says_why(server, build, brief, fault, words, error):
    server.faults.add(fault)
    engine = build()

    health = engine.health()

    assert health.state == "down"
    assert words in health.why
    with pytest.raises(error):
        engine.submit(brief)
    server.faults.discard(fault)
    assert engine.health().state == "ok"


@pytest.mark.parametrize(
    ("fault", "options"),
    [
        ("no-prompt", {"names": {"prompt": "caption_of_it"}}),
        ("picky", {"inputs": {"lora_url": "https://example.com/x.safetensors"}}),
    ],
)
def test_what_a_model_calls_its_inputs_may_be_said(server, build, brief, fault, options):
    server.faults.add(fault)
    engine = build(**options)

    assert engine.health().state == "ok"
    assert len(drawn(engine, brief).cells) == 4
    (inputs,) = [one for one in began(server) if one.get("caption_of_it", "x") != []]
    assert inputs[options.get("names", {}).get("prompt", "prompt")] == brief.prompt
    assert inputs.items() >= options.get("inputs", {}).items()


@pytest.mark.parametrize("options", [{"names": {"seed": "sead"}}, {"inputs": {"sead": 3}}])
def test_an_input_that_the_model_does_not_have_is_the_operators_matter(build, options):
    health = build(**options).health()

    assert health.state == "down"
    assert "'sead'" in health.why


def test_another_model_at_the_same_address_is_noticed(server, build):
    engine = build()
    assert engine.capabilities().edit == "near"
    server.faults.add("words")

    engine.health()

    assert engine.capabilities().edit == "none"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"url": "ftp://host"}, "url"),
        ({"names": {"colour": "hue"}}, "names"),
        ({"inputs": ["go_fast"]}, "inputs"),
        ({"scale": 9}, "scale"),
        ({"api_key": "secret"}, "api_key"),
        ({"polls": 3}, "poll_s"),
    ],
)
def test_a_wrong_option_is_refused_by_name(options, named):
    with pytest.raises(ConfigError, match=named):
        engines.load(DRIVER.entry(**options))


def test_a_version_is_refused_since_a_container_has_one_model():
    entry = dataclasses.replace(DRIVER.entry(), versions={"7": "flux"})
    with pytest.raises(ConfigError, match="versions"):
        engines.load(entry)
