"""The replicate engine keeps the contract, pays once, and tells one end of a prediction from another."""

from __future__ import annotations

import dataclasses
import io
import threading

import pytest
from PIL import Image

import engines
from limner.engine import Finished, Preview, Progress, Queued
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
from tests.contract.remote_drivers import KEY_VARIABLE, OnAServer, Watching, drawn, steps_of
from tests.contract.remote_drivers import REPLICATE as DRIVER
from tests.standins.replicate import KEY, VERSION

MODELS = "/v1/models/acme/painter/predictions"
PREDICTIONS = "/v1/predictions"


class TestReplicate(OnAServer):
    pass


class TestReplicateApart(OnAServer):
    options = {"outputs": "apart"}


class TestReplicateOfRatios(OnAServer):
    faults = ("flux",)


# -- what is created -----------------------------------------------------------------------------


def test_one_prediction_draws_all_cells_where_the_model_can(server, build, brief):
    finished = drawn(build(), brief)

    (given,) = server.created()
    assert (given["num_outputs"], given["seed"]) == (4, brief.seeds[0])
    # Which seed drew which is the model's matter.
    assert finished.seeds == ()
    assert len(set(finished.cells)) == 4


@pytest.mark.parametrize(("faults", "options"), [({"single"}, {}), (set(), {"outputs": "apart"})])
def test_a_prediction_a_cell_has_its_own_seed(server, build, brief, faults, options):
    server.faults |= faults

    finished = drawn(build(**options), brief)

    assert [given["seed"] for given in server.created()] == list(brief.seeds)
    assert finished.seeds == brief.seeds


@pytest.mark.parametrize(
    ("faults", "options", "path", "version"),
    [
        (set(), {}, MODELS, None),
        ({"community"}, {}, PREDICTIONS, VERSION),
        (set(), {"model": "acme/painter:0ff1ce"}, PREDICTIONS, "0ff1ce"),
        (set(), {"deployment": "acme/own"}, "/v1/deployments/acme/own/predictions", None),
    ],
)
def test_a_model_is_run_by_its_name_its_version_or_a_deployment(
    server, build, brief, faults, options, path, version
):
    server.faults |= faults

    drawn(build(**options), brief)

    (asked,) = server.asked_for(path)
    assert asked.json.get("version") == version
    assert asked.headers["cancel-after"] == "900s"
    # Else the answer would keep its slot's thread for a minute.
    assert "prefer" not in asked.headers


def test_a_version_that_callers_may_ask_for_is_another_model(server, build, brief):
    drawn(build(), dataclasses.replace(brief, model="acme/other:0ff1ce"))

    (asked,) = [asked for asked in server.asked_for(PREDICTIONS) if asked.method == "POST"]
    assert asked.json["version"] == "0ff1ce"


def test_what_the_operator_sets_is_sent_with_every_prediction(server, build, brief):
    drawn(build(input={"go_fast": True, "guidance_scale": 3.5}, cancel_after_s=0), brief)

    (given,) = server.created()
    assert (given["go_fast"], given["guidance_scale"]) == (True, 3.5)
    assert "cancel-after" not in server.asked_for(MODELS)[0].headers


# -- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "error", "kind"),
    [
        ("no-token", Refused, "credentials"),
        ("no-credit", Refused, "credit"),
        ("throttled", EngineBusy, None),
        ("throttled-header", EngineBusy, None),
        ("bad-input", Rejected, "parameter"),
        ("bad-image", Rejected, "reference"),
        ("bad-version", Refused, "setup"),
        ("no-model", Refused, "setup"),
        ("500", EngineError, None),
        ("502", EngineDown, None),
    ],
)
def test_every_refusal_is_the_error_that_says_what_to_do(server, build, brief, fault, error, kind):
    server.faults.add(fault)

    with pytest.raises(error) as caught:
        build().submit(brief)

    assert getattr(caught.value, "kind", None) == kind
    assert "/home" not in str(caught.value)
    assert server.predictions == {}


@pytest.mark.parametrize(("fault", "seconds"), [("throttled", 1), ("throttled-header", 7)])
def test_a_throttled_account_waits_as_long_as_it_is_told(server, build, brief, fault, seconds):
    server.faults.add(fault)

    with pytest.raises(EngineBusy) as caught:
        build().submit(brief)

    assert caught.value.retry_after_s == seconds


def test_an_input_of_the_operators_that_is_refused_is_the_operators_matter(server, build, brief):
    with pytest.raises(Refused, match="input"):
        build(input={"num_inference_steps": 5000}).submit(brief)


# -- paying once -----------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"outputs": "apart"}])
def test_a_lost_answer_is_found_at_the_host_and_not_paid_for_again(server, build, brief, options):
    server.faults.add("drop-create")

    finished = drawn(build(**options), brief)

    assert len(finished.cells) == 4
    assert len(server.drawn) == 4


