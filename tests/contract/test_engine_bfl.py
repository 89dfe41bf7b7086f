"""The bfl engine keeps the contract, has a task for each cell, and tells one end of a task from another."""

from __future__ import annotations

import base64
import dataclasses
import io

import pytest
from PIL import Image

import engines
from limner.engine import Edit, Finished, Parent, Preview, Queued
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
from tests.contract.remote_drivers import BFL as DRIVER
from tests.contract.remote_drivers import (
    KEY_VARIABLE,
    AppliesOnAServer,
    OnAServer,
    Watching,
    drawn,
    steps_of,
)
from tests.standins.bfl import COST, KEY


class TestBfl(OnAServer):
    pass


class TestWhatBflApplies(AppliesOnAServer):
    options = {"fill_model": "flux-pro-1.0-fill"}
    exact = "ar seed size count"
    near = (
        "chaos stylize style niji references weird style_references object_references vary edit "
        "blend"
    )


class TestWhatBflAppliesByRatios(AppliesOnAServer):
    options = {"model": "flux-pro-1.1-ultra"}
    exact = "seed count"
    near = "ar chaos stylize style niji references iw size weird vary"


def opened(text):
    return Image.open(io.BytesIO(base64.b64decode(text, validate=True)))


def painted(path, colour, size=(128, 192), mode="RGB"):
    Image.new(mode, size, colour).save(path)
    return path


# -- what is asked for ---------------------------------------------------------------------------


def test_every_cell_is_a_task_of_its_own_seed(server, build, brief):
    finished = drawn(build(input={"safety_tolerance": 4}), brief)

    given = server.given()
    assert [body["seed"] for body in given] == list(brief.seeds)
    assert {(body["width"], body["height"]) for body in given} == {(128, 192)}
    assert {(body["output_format"], body["safety_tolerance"]) for body in given} == {("png", 4)}
    assert finished.seeds == brief.seeds


@pytest.mark.parametrize(
    ("model", "size", "asked"),
    [
        ("flux-2-max", (416, 624), (416, 624)),
        ("flux-2-max", (200, 136), (400, 272)),
        # Of the first generation: at least 256 pixels, in steps of 32.
        ("flux-pro-1.1", (128, 192), (256, 384)),
        ("flux-kontext-pro", (416, 624), "2:3"),
        ("flux-kontext-pro", (1600, 400), "7:3"),
        ("flux-pro-1.1-ultra", (400, 1600), "3:7"),
    ],
)
def test_a_size_or_a_ratio_is_asked_for_as_the_model_takes_it(
    server, build, brief, model, size, asked
):
    build(model=model).submit(dataclasses.replace(brief, width=size[0], height=size[1]))

    body = server.given()[0]
    assert body.get("aspect_ratio", (body.get("width"), body.get("height"))) == asked


@pytest.mark.parametrize(
    ("model", "asked", "field", "value"),
    [
        ("flux-2-flex", {"quality": 0.5}, "steps", 25),
        ("flux-2-flex", {"draft": True}, "steps", 25),
        ("flux-2-flex", {"quality": 4.0}, "steps", None),
        ("flux-2-pro", {"quality": 0.5}, "steps", None),
        ("flux-pro-1.1-ultra", {"style": "raw"}, "raw", True),
        ("flux-2-pro", {"style": "raw"}, "raw", None),
    ],
)
def test_effort_and_raw_are_asked_for_where_the_model_has_them(
    server, build, brief, model, asked, field, value
):
    build(model=model).submit(dataclasses.replace(brief, **asked))

    assert server.given()[0].get(field) == value


