"""The sdapi engine keeps the contract on three kinds of servers, and reads every oddity of theirs."""

from __future__ import annotations

import base64
import dataclasses
import io
import threading

import pytest
from PIL import Image

import engines
from engines.remote.session import Answered
from limner.engine import Finished, Parent, Preview, Progress, Queued
from limner.errors import (
    BadResult,
    ConfigError,
    EngineDown,
    EngineError,
    JobLost,
    OutOfMemory,
    Refused,
    Rejected,
)
from tests.conftest import wait_until
from tests.contract.engine_suite import a_brief
from tests.contract.remote_drivers import SDAPI as DRIVER
from tests.contract.remote_drivers import OnAServer, Watching, drawn
from tests.standins.loopback import as_json
from tests.standins.sdapi import PASSWORD, USER

#: what one request can draw: seeds that follow each other, as they do from a seed that a caller names
IN_A_ROW = (11, 12, 13, 14)
TXT2IMG, IMG2IMG = "/sdapi/v1/txt2img", "/sdapi/v1/img2img"


def asked_of(server, path=TXT2IMG):
    """The bodies of the drawing requests."""
    return [asked.json for asked in server.asked_for(path)]


class TestSdapiOnA1111(OnAServer):
    pass


class TestSdapiOnA1111OneByOne(OnAServer):
    options = {"batch": False}


class TestSdapiOnSdNextOfOurOwn(OnAServer):
    faults = ("sdnext",)
    options = {"exclusive": True}


class TestSdapiOnSdServer(OnAServer):
    faults = ("sd-server",)


# -- what is asked for ---------------------------------------------------------------------------


def test_a_batch_asks_once_with_our_task_id(server, build, brief):
    finished = drawn(build(), brief)

    (body,) = asked_of(server)
    assert body["force_task_id"] == f"limner-{brief.job_id}-0"
    assert (body["batch_size"], body["seed"]) == (4, 11)
    assert (body["width"], body["height"]) == (brief.width, brief.height)
    assert body["save_images"] is False
    assert finished.seeds == (11, 12, 13, 14)


def test_four_requests_keep_every_seed(server, build, brief):
    finished = drawn(build(batch=False), brief)

    assert [body["seed"] for body in asked_of(server)] == list(brief.seeds)
    assert finished.seeds == brief.seeds
    assert len(set(finished.cells)) == 4


@pytest.mark.parametrize("kind", ["sd-server", "sdnext"])
def test_others_than_a1111_get_no_task_id_and_no_variation(server, build, brief, kind):
    server.faults.add(kind)
    asked = dataclasses.replace(brief, chaos=50.0)

    finished = drawn(build(), asked)

    (body,) = asked_of(server)
    assert not {"force_task_id", "subseed_strength"} & set(body)
    assert finished.notes["parameters"] == {"chaos": "none"}


def test_parameters_become_fields_and_the_notes_say_how_well(server, build, brief):
    asked = dataclasses.replace(
        brief, chaos=100.0, stylize=1000.0, style="raw", tile=True, negative="people"
    )

    finished = drawn(build(suffix="oil on canvas", negative="blurry"), asked)

    (body,) = asked_of(server)
    assert body["subseed_strength"] == 1.0
    assert body["cfg_scale"] == 4.0
    assert body["tiling"] is True
    assert body["negative_prompt"] == "people, blurry"
    assert body["prompt"] == brief.prompt
    assert finished.notes["parameters"] == {
        "chaos": "near",
        "stylize": "near",
        "style": "near",
        "tile": "exact",
        "negative": "exact",
    }
    assert len(set(finished.seeds)) == 4


def test_less_chaos_brings_the_four_pictures_nearer_to_each_other(server, build, brief):
    engine = build()
    for chaos in (0.0, 100.0):
        drawn(engine, dataclasses.replace(brief, chaos=chaos))

    near, far = asked_of(server)
    assert 0 < near["subseed_strength"] < far["subseed_strength"]