@pytest.mark.parametrize("faults", [{"drop-create", "no-list"}, {"504"}, {"odd-id", "no-list"}])
def test_a_lost_answer_that_cannot_be_found_may_have_been_charged(server, build, brief, faults):
    server.faults |= faults
    with pytest.raises(JobLost) as caught:
        build().submit(brief)

    assert caught.value.charged


def test_a_job_whose_worker_died_while_submitting_finds_what_was_submitted(server, build, brief):
    build().submit(brief)

    again = dataclasses.replace(brief, attempt=1)
    finished = drawn(build(), again)

    assert isinstance(finished, Finished)
    assert len(server.predictions) == 1


def test_a_job_whose_prediction_failed_is_drawn_anew(server, build, brief):
    engine = build()
    server.faults.add("director")
    with pytest.raises(EngineError):
        drawn(engine, brief)
    server.faults.clear()

    assert drawn(engine, dataclasses.replace(brief, attempt=1))
    assert len(server.predictions) == 2


def test_a_host_that_cannot_say_what_was_submitted_is_not_asked_to_draw_again(server, build, brief):
    engine = build()
    engine.submit(brief)
    server.faults |= {"poll-502", "no-list"}
    server.stop()

    with pytest.raises(EngineDown):
        engine.submit(dataclasses.replace(brief, attempt=1))

    server.start()
    assert len(server.predictions) == 1


def test_another_process_goes_on_with_a_handle(server, build, brief):
    handle = build().submit(brief)

    assert drawn(build(), brief, handle)
    assert len(server.predictions) == 1


# -- ends of a prediction ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "error", "kind"),
    [
        ("nsfw", Rejected, "moderated"),
        ("sensitive", Rejected, "moderated"),
        ("bad-file", Rejected, "reference"),
        ("canceled", Rejected, "failed"),
        ("oom", OutOfMemory, None),
        ("director", EngineError, None),
        ("interrupted", EngineError, None),
        ("failed", EngineError, None),
        ("busy", EngineBusy, None),
        ("aborted", EngineBusy, None),
        ("removed", JobLost, None),
        ("forgets", JobLost, None),
        ("gone-url", JobLost, None),
        ("empty", BadResult, None),
        ("fewer", BadResult, None),
    ],
)
def test_every_end_of_a_prediction_is_the_error_that_says_what_to_do(
    server, build, brief, fault, error, kind
):
    server.faults.add(fault)

    with pytest.raises(error) as caught:
        drawn(build(), brief)

    assert getattr(caught.value, "kind", None) == kind
    assert "/home" not in str(caught.value)
    assert getattr(caught.value, "charged", True)


def test_words_of_the_prompt_decide_nothing(server, build, brief, monkeypatch):
    monkeypatch.setitem(
        __import__("tests.standins.replicate", fromlist=["_ENDS"])._ENDS,
        "quotes",
        ("failed", "ValueError: could not draw 'a robot out of memory'"),
    )
    server.faults.add("quotes")

    with pytest.raises(EngineError) as caught:
        drawn(build(), dataclasses.replace(brief, prompt="a robot out of memory"))

    assert type(caught.value) is EngineError


@pytest.mark.parametrize("shape", ["table"])
def test_outputs_of_other_shapes_are_read(server, build, brief, shape):
    server.faults.add(shape)

    assert len(drawn(build(), brief).cells) == 4


def test_a_single_url_is_a_picture(server, build, brief):
    server.faults |= {"one-url", "single"}

    assert len(drawn(build(), brief).cells) == 4


def test_what_it_costs_by_time_is_told(server, build, brief):
    finished = drawn(build(price_per_second=0.002, outputs="apart"), brief)

    # Four predictions of 2.5 s each.
    assert finished.cost == pytest.approx(4 * 2.5 * 0.002)
    assert finished.notes["predict_time"] == 2.5
    assert drawn(build(), brief).cost is None


# -- watching ------------------------------------------------------------------------------------


def test_waiting_and_progress_are_told_as_the_logs_say(server, build, brief):
    steps = steps_of(build(), brief)

    assert steps[0] == Queued(None)
    assert [s.fraction for s in steps if isinstance(s, Progress)] == [0.5, 0.75, 1.0]


def test_pictures_that_are_done_before_the_others_are_previews(server, build, brief):
    server.faults.add("streams")

    previews = [step for step in steps_of(build(), brief) if isinstance(step, Preview)]

    assert [step.cell for step in previews] == [0, 1, 2]
    assert all(Image.open(io.BytesIO(step.image)) for step in previews)