def test_pictures_go_along_in_order_and_are_spoken_of(server, build, brief, tmp_path):
    red, navy, gold = (painted(tmp_path / f"{c}.png", c) for c in ("red", "navy", "gold"))

    build().submit(
        dataclasses.replace(
            brief, references=(red,), style_references=(navy,), object_references=(gold,)
        )
    )

    body = server.given()[0]
    sent = [opened(body[name]) for name in ("input_image", "input_image_2", "input_image_3")]
    assert [picture.getpixel((5, 5))[0] > 200 for picture in sent] == [True, False, True]
    assert "in the style of picture 2" in body["prompt"]
    assert "what is shown in picture 3" in body["prompt"]


def test_a_picture_for_ultra_has_a_weight(server, build, brief, tmp_path):
    red = painted(tmp_path / "red.png", "red")
    engine = build(model="flux-pro-1.1-ultra")

    engine.submit(dataclasses.replace(brief, references=(red,), iw=2.0))
    engine.submit(dataclasses.replace(brief, parent=Parent(red, 0, 0.45)))

    weights = [body["image_prompt_strength"] for body in server.given()]
    assert weights == [1.0] * 4 + [0.55] * 4


def test_pictures_parts_and_versions_have_models_of_their_own(server, build, brief, tmp_path):
    red = painted(tmp_path / "red.png", "red")
    mask = painted(tmp_path / "mask.png", 255, mode="L")
    engine = build(
        model="flux-pro-1.1", edit_model="flux-kontext-pro", fill_model="flux-pro-1.0-fill"
    )
    alone = dataclasses.replace(brief, seeds=brief.seeds[:1])

    engine.submit(alone)
    engine.submit(dataclasses.replace(alone, references=(red,)))
    engine.submit(dataclasses.replace(alone, operation="edit", edit=Edit(red, mask)))
    handle = engine.submit(dataclasses.replace(alone, model="flux-2-flex"))

    assert [task["model"] for task in server.tasks.values()] == [
        "flux-pro-1.1",
        "flux-kontext-pro",
        "flux-pro-1.0-fill",
        "flux-2-flex",
    ]
    assert opened(server.given()[2]["mask"]).getpixel((5, 5)) == (255, 255, 255)
    # What this model makes of them is not what the usual one does.
    assert handle["applied"] == {"quality": "near", "draft": "near"}


def test_a_part_is_drawn_with_the_abilities_of_the_model_for_parts(build, brief, tmp_path):
    red = painted(tmp_path / "red.png", "red")
    mask = painted(tmp_path / "mask.png", 255, mode="L")
    engine = build(model="flux-2-flex", fill_model="flux-pro-1.0-fill")

    handle = engine.submit(dataclasses.replace(brief, operation="edit", edit=Edit(red, mask)))

    assert engine.capabilities().quality == "near"
    assert handle["applied"] == {"quality": "none", "draft": "none"}


# -- following ------------------------------------------------------------------------------------


def test_a_finished_cell_is_a_preview_while_others_are_drawn(build, brief):
    steps = steps_of(build(), brief)

    assert steps[0] == Queued(None)
    assert {step.cell for step in steps if isinstance(step, Preview)} == {0, 1, 2, 3}


@pytest.mark.parametrize("fault", ["no-polling-url", "foreign-url", "bare-url"])
def test_a_polling_url_is_followed_where_it_is_bfls(server, build, brief, fault):
    server.faults.add(fault)

    assert drawn(build(), brief)
    polled = {asked.path for asked in server.asked if asked.query.get("id")}
    assert polled == {"/eu/result" if fault == "bare-url" else "/v1/get_result"}


def test_what_it_costs_is_told_in_the_operators_currency(server, build, brief):
    assert drawn(build(), brief).cost == pytest.approx(4 * COST * 0.01)
    assert drawn(build(credit_price=0.02), brief).cost == pytest.approx(4 * COST * 0.02)
    server.faults.add("no-cost")
    assert drawn(build(), brief).cost is None