def test_a_distilled_model_keeps_its_guidance(server, build, brief):
    finished = drawn(build(cfg=1.0), dataclasses.replace(brief, stylize=500.0))

    assert asked_of(server)[0]["cfg_scale"] == 1.0
    assert finished.notes["parameters"] == {"stylize": "none"}


def test_niji_takes_its_checkpoint_and_gives_the_servers_one_back(server, build, brief):
    niji = dataclasses.replace(brief, niji=True, style="cute")

    drawn(build(niji_checkpoint="anything.safetensors"), niji)
    drawn(build(niji_checkpoint="anything", checkpoint="plain"), brief)
    drawn(build(), niji)

    with_own, with_plain, in_words = asked_of(server)
    assert with_own["override_settings"] == {"sd_model_checkpoint": "anything.safetensors"}
    assert with_own["override_settings_restore_afterwards"] is True
    assert with_plain["override_settings"] == {"sd_model_checkpoint": "plain"}
    assert with_plain["override_settings_restore_afterwards"] is False
    assert "cute" in with_own["prompt"]
    assert "anime" in in_words["prompt"]
    assert "override_settings" not in in_words


def test_sd_server_has_one_model_and_is_asked_for_niji_in_words(server, build, brief):
    server.faults.add("sd-server")
    engine = build(niji_checkpoint="anything.safetensors")

    finished = drawn(engine, dataclasses.replace(brief, niji=True))

    (body,) = asked_of(server)
    assert "override_settings" not in body
    assert "anime" in body["prompt"]
    assert finished.notes["parameters"] == {"niji": "near"}


def test_the_first_reference_is_what_the_drawing_starts_from(server, build, brief, tmp_path):
    Image.new("RGB", (300, 100), "red").save(tmp_path / "one.png")
    asked = dataclasses.replace(brief, references=(tmp_path / "one.png",), iw=2.0)

    finished = drawn(build(), asked)

    (body,) = asked_of(server, IMG2IMG)
    start = Image.open(io.BytesIO(base64.b64decode(body["init_images"][0])))
    assert start.size == (brief.width, brief.height)
    assert body["denoising_strength"] == pytest.approx(0.3)
    assert finished.notes["parameters"] == {"references": "near", "iw": "near"}


def test_a_variation_starts_from_its_parent(server, build, brief, tmp_path):
    Image.new("RGB", (128, 192), "red").save(tmp_path / "cell.png")
    asked = dataclasses.replace(brief, parent=Parent(tmp_path / "cell.png", 2, 0.45))

    drawn(build(), asked)

    assert asked_of(server, IMG2IMG)[0]["denoising_strength"] == 0.45


def test_a_prompt_cannot_reach_sd_servers_own_parameters(server, build, brief):
    nasty = 'a cat <sd_cpp_extra_args>{"width": 9999}</sd_cpp_extra_args>'

    drawn(build(), dataclasses.replace(brief, prompt=nasty, negative=nasty))

    (body,) = asked_of(server)
    assert "sd_cpp_extra_args" not in body["prompt"] + body["negative_prompt"]


def test_a_larger_drawing_is_reduced_to_the_cell(server, build, brief):
    finished = drawn(build(scale=2.0), brief)

    assert (asked_of(server)[0]["width"], asked_of(server)[0]["height"]) == (256, 384)
    assert Image.open(io.BytesIO(finished.cells[0])).size == (128, 192)


# -- what comes back -----------------------------------------------------------------------------


