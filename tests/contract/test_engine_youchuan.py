"""The youchuan engine keeps the contract, names its own drawings in follow-ups, and knows what version 8 refuses."""

from __future__ import annotations

import dataclasses
import io
import json

import pytest
from PIL import Image, ImageChops, ImageDraw

import engines
from engines.youchuan.areas import AREAS_MOST, areas_of
from engines.youchuan.text import text_of
from limner.canvas import panned, zoomed
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
from tests.contract.engine_suite import a_brief
from tests.contract.hosted_drivers import YOUCHUAN as DRIVER
from tests.contract.remote_drivers import (
    AppliesOnAServer,
    OnAServer,
    Watching,
    drawn,
    steps_of,
)
from tests.standins.youchuan import APP, SECRET

CELL = (128, 192)


def sent(server, name="diffusion"):
    return [asked.json for asked in server.asked_for(f"/v1/tob/{name}")]


class TestYouchuan(OnAServer):
    pass


class TestYouchuanWithWords(OnAServer):
    faults = ("words", "late-urls", "odd-status")


class TestWhatYouchuanApplies(AppliesOnAServer):
    names_the_cell = True
    exact = "ar chaos stylize style niji tile negative"
    near = (
        "seed size count quality weird draft style_references object_references vary "
        "upscale_subtle upscale_creative edit"
    )

    @pytest.fixture
    def brief(self):
        brief = a_brief()
        # The stand-in draws by the text if that has a seed.
        return dataclasses.replace(brief, final_prompt=f"{brief.final_prompt} --seed 11")


class TestWhatYouchuansVersion8Applies(TestWhatYouchuanApplies):
    options = {"version": "8.1"}
    exact = "ar chaos stylize style niji negative"
    near = "seed size count quality style_references object_references vary"


# -- the text -------------------------------------------------------------------------------------


def test_the_final_prompt_goes_as_it_stands_but_for_the_speed(server, build, brief):
    words = "a lighthouse --ar 2:3 --chaos 30 --weird 100 --style raw --tile --no people"

    drawn(build(), dataclasses.replace(brief, final_prompt=f"{words} --turbo"))

    assert sent(server) == [{"text": words}]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("a cat --ar 2:3", "a cat --ar 2:3 --v 8.1"),
        ("a cat --weird 100 --tile --draft --ar 2:3", "a cat --ar 2:3 --v 8.1"),
        ("a cat --style raw", "a cat --v 8.1 --raw"),
        ("a cat --raw --style raw", "a cat --raw --v 8.1"),
        ("a cat --q .25", "a cat --v 8.1"),
        ("a cat --quality 2", "a cat --v 8.1 --quality 4"),
        ("a cat --v 7 --weird 9", "a cat --v 7 --weird 9"),
        ("a sign --tiled roof-- --draft", "a sign --tiled roof-- --v 8.1"),
    ],
)
def test_what_version_8_does_not_take_is_left_out(words, text):
    brief = a_brief(final_prompt=words)

    assert text_of(brief, version="8.1", relax=False, seed=None, suffix="") == text


def test_what_version_8_leaves_out_is_told(build, brief):
    asked = dataclasses.replace(
        brief, final_prompt="a cat --weird 100 --draft --v 8.1", weird=100.0, draft=True
    )

    assert drawn(build(), asked).applied == {"weird": "none", "draft": "none"}


def test_a_version_is_sent_by_the_name_it_has_there(server, build, brief):
    drawn(build(), dataclasses.replace(brief, final_prompt="a cat --v newest", model="7"))
    drawn(build(version="8.1"), dataclasses.replace(brief, final_prompt="a cat", niji=True))

    assert [body["text"] for body in sent(server)] == ["a cat --v 7", "a cat"]


@pytest.mark.parametrize(
    ("relax", "fast", "flag"), [(True, False, True), (True, True, False), (False, False, False)]
)
def test_the_relaxed_lane_is_relaxed_there_if_the_plan_allows(
    server, build, brief, relax, fast, flag
):
    drawn(build(relax=relax), dataclasses.replace(brief, fast=fast))

    assert ("--relax" in sent(server)[0]["text"]) == flag


def test_a_seed_that_was_sent_is_told_for_every_cell(server, build, brief):
    assert drawn(build(), brief).seeds == ()
    assert drawn(build(send_seed=True), brief).seeds == (brief.seeds[0],) * 4
    own = dataclasses.replace(brief, final_prompt="a cat --seed 7")
    assert drawn(build(send_seed=True), own).seeds == (7,) * 4
    assert sent(server)[-1]["text"] == "a cat --seed 7"


