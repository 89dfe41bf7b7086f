"""Hosts with OpenAI-like routes: each preset keeps the contract on a stand-in as strict as its host."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

import engines
from engines.openai.answer import cost_of
from engines.openai.manner import OpenAIManner
from engines.openai.presets import PRESETS, with_preset
from engines.openai.sizes import drawn_size
from engines.remote.session import Answered
from limner.canvas import panned
from limner.engine import Edit, Engine, Parent
from limner.errors import (
    ConfigError,
    EngineBusy,
    EngineDown,
    EngineError,
    Refused,
    Rejected,
)
from tests.contract.applied_suite import AppliedSuite
from tests.contract.engine_suite import EngineSuite, a_brief
from tests.contract.hosted_drivers import (
    GEMINI_FACE,
    OPENROUTER,
    SEEDREAM,
    SILICONFLOW,
    TOGETHER,
    XAI,
)
from tests.contract.remote_drivers import OPENAI, Driver, drawn, sent_to
from tests.standins.openai import KEY
from tests.standins.openai_hosts import SeedreamServer

DRIVERS = {
    driver.options["preset"]: driver
    for driver in (SEEDREAM, XAI, TOGETHER, OPENROUTER, SILICONFLOW, GEMINI_FACE)
}
GENERATIONS = "/v1/images/generations"


class _OnItsHost:
    """A preset on the stand-in of its host."""

    driver: Driver
    options: dict[str, Any] = {}

    @pytest.fixture
    def server(self):
        with self.driver.stand_in() as server:
            yield server

    @pytest.fixture
    def engine(self, server) -> Iterator[Engine]:
        engine = engines.load(self.driver.entry(server.url, **self.options))
        yield engine
        engine.close()

    @pytest.fixture
    def ledger(self, server):
        return lambda: server.drawn

    @pytest.fixture
    def sent(self, server):
        return lambda: sent_to(server)


class TestSeedream(_OnItsHost, EngineSuite):
    driver = SEEDREAM


class TestSeedreamStreamed(_OnItsHost, EngineSuite):
    driver = SEEDREAM
    options = {"stream": True}


class TestWhatSeedreamApplies(_OnItsHost, AppliedSuite):
    driver = SEEDREAM
    exact = "ar size count"
    near = (
        "chaos stylize style niji references negative weird style_references object_references "
        "vary edit blend"
    )


class TestXai(_OnItsHost, EngineSuite):
    driver = XAI


class TestWhatXaiApplies(_OnItsHost, AppliedSuite):
    driver = XAI
    exact = "count"
    near = (
        "ar chaos stylize style niji references negative size weird style_references "
        "object_references vary edit blend"
    )


class TestTogether(_OnItsHost, EngineSuite):
    driver = TOGETHER


class TestWhatTogetherApplies(_OnItsHost, AppliedSuite):
    driver = TOGETHER
    exact = "ar seed size count"
    near = (
        "chaos stylize style niji references negative weird style_references object_references vary"
    )


class TestOpenRouter(_OnItsHost, EngineSuite):
    driver = OPENROUTER


class TestWhatOpenRouterApplies(_OnItsHost, AppliedSuite):
    driver = OPENROUTER
    exact = "count"
    near = (
        "ar chaos stylize style niji references negative size weird style_references "
        "object_references vary edit blend"
    )


class TestSiliconFlow(_OnItsHost, EngineSuite):
    driver = SILICONFLOW


class TestWhatSiliconFlowApplies(_OnItsHost, AppliedSuite):
    driver = SILICONFLOW
    exact = "negative seed count"
    near = (
        "ar chaos stylize style niji references size weird style_references object_references "
        "vary edit blend"
    )


class TestGeminisOpenAIFace(_OnItsHost, EngineSuite):
    driver = GEMINI_FACE


@pytest.fixture
def on_host():
    """Return a function that starts a host's stand-in and builds its preset there."""
    opened: list[Any] = []

    def on_host(preset: str, *faults: str, **options: Any) -> tuple[Any, Engine]:
        driver = DRIVERS[preset]
        server = driver.stand_in(faults=faults)
        server.start()
        opened.append(server.stop)
        engine = engines.load(driver.entry(server.url, **options))
        opened.append(engine.close)
        return server, engine

    yield on_host
    for close in reversed(opened):
        close()