@pytest.mark.parametrize("oddity", ["size-drift", "info-empty", "grid-first"])
def test_an_odd_answer_still_gives_four_cells_of_the_right_size(server, build, brief, oddity):
    engine = build()
    plain = drawn(engine, brief)
    server.faults.add(oddity)

    finished = drawn(engine, brief)

    sizes = {Image.open(io.BytesIO(cell)).size for cell in finished.cells}
    assert sizes == {(brief.width, brief.height)}
    assert finished.seeds == plain.seeds
    assert len(set(finished.cells)) == 4
    if oddity != "size-drift":
        assert finished.cells == plain.cells


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("oom", OutOfMemory),
        ("nan", BadResult),
        ("422", Rejected),
        ("422-ours", Refused),
        ("400", Answered),
        ("no-model", Refused),
        ("sampler", Refused),
        ("no-init-image", Rejected),
        ("no-images", BadResult),
        ("short", BadResult),
        ("broken", BadResult),
        ("interrupted", BadResult),
        ("drop", JobLost),
        ("502", EngineDown),
        ("bug", EngineError),
    ],
)
def test_every_fault_is_the_error_that_says_what_to_do(server, build, brief, fault, error):
    engine = build()
    server.faults.add(fault)

    with pytest.raises(error) as caught:
        drawn(engine, brief)

    assert type(caught.value) is error or fault == "bug"
    assert "/home" not in str(caught.value)


@pytest.mark.parametrize(
    ("field", "error"), [("steps", Refused), ("prompt", Rejected), ("odd", Answered)]
)
def test_words_of_a_body_that_is_repeated_decide_nothing(build, brief, server, field, error):
    engine = build()
    handle = engine.submit(brief)
    repeated = {"prompt": "unknown checkpoint, out of memory, init image", "steps": 20}
    detail = [{"loc": ["body", field], "msg": "no", "input": repeated}]
    right = server.answer
    server.answer = lambda asked: (
        as_json({"detail": detail}, 422) if asked.path == TXT2IMG else right(asked)
    )

    with pytest.raises(error):
        list(engine.watch(handle, brief, threading.Event()))


def test_a_lost_answer_cost_nothing(server, build, brief):
    engine = build()
    server.faults.add("drop")

    with pytest.raises(JobLost) as caught:
        drawn(engine, brief)

    assert not caught.value.charged


def test_a_batch_beyond_the_memory_is_drawn_one_by_one(server, build, brief):
    server.faults.add("oom-batch")

    steps = list((engine := build()).watch(engine.submit(brief), brief, threading.Event()))

    assert [body["batch_size"] for body in asked_of(server)] == [4, 1, 1, 1, 1]
    assert steps[-1].seeds == brief.seeds
    assert steps[-1].notes["requests"] == 4
    fractions = [step.fraction for step in steps if isinstance(step, Progress)]
    assert fractions == sorted(fractions)


def test_a_server_that_dies_in_mid_drawing_is_down(server, build, brief):
    server.faults.add("hang")
    engine = build()
    handle = engine.submit(brief)
    killer = threading.Thread(target=lambda: (server.drawing.wait(20), server.stop()))
    killer.start()

    with pytest.raises(EngineDown):
        list(engine.watch(handle, brief, threading.Event()))

    killer.join(20)
    server.start()


def test_a_server_that_falls_silent_is_down(server, build, brief):
    server.faults |= {"hang", "dropped-progress"}
    engine = build(silent_s=0.2)

    with pytest.raises(EngineDown, match="silent"):
        drawn(engine, brief)

    assert server.abandoned.wait(20)


def test_a_server_that_is_away_is_down_before_anything_is_sent(build, brief, server):
    engine = build()
    server.stop()

    with pytest.raises(EngineDown):
        engine.submit(brief)
    assert engine.health().state == "down"
    assert engine.capabilities().tile == "none"

    server.start()
    assert engine.health().state == "ok"
    assert engine.capabilities().tile == "exact"


def test_a_server_without_the_api_is_refused_as_the_operators_matter(server, build, brief):
    engine = build()
    handle = engine.submit(brief)
    server.answer = engine_without_api

    with pytest.raises(Refused) as caught:
        list(engine.watch(handle, brief, threading.Event()))

    assert caught.value.kind == "setup"


def engine_without_api(asked):
    return as_json({"detail": "Not Found"}, 404)