@pytest.mark.parametrize("fault", ["poll-502", "poll-429"])
def test_a_host_away_for_a_while_costs_no_drawing(server, build, brief, fault):
    engine = build(silent_s=60.0)
    handle = engine.submit(brief)
    server.faults.add(fault)
    watching = Watching(engine, brief, handle)
    path = f"{PREDICTIONS}/{handle['tickets'][0]['id']}"
    wait_until(lambda: len(server.asked_for(path)) > 1, what="some polls")

    server.faults.discard(fault)

    assert isinstance(watching.end().steps[-1], Finished)


def test_a_host_away_for_long_is_down_and_the_handle_is_good_later(server, build, brief):
    engine = build(silent_s=0.1)
    handle = engine.submit(brief)
    server.faults.add("poll-502")

    with pytest.raises(EngineDown, match="silent"):
        steps_of(engine, brief, handle)

    assert not server.canceled()
    server.faults.discard("poll-502")
    assert drawn(engine, brief, handle)
    assert len(server.predictions) == 1


def test_many_drawings_together_poll_no_more_often_than_the_account_may(server, build, brief):
    engine, stop = build(polls_most=20.0), threading.Event()
    server.held.set()
    handles = [engine.submit(brief) for _ in range(10)]
    with engine._pace.counted(len(handles)):
        assert engine._pace.pause_s() == 0.5
    stop.set()
    assert engine._pace.pause_s() == 0.01


# -- stopping and cancelling -----------------------------------------------------------------------


def test_a_stop_leaves_the_drawing_going_on(server, build, brief):
    server.held.set()
    engine, stop = build(), threading.Event()
    handle = engine.submit(brief)
    watching = engine.watch(handle, brief, stop)
    next(watching)

    stop.set()

    assert list(watching) == []
    assert not server.canceled()
    server.held.clear()
    assert drawn(engine, brief, handle)


def test_cancelling_cancels_every_prediction(server, build, brief):
    server.held.set()
    engine = build(outputs="apart")
    handle = engine.submit(brief)

    engine.cancel(handle)
    engine.cancel(handle)

    assert len(server.canceled()) == 4


def test_a_failed_cell_cancels_the_others(server, build, brief):
    server.held.set()
    engine = build(outputs="apart")
    handle = engine.submit(brief)
    server.predictions[handle["tickets"][2]["id"]] |= {"status": "failed", "error": "NSFW"}

    with pytest.raises(Rejected):
        drawn(engine, brief, handle)

    assert len(server.canceled()) == 3


def test_a_drawing_whose_later_cells_are_throttled_is_submitted_all_the_same(server, build, brief):
    server.faults.add("throttled-later")

    assert drawn(build(outputs="apart"), brief)
    assert len(server.predictions) == 4


@pytest.mark.parametrize("patience", [0.1, 30.0])
def test_a_drawing_whose_later_cells_are_refused_is_cancelled(server, build, brief, patience):
    server.held.set()
    server.faults.add("no-credit-later" if patience > 1 else "throttled-later")

    with pytest.raises(Refused if patience > 1 else EngineBusy):
        build(outputs="apart", submit_s=patience).submit(brief)

    assert len(server.canceled()) == len(server.predictions) == 1


# -- setting up ------------------------------------------------------------------------------------


def test_the_token_goes_to_the_host_and_nowhere_else(server, build, brief):
    handle = build().submit(brief)
    finished = drawn(build(), brief, handle)

    assert KEY not in repr((handle, finished.notes))
    pictures = [asked for asked in server.asked if asked.path.startswith("/delivery/")]
    assert len(pictures) == 4


def test_a_host_that_is_away_is_down(server, build, brief):
    engine = build()
    assert engine.health().state == "ok"
    server.stop()

    assert engine.health().state == "down"
    with pytest.raises(EngineDown):
        engine.submit(brief)

    server.start()
    assert engine.health().state == "ok"


def test_an_engine_claims_little_before_it_has_seen_its_model(server, build, brief):
    server.stop()
    engine = build()

    assert engine.capabilities().references == "none"

    server.start()
    drawn(engine, brief)
    assert engine.capabilities().references == "near"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"model": None}, "model"),
        ({"model": "painter"}, "model"),
        ({"deployment": "own"}, "deployment"),
        ({"outputs": "both"}, "outputs"),
        ({"api_token_env": None}, "api_token_env"),
        ({"api_token": "r8_secret"}, "api_token_env"),
        ({"input": "steps"}, "input"),
        ({"pol_s": 3}, "poll_s"),
    ],
)
def test_a_wrong_option_is_refused_by_name(monkeypatch, options, named):
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    with pytest.raises(ConfigError, match=named):
        engines.load(DRIVER.entry(**options))
