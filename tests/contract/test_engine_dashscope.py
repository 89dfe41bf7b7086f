"""The dashscope engine keeps the contract both ways: as tasks, and while it is waited for."""

from __future__ import annotations

import dataclasses
import json

import pytest
from PIL import Image

import engines
from engines.dashscope import route_of
from limner.engine import Edit, Finished, Parent, Progress, Queued
from limner.errors import (
    BadResult,
    ConfigError,
    EngineBusy,
    EngineDown,
    EngineError,
    JobLost,
    Refused,
    Rejected,
)
from tests.conftest import wait_until
from tests.contract.hosted_drivers import DASHSCOPE as DRIVER
from tests.contract.remote_drivers import (
    KEY_VARIABLE,
    AppliesOnAServer,
    OnAServer,
    Watching,
    drawn,
    steps_of,
)
from tests.standins.dashscope import KEY, REFUSALS

AIGC = "/api/v1/services/aigc"
TEXT = f"{AIGC}/text2image/image-synthesis"
AT_ONCE = f"{AIGC}/multimodal-generation/generation"
#: the two ways
TASKS, NOW = {"model": "wan2.2-t2i-flash"}, {"model": "qwen-image-2.0-pro"}


def sent(server, path=TEXT):
    return [asked.json for asked in server.asked_for(path)]


def painted(path, colour, size=(128, 192)):
    Image.new("RGB", size, colour).save(path)
    return path


class TestDashScope(OnAServer):
    faults = ("odd-status",)


class TestDashScopeAtOnce(OnAServer):
    options = NOW


class TestDashScopeByMessages(OnAServer):
    options = {"model": "wan2.6-t2i", "pictures_a_request": 1}


class TestWhatDashScopeApplies(AppliesOnAServer):
    options = {"pictures_a_request": 1}
    exact = "ar negative size count"
    near = "chaos stylize style niji seed weird"


class TestWhatDashScopeAppliesAtOnce(AppliesOnAServer):
    options = NOW
    exact = "ar negative size count"
    near = (
        "chaos stylize style niji references seed weird style_references object_references vary "
        "edit blend"
    )


# -- what is sent ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "route"),
    [
        ("wanx2.1-t2i-turbo", "text2image"),
        ("wan2.2-t2i-flash", "text2image"),
        ("wan2.5-t2i-preview", "text2image"),
        ("qwen-image", "text2image"),
        ("qwen-image-plus", "text2image"),
        ("wan2.5-i2i-preview", "image2image"),
        ("wanx2.1-imageedit", "image2image"),
        ("wan2.6-t2i", "image-generation"),
        ("wan3.0-image", "image-generation"),
        ("qwen-image-2.0", "multimodal-generation"),
        ("qwen-image-3.0-pro", "multimodal-generation"),
        ("qwen-image-edit-plus", "multimodal-generation"),
        ("z-image-turbo", "multimodal-generation"),
    ],
)
def test_the_route_follows_from_the_models_name(model, route):
    assert route_of(model) == route


def test_one_task_draws_all_cells_where_the_model_can(server, build, brief):
    finished = drawn(build(), dataclasses.replace(brief, negative="people"))

    (body,) = sent(server)
    assert body["parameters"] == {
        "size": "128*192",
        "n": 4,
        "seed": brief.seeds[0],
        "prompt_extend": False,
        "watermark": False,
    }
    assert body["input"] == {"prompt": brief.prompt, "negative_prompt": "people"}
    assert server.asked_for(TEXT)[0].headers["x-dashscope-async"] == "enable"
    # Which seed drew which is the model's matter.
    assert finished.seeds == ()
    assert len(set(finished.cells)) == 4


def test_three_cells_are_a_task_of_three(server, build, brief):
    drawn(build(pictures_a_request=2), dataclasses.replace(brief, seeds=brief.seeds[:3]))

    assert [body["parameters"]["n"] for body in sent(server)] == [2, 1]


def test_a_task_a_cell_has_its_own_seed(server, build, brief):
    seeds = (1, 2, 2**31 + 3, 2**32 - 1)

    finished = drawn(build(pictures_a_request=1), dataclasses.replace(brief, seeds=seeds))

    assert [body["parameters"]["seed"] for body in sent(server)] == [1, 2, 3, 2**31 - 1]
    assert finished.seeds == (1, 2, 3, 2**31 - 1)


def test_what_is_waited_for_is_sent_in_messages(server, build, brief, tmp_path):
    pictures = tuple(painted(tmp_path / f"{c}.png", c) for c in ("red", "navy"))
    asked = dataclasses.replace(
        brief, references=pictures, negative="people", seeds=brief.seeds[:1]
    )

    drawn(build(**NOW), asked)

    (body,) = sent(server, AT_ONCE)
    first, second, text = body["input"]["messages"][0]["content"]
    assert first["image"].startswith("data:image/jpeg;base64,")
    assert second["image"] != first["image"]
    assert text["text"].startswith(brief.prompt)
    assert body["parameters"]["negative_prompt"] == "people"
    assert "x-dashscope-async" not in server.asked_for(AT_ONCE)[0].headers