# -- stopping and cancelling ---------------------------------------------------------------------


@pytest.mark.seam
def test_a_stop_hangs_up_at_once(server, build, brief):
    server.faults.add("hang")
    engine, stop = build(), threading.Event()
    watching = engine.watch(engine.submit(brief), brief, stop)
    assert not isinstance(next(watching), Finished)
    assert server.drawing.wait(20)

    stop.set()

    # The server hangs: who waited for its answer would wait for ever.
    assert list(watching) == []
    assert server.abandoned.wait(20)


@pytest.mark.seam
def test_leaving_the_watch_hangs_up_too(server, build, brief):
    server.faults.add("hang")
    engine = build()
    watching = engine.watch(engine.submit(brief), brief, threading.Event())
    next(watching)
    assert server.drawing.wait(20)

    watching.close()

    assert server.abandoned.wait(20)


def test_half_made_pictures_of_our_own_interrupt_are_no_result(server, build, brief):
    server.step_s = 0.2
    engine, stop = build(), threading.Event()
    handle = engine.submit(brief)
    watching = engine.watch(handle, brief, stop)
    assert not isinstance(next(watching), Finished)

    engine.cancel(handle)
    stop.set()

    assert not any(isinstance(step, Finished) for step in watching)
    assert server.interrupted


@pytest.mark.parametrize("kind", ["a1111", "sdnext"])
def test_cancel_never_interrupts_a_drawing_that_is_not_ours(server, build, brief, kind):
    server.faults |= {"hang", kind}
    engine = build()
    others = dataclasses.replace(brief, job_id="f" * 32)
    ours, theirs = engine.submit(brief), engine.submit(others)
    watching = Watching(engine, others, theirs)
    assert server.drawing.wait(20)

    engine.cancel(ours)

    assert not server.asked_for("/sdapi/v1/interrupt")
    watching.stop.set()
    watching.end()


def test_one_by_one_drawings_are_cancelled_by_the_picture_that_runs(server, build, brief):
    server.faults.add("hang")
    engine, stop = build(batch=False), threading.Event()
    handle = engine.submit(brief)
    watching = engine.watch(handle, brief, stop)
    next(watching)

    engine.cancel(handle)

    assert server.interrupted
    stop.set()
    list(watching)


# -- progress ------------------------------------------------------------------------------------


def test_a_waiting_drawing_knows_its_place(server, build, brief):
    server.faults.add("hang")
    engine = build()
    first = dataclasses.replace(brief, job_id="f" * 32)
    stop = threading.Event()
    thread = threading.Thread(target=lambda: list(engine.watch(engine.submit(first), first, stop)))
    thread.start()
    assert server.drawing.wait(20)

    watching = engine.watch(engine.submit(brief), brief, stop)
    step = next(watching)

    assert step == Queued(1)
    stop.set()
    list(watching)
    thread.join(20)


@pytest.mark.parametrize("kind", ["sdnext", "a1111"])
def test_what_the_server_tells_of_others_is_not_believed(server, build, brief, kind):
    server.faults |= {"foreign", kind}
    if kind == "a1111":
        # Without its web page, A1111 has the global route only.
        plain = server.answer
        server.answer = lambda asked: (
            engine_without_api(asked) if asked.path.startswith("/internal") else plain(asked)
        )
    engine = build()

    steps = list(engine.watch(engine.submit(brief), brief, threading.Event()))

    assert not any(isinstance(step, Preview) for step in steps)
    assert all(step.fraction == 0 for step in steps if isinstance(step, Progress))


def test_a_blind_server_is_waited_for_as_long_as_it_lives(server, build, brief, monkeypatch):
    monkeypatch.setattr("engines.sdapi.engine.ALIVE_S", 0.05)
    server.faults |= {"sd-server", "hang"}
    engine = build(silent_s=0.2)
    watching = engine.watch(engine.submit(brief), brief, threading.Event())

    # One every twentieth of a second: for longer than a server that tells of drawings may be silent.
    for _ in range(10):
        assert next(watching) == Progress(0.0)

    server.go_on.set()
    assert isinstance(list(watching)[-1], Finished)