def sent(server, path=GENERATIONS):
    """The bodies that came there, of which there are some."""
    bodies = [asked.json for asked in server.asked_for(path)]
    assert bodies
    return bodies


def painted(path, colour, size=(128, 192)):
    Image.new("RGB", size, colour).save(path)
    return path


def of_a_region(brief, tmp_path, mask_size=(128, 192)):
    mask = Image.new("L", mask_size, 0)
    mask.paste(255, (0, 0, 64, 192))
    mask.save(tmp_path / "mask.png")
    edit = Edit(painted(tmp_path / "canvas.png", "red"), tmp_path / "mask.png")
    return dataclasses.replace(brief, operation="edit", edit=edit, seeds=brief.seeds[:1])


# -- what is sent ---------------------------------------------------------------------------------


def test_seedream_is_sent_no_count_and_no_watermark_is_wanted(on_host, brief):
    server, engine = on_host("seedream")

    drawn(engine, brief)

    for body in sent(server):
        assert body["watermark"] is False
        assert "n" not in body
        assert body["size"] == "128x192"


@pytest.mark.parametrize(
    ("cell", "size"),
    [
        ((512, 512), (1920, 1920)),
        ((384, 672), None),
        ((2048, 2048), (3216, 3216)),
        ((64, 1024), None),
    ],
)
def test_seedream_is_asked_for_a_size_that_all_its_models_draw(cell, size):
    options = PRESETS["seedream"]
    manner = OpenAIManner(
        "seedream",
        pixels=(options["least_pixels"], options["most_pixels"]),
        longest_px=options["longest_px"],
        ratio_most=options["ratio_most"],
    )

    width, height = drawn_size(a_brief(width=cell[0], height=cell[1]), manner)

    least, most = SeedreamServer.pixels
    assert least <= width * height <= most
    assert 1 / 16 <= width / height <= 16
    assert size in (None, (width, height))


def test_pictures_are_sent_as_each_host_takes_them(on_host, brief, tmp_path):
    two = tuple(painted(tmp_path / f"{colour}.png", colour) for colour in ("red", "navy"))
    asked = dataclasses.replace(brief, references=two, seeds=brief.seeds[:1])
    bodies = {}
    for preset, path in (
        ("seedream", GENERATIONS),
        ("xai", "/v1/images/edits"),
        ("openrouter", "/v1/images"),
        ("siliconflow", GENERATIONS),
        ("together", GENERATIONS),
    ):
        server, engine = on_host(preset)
        drawn(engine, asked)
        (bodies[preset],) = sent(server, path)

    assert len(bodies["seedream"]["image"]) == 2
    assert [one["type"] for one in bodies["xai"]["images"]] == ["image_url"] * 2
    assert len(bodies["openrouter"]["input_references"]) == 2
    assert bodies["siliconflow"].keys() >= {"image", "image2"}
    assert bodies["siliconflow"]["model"] == "Qwen/Qwen-Image-Edit-2509"
    assert "image_size" not in bodies["siliconflow"]
    assert bodies["together"]["image_url"].startswith("data:image/png;base64,")


def test_one_picture_for_seedream_is_no_list(on_host, brief, tmp_path):
    server, engine = on_host("seedream")

    drawn(engine, dataclasses.replace(brief, references=(painted(tmp_path / "1.png", "red"),)))

    assert isinstance(sent(server)[0]["image"], str)


def test_a_mask_without_a_place_of_its_own_is_shown_as_a_picture(on_host, brief, tmp_path):
    server, engine = on_host("seedream")

    drawn(engine, of_a_region(brief, tmp_path))

    (body,) = sent(server)
    assert len(body["image"]) == 2
    assert "white in the second picture" in body["prompt"]
    assert engine.capabilities().edit == "near"
    # Of a host that takes one picture only, there is no room for it.
    assert on_host("together")[1].capabilities().edit == "none"