def test_pictures_for_an_edit_by_task_are_in_its_input(server, build, brief, tmp_path):
    parent = Parent(painted(tmp_path / "cell.png", "red"), 1, 0.45)
    engine = build(model="wan2.5-i2i-preview")

    drawn(engine, dataclasses.replace(brief, parent=parent))

    (body,) = sent(server, f"{AIGC}/image2image/image-synthesis")
    assert len(body["input"]["images"]) == 1
    assert "a variation of the given picture" in body["input"]["prompt"]


def test_a_region_is_shown_as_a_picture(server, build, brief, tmp_path):
    edit = Edit(painted(tmp_path / "c.png", "red"), painted(tmp_path / "m.png", "white"))

    drawn(
        build(**NOW),
        dataclasses.replace(brief, operation="edit", edit=edit, seeds=brief.seeds[:1]),
    )

    (body,) = sent(server, AT_ONCE)
    assert len(body["input"]["messages"][0]["content"]) == 3
    assert "white in the second picture" in body["input"]["messages"][0]["content"][-1]["text"]


def test_a_model_of_words_claims_and_takes_no_pictures(build, brief, tmp_path):
    engine = build()
    able = engine.capabilities()

    claims = (able.references, able.vary, able.edit, able.blend, able.style_references)
    assert claims == ("none",) * 5
    with pytest.raises(Rejected):
        engine.submit(
            dataclasses.replace(brief, references=(painted(tmp_path / "red.png", "red"),))
        )


@pytest.mark.parametrize(
    ("options", "cell", "size"),
    [
        ({"model": "qwen-image", "scale": None}, (512, 512), "1328*1328"),
        ({"model": "qwen-image", "scale": None}, (384, 672), "928*1664"),
        ({"model": "wan2.2-t2i-flash", "scale": None}, (512, 512), "1024*1024"),
        ({"model": "wan2.2-t2i-flash", "scale": None}, (384, 672), "768*1344"),
        ({"model": "wan2.6-t2i", "least_pixels": None, "scale": None}, (512, 512), "1280*1280"),
    ],
)
def test_a_size_is_asked_for_that_the_model_draws(server, build, brief, options, cell, size):
    engine = build(**options)

    engine.submit(dataclasses.replace(brief, width=cell[0], height=cell[1]))

    posted = [asked for asked in server.asked if asked.method == "POST"]
    assert posted[0].json["parameters"]["size"] == size


def test_more_parameters_are_sent_as_they_are_and_a_version_is_the_model(server, build, brief):
    drawn(
        build(parameters={"style": "<anime>"}, prompt_extend=True),
        dataclasses.replace(brief, model="wan2.1-t2i-plus"),
    )

    (body,) = sent(server)
    assert (body["parameters"]["style"], body["parameters"]["prompt_extend"]) == ("<anime>", True)
    assert body["model"] == "wan2.1-t2i-plus"


# -- what becomes of it ---------------------------------------------------------------------------


ENDS = {
    "moderated": (Rejected, "moderated"),
    "moderated-lower": (Rejected, "moderated"),
    "throttled": (EngineBusy, None),
    "throttled-plain": (EngineBusy, None),
    "quota": (EngineBusy, None),
    "arrears": (Refused, "credit"),
    "bad-key": (Refused, "credentials"),
    "unpurchased": (Refused, "setup"),
    "no-sync": (Refused, "setup"),
    "no-model": (Refused, "setup"),
    "bad-size": (Refused, "setup"),
    # Of a request without pictures.
    "bad-image": (Refused, "setup"),
    "bad-prompt": (Rejected, "parameter"),
    "bad-parameter": (EngineError, None),
    "internal": (EngineError, None),
    "overloaded": (EngineDown, None),
}


@pytest.mark.parametrize("options", [TASKS, NOW], ids=["tasks", "at-once"])
@pytest.mark.parametrize("how", ["", "-200"])
@pytest.mark.parametrize("fault", REFUSALS)
def test_every_refusal_is_the_error_that_says_what_to_do(server, build, brief, fault, how, options):
    error, kind = ENDS[fault]
    server.faults.add(fault + how)

    with pytest.raises(error) as caught:
        drawn(build(**options), brief)

    assert getattr(caught.value, "kind", None) == kind
    assert not (error is EngineError and isinstance(caught.value, Rejected | Refused | JobLost))
    assert "/home" not in str(caught.value)


