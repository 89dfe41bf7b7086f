"""The gemini engine keeps the contract, sends pictures and ratios, and tells one missing picture from another."""

from __future__ import annotations

import base64
import dataclasses
import io
import threading

import pytest
from PIL import Image

import engines
from limner.canvas import panned
from limner.engine import Edit, Finished, Parent
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
from tests.contract.hosted_drivers import GEMINI as DRIVER
from tests.contract.remote_drivers import KEY_VARIABLE, AppliesOnAServer, OnAServer, Watching, drawn
from tests.standins.gemini import KEY, MODEL

GENERATE = f"/v1beta/models/{MODEL}:generateContent"


def sent(server, path=GENERATE):
    return [asked.json for asked in server.asked_for(path)]


def parts_of(body):
    text, *pictures = body["contents"][0]["parts"]
    found = [base64.b64decode(one["inlineData"]["data"]) for one in pictures]
    return text["text"], [Image.open(io.BytesIO(one)) for one in found]


def painted(path, colour, size=(128, 192)):
    Image.new("RGB", size, colour).save(path)
    return path


class TestGemini(OnAServer):
    pass


class TestWhatGeminiApplies(AppliesOnAServer):
    faults = ("thoughts",)
    exact = "count"
    near = (
        "ar chaos stylize style niji references negative seed size weird style_references "
        "object_references vary edit blend"
    )


# -- what is sent ---------------------------------------------------------------------------------


def test_a_request_a_cell_asks_for_the_nearest_ratio_and_its_seed(server, build, brief):
    seeds = (1, 2, 2**31 + 3, 2**32 - 1)

    finished = drawn(build(at_once=1), dataclasses.replace(brief, seeds=seeds))

    configs = [body["generationConfig"] for body in sent(server)]
    assert [one["seed"] for one in configs] == [1, 2, 3, 2**31 - 1]
    assert {one["imageConfig"]["aspectRatio"] for one in configs} == {"2:3"}
    assert all("imageSize" not in one["imageConfig"] for one in configs)
    assert finished.seeds == (1, 2, 3, 2**31 - 1)
    assert len(set(finished.cells)) == 4


def test_a_version_is_the_model_that_draws_and_the_size_is_the_operators(server, build, brief):
    model = "gemini-3-pro-image"

    drawn(build(image_size="2K"), dataclasses.replace(brief, model=model))

    bodies = sent(server, f"/v1beta/models/{model}:generateContent")
    assert {one["generationConfig"]["imageConfig"]["imageSize"] for one in bodies} == {"2K"}


def test_parameters_become_words_that_differ_from_cell_to_cell(server, build, brief):
    asked = dataclasses.replace(brief, chaos=90.0, stylize=900.0, niji=True, negative="people")

    drawn(build(suffix="film grain"), asked)

    texts = [parts_of(body)[0] for body in sent(server)]
    assert len(set(texts)) == 4
    for words in ("highly stylised", "anime", "film grain", "Without: people"):
        assert all(words in text for text in texts)


def test_pictures_follow_the_words_that_say_what_they_are_for(server, build, brief, tmp_path):
    red, navy, gold = (painted(tmp_path / f"{c}.png", c) for c in ("red", "navy", "gold"))
    parent = Parent(red, 1, 0.45)

    finished = drawn(
        build(),
        dataclasses.replace(
            brief, parent=parent, style_references=(navy,), object_references=(gold, gold, gold)
        ),
    )

    text, pictures = parts_of(sent(server)[0])
    assert len(pictures) == 3
    assert "a variation of the given picture" in text
    assert "in the style of picture 2" in text
    assert "with what is shown in picture 3" in text
    assert finished.applied == {}


def test_no_more_pictures_are_sent_than_the_model_takes(server, build, brief, tmp_path):
    red = painted(tmp_path / "red.png", "red")
    engine = build(pictures_most=2)

    finished = drawn(
        engine, dataclasses.replace(brief, references=(red,) * 3, style_references=(red,))
    )

    assert len(parts_of(sent(server)[0])[1]) == 2
    assert finished.applied == {"style_references": "none"}
    with pytest.raises(Rejected, match="at most 2"):
        drawn(engine, dataclasses.replace(brief, operation="blend", references=(red,) * 3))
    able = build(pictures_most=1).capabilities()
    assert (able.blend, able.edit) == ("none", "none")


