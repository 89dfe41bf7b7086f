"""The sdapi engine on an sd-server with its own queue: the place is told, and any worker finds a drawing again."""

from __future__ import annotations

import dataclasses
import threading

import pytest

from limner.engine import Finished, Progress, Queued
from limner.errors import (
    BadResult,
    EngineBusy,
    EngineDown,
    EngineError,
    JobLost,
    OutOfMemory,
    Refused,
)
from tests.conftest import wait_until
from tests.contract.engine_suite import a_brief
from tests.contract.remote_drivers import SDCPP, AppliesOnAServer, OnAServer, Watching, drawn

DRIVER = SDCPP
IN_A_ROW = (11, 12, 13, 14)


class TestSdapiOnAQueue(OnAServer):
    pass


class TestSdapiOnAQueueOneByOne(OnAServer):
    options = {"batch": False}


class TestWhatTheQueueApplies(AppliesOnAServer):
    exact = "ar negative seed size count vary edit"
    near = "stylize style niji references iw quality draft upscale_subtle upscale_creative blend"


@pytest.fixture
def brief():
    return a_brief(seeds=IN_A_ROW)


def begun(server):
    return [asked.json for asked in server.asked_for("/sdcpp/v1/img_gen")]


def test_a_drawing_is_begun_when_it_is_submitted_and_found_by_another_worker(server, build, brief):
    server.faults.add("hang")
    first, second = build(), build()
    handle = first.submit(brief)
    watching = Watching(first, brief, handle)
    assert server.drawing.wait(20)
    watching.stop.set()
    watching.end()
    server.go_on.set()
    wait_until(lambda: server.states() == ["completed"], what="the drawing")

    finished = drawn(second, brief, handle)

    assert len(begun(server)) == 1
    assert finished.seeds == IN_A_ROW
    assert second.capabilities().attach


def test_a_drawing_that_waits_knows_its_place(server, build, brief):
    server.faults.add("hang")
    engine = build()
    engine.submit(dataclasses.replace(brief, job_id="e" * 32))
    assert server.drawing.wait(20)
    engine.submit(dataclasses.replace(brief, job_id="f" * 32))
    stop = threading.Event()

    watching = engine.watch(engine.submit(brief), brief, stop)

    assert next(watching) == Queued(2)
    server.go_on.set()
    steps = list(watching)
    assert Queued(1) in steps
    assert isinstance(steps[-1], Finished)


def test_both_faces_draw_the_same_picture(server, build, brief):
    own = drawn(build(), brief)
    other = drawn(build(queue=False), brief)

    assert own.cells == other.cells
    assert len(begun(server)) == 1
    assert len(server.asked_for("/sdapi/v1/txt2img")) == 1


@pytest.mark.parametrize("fault", ["no-face", "video-only"])
def test_a_server_without_the_queue_is_drawn_on_as_before(server, build, brief, fault):
    server.faults.add(fault)
    engine = build()

    assert drawn(engine, brief)
    assert not engine.capabilities().attach
    assert not begun(server)


def test_a_request_is_said_in_the_servers_own_words(server, build, brief):
    drawn(build(sampler="DPM++ 2M", scheduler="Karras", steps=9, cfg=5.0), brief)

    (body,) = begun(server)
    assert body["sample_params"] == {
        "sample_steps": 9,
        "guidance": {"txt_cfg": 5.0},
        "sample_method": "dpm++2m",
        "scheduler": "karras",
    }
    assert (body["seed"], body["batch_count"]) == (11, 4)
    assert body["embed_image_metadata"] is False


def test_a_sampler_that_the_server_would_pass_over_is_the_operators_matter(build, brief):
    with pytest.raises(Refused, match="samplers"):
        build(sampler="Euler B").submit(brief)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("job-failed", EngineError),
        ("job-oom", OutOfMemory),
        ("job-cancelled", BadResult),
        ("job-short", BadResult),
        ("job-broken", BadResult),
        ("forgotten", JobLost),
        ("expired", JobLost),
        ("queue-full", EngineBusy),
    ],
)
def test_every_fault_is_the_error_that_says_what_to_do(server, build, brief, fault, error):
    server.faults.add(fault)

    with pytest.raises(error) as caught:
        drawn(build(), brief)

    assert type(caught.value) is error
    assert "/home" not in str(caught.value)
    assert not getattr(caught.value, "charged", False)


def test_all_or_none_of_a_drawings_jobs_are_queued(server, build, brief):
    server.faults |= {"hang", "second-full"}

    with pytest.raises(EngineBusy):
        build(batch=False).submit(brief)

    # What is being drawn already goes on; so it is asked for, and may not be granted.
    (queued,) = server.jobs
    assert server.asked_for(f"/sdcpp/v1/jobs/{queued}/cancel")


def test_cancel_takes_what_waits_out_of_the_queue(server, build, brief):
    server.faults.add("hang")
    engine = build(batch=False)

    engine.cancel(engine.submit(brief))

    assert server.states().count("cancelled") >= 3
    assert not engine.capabilities().cancel


def test_a_server_that_was_restarted_has_lost_the_drawing(server, build, brief):
    server.faults.add("hang")
    engine = build(silent_s=20.0)
    handle = engine.submit(brief)
    server.stop()
    server.start()

    with pytest.raises(JobLost):
        drawn(engine, brief, handle)


def test_a_server_that_falls_silent_is_down(server, build, brief):
    server.faults.add("hang")
    engine = build(silent_s=0.2)
    handle = engine.submit(brief)
    server.stop()

    with pytest.raises(EngineDown, match="silent"):
        drawn(engine, brief, handle)
    server.start()


def test_options_that_have_changed_since_do_not_give_another_drawing(build, brief):
    handle = build().submit(brief)

    with pytest.raises(JobLost):
        drawn(build(batch=False), brief, handle)


def test_jobs_that_nobody_will_fetch_leave_the_queue(server, build, brief):
    server.faults.add("hang")
    handle = build(batch=False).submit(brief)

    with pytest.raises(JobLost):
        drawn(build(), brief, handle)

    assert server.states().count("cancelled") >= 3


def test_what_is_drawn_is_said_to_live(server, build, brief, monkeypatch):
    monkeypatch.setattr("engines.sdapi.queued.ALIVE_S", 0.03)
    server.faults.add("hang")
    engine = build()
    watching = engine.watch(engine.submit(brief), brief, threading.Event())

    told = [next(watching) for _ in range(6)]

    assert Progress(0.0) in told
    server.go_on.set()
    assert isinstance(list(watching)[-1], Finished)