@pytest.mark.parametrize("fault", ["bad-image", "bad-image-200", "failed-bad-image"])
@pytest.mark.parametrize(
    "options", [{"model": "wan2.5-i2i-preview"}, NOW], ids=["tasks", "at-once"]
)
def test_a_picture_of_the_callers_takes_no_engine_out(
    server, build, brief, tmp_path, options, fault
):
    if fault.startswith("failed") and options is NOW:
        pytest.skip("there is no task that could fail")
    server.faults.add(fault)
    asked = dataclasses.replace(brief, references=(painted(tmp_path / "red.png", "red"),))

    with pytest.raises(Rejected) as caught:
        drawn(build(**options), asked)

    assert caught.value.kind == "reference"


@pytest.mark.parametrize("options", [TASKS, NOW], ids=["tasks", "at-once"])
def test_a_lost_answer_may_have_been_paid_for(server, build, brief, options):
    server.faults.add("drop")

    with pytest.raises(JobLost) as caught:
        drawn(build(**options), brief)

    assert caught.value.charged


@pytest.mark.parametrize(
    ("fault", "error", "kind"),
    [
        ("failed-moderated", Rejected, "moderated"),
        ("failed-internal", EngineError, None),
        # Over, and not to be asked for again, as of a host that is away.
        ("failed-overloaded", EngineBusy, None),
        ("some-moderated", Rejected, "moderated"),
        ("some-fail", EngineError, None),
        ("CANCELED", Rejected, "failed"),
        ("UNKNOWN", JobLost, None),
        ("forgets", JobLost, None),
        ("gone-picture", JobLost, None),
        ("broken", BadResult, None),
        ("no-id", JobLost, None),
    ],
)
def test_every_end_of_a_task_is_the_error_that_says_what_to_do(
    server, build, brief, fault, error, kind
):
    server.faults.add(fault)

    with pytest.raises(error) as caught:
        drawn(build(), brief)

    assert getattr(caught.value, "kind", None) == kind
    assert getattr(caught.value, "charged", True)


def test_a_task_waits_and_then_tells_how_many_pictures_it_has(build, brief):
    steps = steps_of(build(), brief)

    assert steps[0] == Queued(None)
    fractions = [step.fraction for step in steps if isinstance(step, Progress)]
    assert 0.25 in fractions
    assert isinstance(steps[-1], Finished)


def test_another_process_goes_on_with_a_task(build, brief):
    handle = json.loads(json.dumps(build().submit(brief)))

    assert drawn(build(), brief, handle)


def test_a_task_that_waits_is_cancelled_and_one_that_runs_is_not(server, build, brief):
    engine = build()
    waiting, running = engine.submit(brief), engine.submit(brief)
    drawn(engine, brief, running)

    engine.cancel(waiting)
    engine.cancel(running)

    assert server.cancelled == [waiting["tickets"][0]["id"]]
    assert not engine.capabilities().cancel


def test_a_host_away_for_long_is_down_and_the_handle_is_good_later(server, build, brief):
    engine = build(silent_s=0.1)
    handle = engine.submit(brief)
    server.faults.add("tasks-down")

    with pytest.raises(EngineDown, match="silent"):
        steps_of(engine, brief, handle)

    server.faults.discard("tasks-down")
    assert drawn(build(), brief, handle)


@pytest.mark.seam
def test_a_stop_hangs_up_on_what_is_waited_for(server, build, brief):
    server.faults.add("hang")
    watching = Watching(build(**NOW), brief)
    wait_until(lambda: len(sent(server, AT_ONCE)) == 2, what="two requests")

    watching.stop.set()

    assert not watching.end().saw(Finished)
    assert server.abandoned.wait(20)


# -- setting up -----------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [TASKS, NOW], ids=["tasks", "at-once"])
def test_the_key_goes_to_the_host_and_not_to_its_pictures(
    server, build, brief, monkeypatch, options
):
    server.faults.add("locked")
    engine = build(**options)

    handle = engine.submit(brief)
    finished = drawn(engine, brief, handle)

    assert KEY not in repr((handle, finished.notes))
    monkeypatch.setenv(KEY_VARIABLE, "sk-wrong")
    wrong = engines.load(DRIVER.entry(server.url, **options))
    assert "credentials" in wrong.health().why
    wrong.close()


@pytest.mark.parametrize("fault", [None, "no-list"])
def test_a_host_that_is_there_is_well_and_one_that_is_away_is_down(server, build, fault):
    server.faults |= {fault} - {None}
    engine = build()
    assert engine.health().state == "ok"

    server.stop()

    assert engine.health().state == "down"
    server.start()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"model": None}, "model"),
        ({"api_key_env": None}, "api_key_env"),
        ({"route": "text"}, "route"),
        ({"sizes": ["1024"]}, "sizes"),
        ({"pictures_a_request": 5}, "pictures_a_request"),
        ({"parameters": "style"}, "parameters"),
        ({"watermrak": True}, "watermark"),
    ],
)
def test_a_wrong_option_is_refused_by_name(build, options, named):
    with pytest.raises(ConfigError, match=named):
        build(**options)