@pytest.mark.parametrize("size", [(128, 192), panned((128, 192), "left")[0], (200, 64)])
def test_a_canvas_and_its_mask_get_room_for_the_ratio_that_is_drawn(
    server, build, brief, tmp_path, size
):
    mask = Image.new("L", size, 0)
    mask.paste(255, (0, 0, size[0] // 2, size[1]))
    mask.save(tmp_path / "mask.png")
    edit = Edit(painted(tmp_path / "canvas.png", "red", size), tmp_path / "mask.png")
    asked = dataclasses.replace(
        brief, operation="edit", edit=edit, width=size[0], height=size[1], seeds=brief.seeds[:1]
    )

    finished = drawn(build(), asked)

    (body,) = sent(server)
    text, (canvas, shown) = parts_of(body)
    across, down = body["generationConfig"]["imageConfig"]["aspectRatio"].split(":")
    assert canvas.size == shown.size
    assert canvas.width / canvas.height == pytest.approx(int(across) / int(down), rel=0.02)
    assert canvas.width >= size[0]
    assert canvas.height >= size[1]
    assert "white in the second picture" in text
    left = (canvas.width - size[0]) // 2
    middle = canvas.height // 2
    assert shown.convert("L").getpixel((left + 4, middle)) == 255
    assert shown.convert("L").getpixel((left + size[0] - 4, middle)) == 0
    assert Image.open(io.BytesIO(finished.cells[0])).size == size


@pytest.mark.parametrize("operation", ["upscale", "describe"])
def test_what_it_cannot_do_is_not_claimed_and_rejected(build, brief, operation):
    engine = build()

    claims = {"upscale": "upscale_subtle"}.get(operation, operation)
    assert getattr(engine.capabilities(), claims) == "none"
    with pytest.raises(Rejected):
        drawn(engine, dataclasses.replace(brief, operation=operation))


# -- what comes back ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "error", "kind"),
    [
        ("SAFETY", Rejected, "moderated"),
        ("IMAGE_SAFETY", Rejected, "moderated"),
        ("PROHIBITED_CONTENT", Rejected, "moderated"),
        ("IMAGE_PROHIBITED_CONTENT", Rejected, "moderated"),
        ("IMAGE_RECITATION", Rejected, "moderated"),
        ("BLOCKLIST", Rejected, "moderated"),
        ("SPII", Rejected, "moderated"),
        ("blocked", Rejected, "moderated"),
        ("NO_IMAGE", EngineError, None),
        ("IMAGE_OTHER", EngineError, None),
        ("OTHER", EngineError, None),
        ("words", BadResult, None),
        ("empty", BadResult, None),
        ("broken", BadResult, None),
        ("bad-json", BadResult, None),
        ("bad-key", Refused, "credentials"),
        ("denied", Refused, "credentials"),
        ("day", Refused, "credit"),
        ("region", Refused, "setup"),
        ("bad-ratio", Refused, "setup"),
        ("bad-picture", Rejected, "reference"),
        ("rate", EngineBusy, None),
        ("rate-plain", EngineBusy, None),
        ("overloaded", EngineBusy, None),
        ("odd-400", EngineError, None),
        ("500", EngineError, None),
        ("504", JobLost, None),
        ("drop", JobLost, None),
    ],
)
def test_every_fault_is_the_error_that_says_what_to_do(server, build, brief, fault, error, kind):
    engine = build()
    handle = engine.submit(brief)
    server.faults.add(fault)

    with pytest.raises(error) as caught:
        list(engine.watch(handle, brief, threading.Event()))

    assert getattr(caught.value, "kind", None) == kind
    assert not (error is EngineError and isinstance(caught.value, Rejected | Refused))
    assert "/home" not in str(caught.value)
    assert getattr(caught.value, "charged", True)


def test_a_quota_says_when_to_come_back(server, build, brief):
    server.faults.add("rate")

    with pytest.raises(EngineBusy) as caught:
        drawn(build(), brief)

    assert caught.value.retry_after_s == 34


def test_one_cell_turned_away_does_not_cost_the_others(server, build, brief, monkeypatch):
    monkeypatch.setattr("engines.gemini.answer.BUSY_S", 0.05)
    server.faults.add("overloaded-once")

    assert len(drawn(build(), brief).cells) == 4
    assert len(sent(server)) == 5


@pytest.mark.seam
def test_a_stop_hangs_up_at_once(server, build, brief):
    server.faults.add("hang")
    watching = Watching(build(), brief)
    wait_until(lambda: len(sent(server)) == 4, what="four requests")

    watching.stop.set()

    assert not watching.end().saw(Finished)
    assert server.abandoned.wait(20)


# -- setting up -----------------------------------------------------------------------------------


def test_the_key_goes_to_the_host_as_a_header_and_nowhere_else(server, build, brief, monkeypatch):
    server.faults.add("locked")
    engine = build()

    handle = engine.submit(brief)
    finished = drawn(engine, brief, handle)

    assert KEY not in repr((handle, finished.notes))
    assert all(KEY not in asked.path and not asked.query for asked in server.asked)
    monkeypatch.setenv(KEY_VARIABLE, "AIza-wrong")
    wrong = engines.load(DRIVER.entry(server.url))
    with pytest.raises(Refused) as caught:
        wrong.submit(brief)
    assert caught.value.kind == "credentials"
    wrong.close()


def test_a_model_that_is_not_there_is_told_before_anything_is_paid(server, build, brief):
    server.faults.add("no-model")
    engine = build()

    assert "no such model" in engine.health().why
    with pytest.raises(Refused):
        engine.submit(brief)
    assert not sent(server)


def test_a_host_that_is_away_is_down(server, build, brief):
    engine = build()
    server.stop()

    assert engine.health().state == "down"
    with pytest.raises(EngineDown):
        engine.submit(brief)
    server.start()
    assert engine.health().state == "ok"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"model": None}, "model"),
        ({"model": "models/../x"}, "model"),
        ({"api_key_env": None}, "api_key_env"),
        ({"ratios": ["wide"]}, "ratios"),
        ({"ratios": []}, "ratios"),
        ({"pictures_most": 0}, "pictures_most"),
        ({"imagesize": "2K"}, "image_size"),
    ],
)
def test_a_wrong_option_is_refused_by_name(build, options, named):
    with pytest.raises(ConfigError, match=named):
        build(**options)