def test_a_canvas_for_a_ratio_keeps_its_own_pixels(on_host, brief, tmp_path):
    server, engine = on_host("xai")
    size, kept = panned((brief.width, brief.height), "left")
    edit = Edit(
        painted(tmp_path / "c.png", "red", size), painted(tmp_path / "m.png", "white", size)
    )
    edit = dataclasses.replace(edit, kept=kept)
    asked = dataclasses.replace(
        brief, operation="edit", edit=edit, width=size[0], height=size[1], seeds=brief.seeds[:1]
    )

    finished = drawn(engine, asked)

    (body,) = sent(server, "/v1/images/edits")
    across, down = (int(part) for part in body["aspect_ratio"].split(":"))
    assert Image.open(io.BytesIO(finished.cells[0])).size == size
    assert 0.5 < (across / down) / (size[0] / size[1]) < 2


def test_a_host_without_a_field_for_the_size_is_told_in_words(on_host, brief):
    server, engine = on_host("gemini")

    finished = drawn(engine, brief)

    assert all(body["prompt"].endswith("in the format 2:3") for body in sent(server))
    assert engine.capabilities().size == "near"
    assert finished.notes["drawn_size"] == "128x128"


def test_what_must_not_show_has_a_field_where_the_host_has_one(on_host, brief):
    server, engine = on_host("siliconflow")

    drawn(engine, dataclasses.replace(brief, negative="people"))

    assert {body["negative_prompt"] for body in sent(server)} == {"people"}
    assert {body["prompt"] for body in sent(server)} == {brief.prompt}


@pytest.mark.parametrize("preset", DRIVERS)
def test_the_operators_own_options_come_before_the_presets(on_host, brief, preset):
    entry = DRIVERS[preset].entry("http://here", at_once=1, seeds="none", extra={"watermark": ""})

    options = with_preset(entry).options

    assert options["base_url"] == "http://here"
    assert (options["at_once"], options["seeds"]) == (1, "none")
    assert options["extra"]["watermark"] == ""


def test_a_presets_field_is_left_out_if_the_operator_says_so(on_host, brief):
    server, engine = on_host("seedream", extra={"watermark": "", "guidance_scale": 2.5})

    drawn(engine, brief)

    assert all("watermark" not in body for body in sent(server))
    assert {body["guidance_scale"] for body in sent(server)} == {2.5}


def test_litellm_is_asked_not_to_try_again_by_itself_and_to_drop_what_is_not_taken(brief):
    with OPENAI.stand_in() as server:
        engine = engines.load(OPENAI.entry(server.url, preset="litellm", headers={"X-Team": "us"}))
        drawn(engine, brief)
        engine.close()

    (asked, *_) = server.asked_for(GENERATIONS)
    assert asked.headers["x-litellm-num-retries"] == "0"
    assert asked.headers["x-team"] == "us"
    assert asked.json["drop_params"] is True


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"preset": "sora"}, "preset"),
        ({"preset": 1}, "preset"),
        ({"preset": "xai", "sizes": ["1024x1024"]}, "sizes"),
        ({"size_as": "pixels"}, "size_as"),
        ({"path": "images"}, "path"),
        ({"extra": "watermark"}, "extra"),
        ({"pictures_as": "url"}, "pictures_as"),
    ],
)
def test_a_wrong_option_of_a_host_is_refused_by_name(options, named):
    with pytest.raises(ConfigError, match=named):
        engines.load(OPENAI.entry(**options))


# -- what comes back ------------------------------------------------------------------------------


FAULTS = [
    ("seedream", "moderated", Rejected, "moderated"),
    ("seedream", "moderated-picture", Rejected, "moderated"),
    ("seedream", "item-error", Rejected, "moderated"),
    ("seedream", "overdue", Refused, "credit"),
    ("seedream", "no-key", Refused, "credentials"),
    ("seedream", "not-open", Refused, "setup"),
    ("seedream", "no-model", Refused, "setup"),
    ("seedream", "bad-size", Refused, "setup"),
    ("seedream", "bad-image", Rejected, "reference"),
    ("seedream", "rate", EngineBusy, None),
    ("seedream", "overloaded", EngineBusy, None),
    ("seedream", "500", Answered, None),
    ("xai", "item-error", Rejected, "moderated"),
    ("xai", "no-key", Refused, "credentials"),
    ("xai", "no-model", Refused, "setup"),
    ("xai", "no-credit", Refused, "credit"),
    ("xai", "rate", EngineBusy, None),
    ("openrouter", "moderated", Rejected, "moderated"),
    ("openrouter", "no-key", Refused, "credentials"),
    ("openrouter", "no-plan", Refused, "credit"),
    ("openrouter", "rate", EngineBusy, None),
    ("openrouter", "no-model", Refused, "setup"),
    ("openrouter", "provider-down", EngineDown, None),
    ("siliconflow", "no-plan", Refused, "credit"),
    ("siliconflow", "no-model", Refused, "setup"),
    ("siliconflow", "no-key", Refused, "credentials"),
    ("gemini", "no-key", Refused, "credentials"),
    ("gemini", "rate", EngineBusy, None),
]