@pytest.mark.parametrize("fault", ["poll-502", "poll-429"])
def test_a_host_away_for_a_while_costs_no_drawing(server, build, brief, fault):
    engine = build()
    handle = engine.submit(brief)
    server.faults.add(fault)
    watching = Watching(engine, brief, handle)
    wait_until(lambda: len(server.asked_for("/eu/result")) > 1, what="some polls")

    server.faults.discard(fault)

    assert isinstance(watching.end().steps[-1], Finished)
    assert len(server.tasks) == 4


def test_a_throttled_cell_is_submitted_when_the_host_says(server, build, brief):
    server.faults.add("throttled-later")

    assert drawn(build(), brief)
    assert len(server.tasks) == 4


def test_cells_that_cannot_be_stopped_cost_money_when_a_later_one_is_refused(server, build, brief):
    server.faults.add("throttled-later")

    with pytest.raises(JobLost) as caught:
        build(submit_s=0.1).submit(brief)

    assert caught.value.charged
    assert len(server.tasks) == 1


# -- errors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "error", "kind"),
    [
        ("no-key", Refused, "credentials"),
        ("no-credit", Refused, "credit"),
        ("throttled", EngineBusy, None),
        ("no-model", Refused, "setup"),
        ("bad-prompt", Rejected, "parameter"),
        ("bad-image", Rejected, "reference"),
        ("bad-body", Refused, "setup"),
        ("500", EngineError, None),
        ("502", EngineDown, None),
        ("504", JobLost, None),
        ("drop-submit", JobLost, None),
    ],
)
def test_every_refusal_is_the_error_that_says_what_to_do(server, build, brief, fault, error, kind):
    server.faults.add(fault)

    with pytest.raises(error) as caught:
        build(input={"safety_tolerance": 9}).submit(brief)

    assert getattr(caught.value, "kind", None) == kind
    assert getattr(caught.value, "charged", True)
    assert "/home" not in str(caught.value)


@pytest.mark.parametrize(
    ("fault", "error", "kind", "cost"),
    [
        # What is moderated before it is drawn costs nothing.
        ("request-moderated", Rejected, "moderated", 0),
        ("content-moderated", Rejected, "moderated", 4),
        ("one-moderated", Rejected, "moderated", 4),
        ("error", EngineError, None, 4),
        ("failed", EngineError, None, 4),
        ("not-found", JobLost, None, 4),
        ("gone-url", JobLost, None, 4),
        ("empty", BadResult, None, None),
    ],
)
def test_every_end_of_a_task_is_the_error_that_says_what_to_do(
    server, build, brief, fault, error, kind, cost
):
    server.faults.add(fault)

    with pytest.raises(error) as caught:
        drawn(build(), brief)

    assert getattr(caught.value, "kind", None) == kind
    assert getattr(caught.value, "charged", True)
    if cost is not None:
        assert caught.value.cost == pytest.approx(cost * COST * 0.01)


def test_cancelling_asks_nothing_of_a_host_that_cannot(server, build, brief):
    engine = build()
    handle = engine.submit(brief)
    before = len(server.asked)

    engine.cancel(handle)

    assert len(server.asked) == before
    assert not engine.capabilities().cancel


@pytest.mark.parametrize(
    ("fault", "state", "why"),
    [
        (None, "ok", ""),
        ("no-credits-route", "ok", ""),
        ("broke", "down", "credit"),
        ("no-key", "down", "credentials"),
    ],
)
def test_health_says_whether_the_account_can_draw(server, build, fault, state, why):
    server.faults |= {fault} - {None}

    health = build().health()

    assert health.state == state
    assert why in health.why


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"model": None}, "model"),
        ({"model": "bfl/flux"}, "model"),
        ({"output_format": "webp"}, "output_format"),
        ({"api_key_env": None}, "api_key_env"),
        ({"fil_model": "x"}, "fill_model"),
    ],
)
def test_a_wrong_option_is_refused_by_name(monkeypatch, options, named):
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    with pytest.raises(ConfigError, match=named):
        engines.load(DRIVER.entry(**options))