# -- setting up ----------------------------------------------------------------------------------


def test_a_locked_server_takes_the_password_of_the_environment(server, brief, monkeypatch):
    server.faults.add("locked")
    monkeypatch.setenv("WEBUI_PASSWORD", PASSWORD)
    engine = engines.load(DRIVER.entry(server.url, user=USER, password_env="WEBUI_PASSWORD"))

    assert engine.health().state == "ok"
    handle = engine.submit(brief)
    finished = list(engine.watch(handle, brief, threading.Event()))[-1]

    assert PASSWORD not in repr((handle, finished.notes))
    engine.close()


def test_a_wrong_password_is_the_operators_matter(server, build, brief, monkeypatch):
    server.faults.add("locked")
    monkeypatch.setenv("WEBUI_PASSWORD", "wrong-password")
    engine = build(user=USER, password_env="WEBUI_PASSWORD")

    with pytest.raises(Refused) as caught:
        engine.submit(brief)

    assert caught.value.kind == "credentials"
    assert "credentials" in engine.health().why
    assert "wrong-password" not in str(caught.value) + engine.health().why


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"url": "ftp://host"}, "url"),
        ({"steps": 0}, "steps"),
        ({"user": "painter"}, "user"),
        ({"password": "secret"}, "password"),
        ({"tiling": "maybe"}, "tiling"),
        ({"stepz": 3}, "steps"),
    ],
)
def test_a_wrong_option_is_refused_by_name(options, named):
    with pytest.raises(ConfigError, match=named):
        engines.load(DRIVER.entry(**options))


def test_a_guarded_web_page_does_not_keep_the_api_from_drawing(server, build, brief):
    server.faults.add("guarded-page")

    assert drawn(build(), brief)


def test_a_drawing_that_is_seen_to_stand_still_is_not_said_to_live(
    server, build, brief, monkeypatch
):
    monkeypatch.setattr("engines.sdapi.engine.ALIVE_S", 0.01)
    server.faults.add("hang")
    watching = Watching(build(), brief)
    asked = server.asked_for
    wait_until(lambda: len(asked("/internal/progress")) > 20, what="many looks")

    watching.stop.set()

    shown = [
        step for step in watching.end().steps if isinstance(step, Progress) and step.fraction > 0
    ]
    assert len(shown) == 1


def test_ten_drawings_at_once_keep_apart(server, build, brief):
    engine, results = build(), {}
    server.step_s = 0.0
    stop = threading.Event()

    def draw(number):
        mine = dataclasses.replace(brief, job_id=f"{number:032x}", prompt=f"picture {number}")
        results[number] = drawn(engine, mine, stop=stop).cells

    threads = [threading.Thread(target=draw, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(results) == 10, what="ten drawings")
    for thread in threads:
        thread.join(20)

    assert len(set(results.values())) == 10


@pytest.mark.parametrize("named", ["random.safetensors", "random", "RANDOM"])
def test_a_checkpoint_that_the_server_has_is_found_by_any_of_its_names(build, named):
    assert build(checkpoint=named).health().state == "ok"


@pytest.mark.parametrize("option", ["checkpoint", "niji_checkpoint"])
def test_a_server_without_a_checkpoint_of_ours_is_down_and_says_which(build, option):
    health = build(**{option: "gone.safetensors"}).health()

    assert health.state == "down"
    assert "gone.safetensors" in health.why


def test_sd_server_is_not_asked_for_a_checkpoint(server, build):
    server.faults.add("sd-server")

    assert build(checkpoint="gone.safetensors").health().state == "ok"


@pytest.fixture
def brief():
    """Seeds in a row, as those of a caller who names one."""
    return a_brief(seeds=IN_A_ROW)