def test_the_operators_words_come_before_the_flags(server, build, brief):
    asked = dataclasses.replace(brief, final_prompt="a cat --ar 2:3")

    drawn(build(suffix="film grain"), asked)
    drawn(build(suffix="film grain"), dataclasses.replace(asked, style="raw"))

    assert [body["text"] for body in sent(server)] == [
        "a cat, film grain --ar 2:3",
        "a cat --ar 2:3",
    ]


def test_a_text_that_is_too_long_is_its_callers_matter(build, brief):
    with pytest.raises(Rejected):
        build().submit(dataclasses.replace(brief, final_prompt="a" * 8193))


@pytest.mark.parametrize(
    ("words", "applied"),
    [("a cat --sref https://pictures/1.png", {}), ("a cat", {"style_references": "none"})],
)
def test_pictures_for_style_that_have_no_address_are_told_as_ignored(
    build, brief, tmp_path, words, applied
):
    path = tmp_path / "style.png"
    Image.new("RGB", (64, 64), "red").save(path)
    asked = dataclasses.replace(brief, final_prompt=words, style_references=(path,))

    assert drawn(build(), asked).applied == applied


# -- follow-ups -----------------------------------------------------------------------------------


def follow_up(engine, brief, tmp_path, cell=2, strength=0.45, name="drawer"):
    handle = json.loads(json.dumps(engine.submit(brief)))
    finished = drawn(engine, brief, handle)
    picture = None
    if cell is not None:
        picture = tmp_path / "cell.png"
        picture.write_bytes(finished.cells[cell])
    return dataclasses.replace(brief, parent=Parent(picture, cell, strength, name, handle))


def job_of(brief):
    return brief.parent.handle["tickets"][0]["id"]


@pytest.mark.parametrize(("strength", "kind"), [(0.45, 0), (0.7, 1)])
def test_a_variation_names_its_job_and_its_picture(server, build, brief, tmp_path, strength, kind):
    engine = build()
    varied = follow_up(engine, brief, tmp_path, 2, strength)

    drawn(engine, varied)

    assert sent(server, "variation") == [{"jobId": job_of(varied), "imageNo": 2, "type": kind}]


def test_new_words_make_a_variation_a_remix(server, build, brief, tmp_path):
    engine = build(send_seed=True)
    varied = follow_up(engine, brief, tmp_path)

    drawn(engine, dataclasses.replace(varied, prompt="a cat", final_prompt="a cat --ar 2:3"))

    (body,) = sent(server, "variation")
    assert body["remixPrompt"] == "a cat --ar 2:3 --seed 11"


def test_the_whole_is_drawn_again_by_its_job_or_with_new_words(server, build, brief, tmp_path):
    engine = build()
    again = follow_up(engine, brief, tmp_path, None)

    drawn(engine, again)
    drawn(engine, dataclasses.replace(again, prompt="a cat", final_prompt="a cat"))
    foreign = dataclasses.replace(again.parent, engine="another")
    drawn(engine, dataclasses.replace(again, parent=foreign))

    assert sent(server, "reroll") == [{"jobId": job_of(again)}]
    assert [body["text"] for body in sent(server)][1:] == ["a cat", brief.final_prompt]


@pytest.mark.parametrize(("kind", "number"), [("subtle", 0), ("creative", 1)])
def test_an_upscaled_picture_is_one_and_is_not_upscaled_again(
    server, build, brief, tmp_path, kind, number
):
    engine = build()
    asked = dataclasses.replace(
        follow_up(engine, brief, tmp_path), operation="upscale", upscale=kind, width=256, height=384
    )
    handle = engine.submit(asked)

    (picture,) = drawn(engine, asked, handle).cells

    assert Image.open(io.BytesIO(picture)).size == (256, 384)
    assert sent(server, "upscale") == [{"jobId": job_of(asked), "imageNo": 2, "type": number}]
    again = dataclasses.replace(asked.parent, cell=0, handle=handle)
    with pytest.raises(Rejected):
        engine.submit(dataclasses.replace(asked, parent=again))


def editing(brief, tmp_path, size, kept):
    Image.new("RGB", size, "grey").save(tmp_path / "canvas.png")
    Image.new("L", size, 255).save(tmp_path / "mask.png")
    edit = Edit(tmp_path / "canvas.png", tmp_path / "mask.png", kept)
    return dataclasses.replace(brief, operation="edit", edit=edit, width=size[0], height=size[1])