@pytest.mark.parametrize(("preset", "fault", "error", "kind"), FAULTS)
def test_every_fault_of_a_host_is_the_error_that_says_what_to_do(
    on_host, preset, fault, error, kind
):
    _, engine = on_host(preset, fault)

    with pytest.raises(error) as caught:
        drawn(engine, a_brief(width=512, height=512))

    assert getattr(caught.value, "kind", None) == kind
    assert "/home" not in str(caught.value)


def test_a_picture_that_fails_inside_of_seedreams_stream_is_refused(on_host, brief):
    _, engine = on_host("seedream", "stream-failed", stream=True)

    with pytest.raises(Rejected) as caught:
        drawn(engine, brief)

    assert caught.value.kind == "moderated"


@pytest.mark.parametrize("preset", ["seedream", "siliconflow"])
def test_an_address_that_expires_is_fetched_at_once_and_once(on_host, brief, preset):
    server, engine = on_host(preset)

    finished = drawn(engine, brief)

    assert len(set(finished.cells)) == 4
    fetched = [asked.path for asked in server.asked if asked.path.startswith("/pictures/")]
    assert len(fetched) == len(set(fetched)) == 4


@pytest.mark.parametrize("preset", ["seedream", "xai", "openrouter"])
def test_a_key_goes_with_every_request_to_a_host(on_host, brief, monkeypatch, preset):
    monkeypatch.setenv("HOST_KEY", KEY)

    _, engine = on_host(preset, "locked", api_key_env="HOST_KEY")

    assert drawn(engine, brief)


@pytest.mark.parametrize(
    ("preset", "cost"), [("xai", 0.08), ("openrouter", 0.16), ("together", None)]
)
def test_what_a_host_says_that_a_drawing_costs_is_told(on_host, brief, preset, cost):
    _, engine = on_host(preset, dollar_price=7.0)

    told = drawn(engine, brief).cost

    assert told == (cost if cost is None else pytest.approx(cost * 7))


@pytest.mark.parametrize("preset", ["together", "siliconflow"])
def test_a_host_of_models_for_either_takes_pictures_with_a_model_for_them(on_host, preset):
    assert on_host(preset, edit_model=None)[1].capabilities().vary == "none"
    assert on_host(preset)[1].capabilities().vary == "near"


def test_what_was_drawn_before_a_failure_has_its_cost_told(on_host, brief):
    server, engine = on_host("xai", at_once=1)
    right = server.checked

    def checked(body, path):
        return right(body, path) if not server.drawn else server.refusals["no-credit"]

    server.checked = checked

    with pytest.raises(EngineError) as caught:
        drawn(engine, brief)

    assert caught.value.cost == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("told", "headers", "cost"),
    [
        ({}, {}, None),
        ({"usage": {"cost": "0.5"}}, {}, 0.5),
        ({"usage": {"cost": -1}}, {}, None),
        ({"usage": {"cost": float("inf")}}, {}, None),
        ({"usage": {"cost": True}}, {}, None),
        ({"usage": [1]}, {"x-litellm-response-cost": "0.04"}, 0.04),
        ({"usage": {"cost": None}}, {"x-litellm-response-cost": "None"}, None),
        ({}, {"x-litellm-response-cost": "0.0"}, None),
    ],
)
def test_a_cost_is_a_number_or_nothing(told, headers, cost):
    assert cost_of(told, headers) == cost


def test_a_variation_of_a_single_picture_host_goes_without_the_style(on_host, brief, tmp_path):
    parent = Parent(painted(tmp_path / "cell.png", "red"), 1, 0.45)
    style = (painted(tmp_path / "style.png", "navy"),)
    server, engine = on_host("together")

    finished = drawn(engine, dataclasses.replace(brief, parent=parent, style_references=style))

    assert finished.applied == {"style_references": "none"}
    assert all("style" not in body["prompt"] for body in sent(server))