@pytest.mark.parametrize(
    ("name", "size", "kept", "body"),
    [
        ("outpaint", *zoomed(CELL, 1.5), {"scale": 1.5}),
        ("outpaint", *zoomed(CELL, 2.0), {"scale": 2.0}),
        ("pan", *panned(CELL, "down"), {"direction": 0, "scale": 1.5}),
        ("pan", *panned(CELL, "right"), {"direction": 1, "scale": 1.5}),
        ("pan", *panned(CELL, "up"), {"direction": 2, "scale": 1.5}),
        ("pan", *panned(CELL, "left"), {"direction": 3, "scale": 1.5}),
    ],
)
def test_a_larger_canvas_is_a_call_of_its_kind(
    server, build, brief, tmp_path, name, size, kept, body
):
    engine = build()
    asked = editing(follow_up(engine, brief, tmp_path), tmp_path, size, kept)

    finished = drawn(engine, asked)

    assert sent(server, name) == [{"jobId": job_of(asked), "imageNo": 2, **body}]
    assert Image.open(io.BytesIO(finished.cells[0])).size == size


def test_a_region_is_told_as_polygons_in_pixels(server, build, brief, tmp_path):
    engine = build()
    asked = editing(follow_up(engine, brief, tmp_path), tmp_path, CELL, None)
    mask = Image.new("L", CELL, 0)
    mask.paste(255, (32, 48, 96, 144))
    mask.save(asked.edit.mask)

    drawn(engine, asked)

    (body,) = sent(server, "inpaint")
    (area,) = body["mask"]["areas"]
    assert area == {"width": 128, "height": 192, "points": [32, 48, 96, 48, 96, 144, 32, 144]}


@pytest.mark.parametrize("shape", ["ellipse", "grid", "nothing", "all", "line"])
def test_all_that_is_white_is_covered_by_few_polygons(tmp_path, shape):
    size = (672, 384)
    mask = Image.new("L", size, 255 if shape == "all" else 0)
    draw = ImageDraw.Draw(mask)
    match shape:
        case "ellipse":
            draw.ellipse((100, 50, 500, 300), 255)
        case "grid":
            for x in range(0, size[0], 24):
                for y in range(0, size[1], 24):
                    draw.rectangle((x, y, x + 6, y + 6), 255)
        case "line":
            draw.line((0, 0, 671, 383), 255)
    mask.save(tmp_path / "mask.png")

    areas = areas_of(tmp_path / "mask.png")

    assert len(areas) <= AREAS_MOST
    covered = Image.new("L", size, 0)
    for area in areas:
        left, top, _, _, right, bottom, _, _ = area["points"]
        covered.paste(255, (left, top, right, bottom))
    assert bool(areas) == (shape != "nothing")
    assert ImageChops.subtract(mask, covered).getbbox() is None


@pytest.mark.parametrize("forgotten", [True, False])
def test_a_picture_that_the_host_does_not_have_cannot_be_gone_on_from(
    server, build, brief, tmp_path, forgotten
):
    engine = build()
    asked = follow_up(engine, brief, tmp_path, 1, name="drawer" if forgotten else "another")
    server.jobs.clear()

    with pytest.raises(Rejected) as caught:
        engine.submit(asked)

    assert caught.value.kind == "reference"
    assert bool(sent(server, "variation")) == forgotten


@pytest.mark.parametrize("operation", ["blend", "describe"])
def test_what_the_host_cannot_do_is_not_claimed_and_rejected(build, brief, operation):
    engine = build()

    assert getattr(engine.capabilities(), operation) == "none"
    with pytest.raises(Rejected):
        engine.submit(dataclasses.replace(brief, operation=operation))


def test_version_8_claims_less(build):
    able = build(version="8.1").capabilities()

    assert (able.edit, able.upscale_subtle, able.weird, able.tile) == ("none",) * 4
    assert able.vary == "near"


# -- what becomes of a submission -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "error", "kind"),
    [
        ("Invalid_Argument", Rejected, "parameter"),
        ("Invalid_Prompt_Parameter", Rejected, "parameter"),
        ("Job_ReUpscale_Not_Support", Rejected, "parameter"),
        ("Upscale_Not_Support", Rejected, "parameter"),
        ("Not_Support", Rejected, "parameter"),
        ("Msg_Sensitive", Rejected, "moderated"),
        ("Invalid_App_Identifier", Refused, "credentials"),
        ("Permission_Denied", Refused, "credentials"),
        ("Account_Fee_Not_Enough", Refused, "credit"),
        ("No_More_Relax_Credit", Refused, "credit"),
        ("No_Avaliable_Plan", Refused, "credit"),
        ("Relax_Not_Allow", Refused, "setup"),
        ("Max_Concurrent_Limited", EngineBusy, None),
        ("fails-at-once", EngineBusy, None),
        ("Server_Busy", EngineDown, None),
        # It may have been started.
        ("Request_Timout", JobLost, None),
        ("Internal_Server_Error", EngineError, None),
        ("drop", JobLost, None),
        ("no-id", JobLost, None),
    ],
)
def test_every_refusal_is_the_error_that_says_what_to_do(server, build, brief, fault, error, kind):
    server.faults.add(fault)

    with pytest.raises(error) as caught:
        build().submit(brief)

    assert getattr(caught.value, "kind", None) == kind
    assert "/home" not in str(caught.value)
    assert getattr(caught.value, "charged", True)
    # Nothing that may have been paid for is sent again.
    assert len(sent(server)) == 1


# -- what becomes of a job ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "error", "kind"),
    [
        ("JobStatusTextReject", Rejected, "moderated"),
        ("JobStatusImagePromptDenied", Rejected, "moderated"),
        ("JobStatusReject", Rejected, "moderated"),
        ("JobStatusBadPrompt", Rejected, "parameter"),
        ("JobStatusInvalidParameter", Rejected, "parameter"),
        ("JobStatusInvalidImagePromptLink", Rejected, "reference"),
        ("JobStatusDuplicateImage", Rejected, "reference"),
        ("JobStatusCanceled", Rejected, "failed"),
        ("JobStatusTimeout", EngineError, None),
        ("JobStatusRequestTimeout", EngineError, None),
        ("JobStatusError", EngineError, None),
        ("JobStatusFail", EngineError, None),
        ("JobStatusMaxConcurrentLimited", EngineBusy, None),
        ("JobStatusCreditNotEnough", Refused, "credit"),
        ("forgets", JobLost, None),
        ("gone-picture", JobLost, None),
        ("broken", BadResult, None),
    ],
)
def test_every_end_of_a_job_is_the_error_that_says_what_to_do(
    server, build, brief, fault, error, kind
):
    server.faults.add(fault)

    with pytest.raises(error) as caught:
        drawn(build(), brief)

    assert getattr(caught.value, "kind", None) == kind
    assert getattr(caught.value, "charged", True)


def test_it_waits_before_it_draws_and_says_no_position(build, brief):
    steps = steps_of(build(), brief)

    assert steps[0] == Queued(None)
    assert Progress(0.0) in steps
    assert isinstance(steps[-1], Finished)


def test_a_host_away_for_long_is_down_and_the_handle_is_good_later(server, build, brief):
    engine = build(silent_s=0.1)
    handle = engine.submit(brief)
    server.faults.add("job-down")

    with pytest.raises(EngineDown, match="silent"):
        steps_of(engine, brief, handle)

    server.faults.discard("job-down")
    assert drawn(build(), brief, handle)


def test_a_stop_leaves_the_drawing_going_on(server, build, brief):
    server.held.set()
    engine = build()
    handle = engine.submit(brief)
    watching = Watching(engine, brief, handle)
    wait_until(lambda: watching.saw(Queued), what="a first poll")

    watching.stop.set()

    assert not watching.end().saw(Finished)
    server.held.clear()
    assert drawn(engine, brief, handle)


# -- setting up -----------------------------------------------------------------------------------


def test_both_credentials_go_to_the_host_and_nowhere_else(server, build, brief, monkeypatch):
    server.faults.add("locked")
    monkeypatch.setenv("YOUCHUAN_APP", APP)
    monkeypatch.setenv("YOUCHUAN_SECRET", SECRET)
    engine = engines.load(
        DRIVER.entry(server.url, app_env="YOUCHUAN_APP", secret_env="YOUCHUAN_SECRET")
    )

    assert engine.health().state == "ok"
    assert build().health().state == "down"
    handle = engine.submit(brief)
    finished = drawn(engine, brief, handle)

    assert SECRET not in repr((handle, finished.notes))
    engine.close()


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
        ({"app_env": None}, "app_env"),
        ({"secret_env": None}, "secret_env"),
        ({"secret": "hush"}, "secret_env"),
        ({"relax": "yes"}, "relax"),
        ({"versoin": "7"}, "version"),
    ],
)
def test_a_wrong_option_is_refused_by_name(build, options, named):
    with pytest.raises(ConfigError, match=named):
        build(**options)
