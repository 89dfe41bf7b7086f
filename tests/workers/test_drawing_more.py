"""Drawings that ask for more than the documented fields: counts, sizes, edits, descriptions, styles."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from PIL import Image, ImageDraw

from limner.engine import Brief, Capabilities, Finished, Health
from limner.followup import FollowUp
from limner.job import Status
from limner.request import Change
from limner.store import Store
from net.outgoing import FetchFailed
from tests.builders import an_engine
from tests.standins.loopback import picture
from tests.workers.conftest import Workshop
from workers.drawing.canvas import canvas_of


def opened(workshop, picture) -> Image.Image:
    data = workshop.images.get(workshop.images.key_of(picture.url))
    return Image.open(io.BytesIO(data)).convert("RGB")


def png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


@dataclass
class Painter:
    """An engine that fills each cell with a colour of its seed and keeps the briefs it got."""

    able: Capabilities
    briefs: list[Brief] = field(default_factory=list)
    answer: dict[str, Any] = field(default_factory=dict)
    #: how many pictures the brief brought along, of each kind, that were there
    files: list[int] = field(default_factory=list)

    def capabilities(self) -> Capabilities:
        return self.able

    def health(self) -> Health:
        return Health("ok")

    def submit(self, brief: Brief) -> dict[str, Any]:
        self.briefs.append(brief)
        pictures = (*brief.references, *brief.style_references, *brief.object_references)
        self.files.append(sum(path.is_file() for path in pictures))
        return {"n": len(self.briefs)}

    def watch(self, handle, brief, stop):
        cells = tuple(picture(brief.width, brief.height, f"{seed}") for seed in brief.seeds)
        told = {"cells": cells, "seeds": brief.seeds} | self.answer
        yield Finished(**told)

    def cancel(self, handle) -> None:
        """There is nothing to stop."""

    def close(self) -> None:
        """There is nothing to release."""


@pytest.fixture
def able() -> Capabilities:
    return Capabilities(
        count="exact",
        edit="exact",
        upscale_subtle="exact",
        blend="exact",
        describe="exact",
        style_references="near",
    )


@pytest.fixture
def painted(redis_url, images, able):
    """A workshop whose engine is a painter."""
    store = Store(redis_url)
    store.redis.flushall()
    shop = Workshop(store, images, [an_engine(fast=2)])
    shop.painter = shop.engines["stage"] = Painter(able)
    yield shop
    shop.close()


@pytest.mark.parametrize(("count", "grid"), [(1, (512, 512)), (2, (1024, 512)), (3, (1536, 512))])
def test_a_job_has_as_many_cells_as_were_asked_for_and_the_engine_draws_no_more(
    painted, count, grid
):
    job = painted.draw(count=count)

    assert job.status is Status.DONE
    assert len(job.cells) == len(painted.painter.briefs[0].seeds) == count
    assert (job.picture.width, job.picture.height) == grid
    assert job.drawn_seeds == (1, 2, 3, 4)[:count]
    assert (job.picture == job.cells[0]) is (count == 1)


@pytest.mark.parametrize("able", [Capabilities(count="near")])
def test_of_an_engine_that_always_draws_four_the_caller_gets_what_it_asked_for(painted):
    job = painted.draw(count=2)

    assert len(painted.painter.briefs[0].seeds) == 4
    assert (len(job.cells), job.drawn_seeds) == (2, (1, 2))
    assert job.applied == {"count": "near"}


def test_too_few_cells_are_a_bad_result(painted):
    painted.painter.answer = {"cells": (picture(512, 512, "1"),)}

    job = painted.draw(count=2)

    assert (job.status, job.reason_code) == (Status.FAILED, "bad_result")


def test_a_size_is_drawn_exactly(painted):
    job = painted.draw(size=(768, 264), count=1)

    assert (job.picture.width, job.picture.height) == (768, 264)
    assert job.applied == {"size": "exact", "count": "exact"}


def test_what_the_engine_says_at_the_end_counts_more_than_what_it_claimed(painted):
    painted.painter.answer = {"applied": {"seed": "near"}}

    assert painted.draw(seed=3, chaos=4).applied == {"seed": "near", "chaos": "exact"}


def test_a_level_that_turns_out_otherwise_is_told_of_what_was_asked_only(painted):
    painted.painter.answer = {"applied": {"seed": "near", "style": "none", "ar": "exact"}}

    asked = {"raw": True, "ar": "7:4", "ar_requested": "16:9"}
    # raw is a style, and no engine draws a ratio that is not the one asked for.
    assert painted.draw(**asked).applied == {"raw": "none", "ar": "near"}
    assert painted.draw().applied == {}


def test_an_engine_that_does_not_tell_its_seeds_tells_none(painted):
    painted.painter.answer = {"seeds": ()}

    assert painted.draw(seed=3).drawn_seeds == ()


def test_what_can_be_done_with_a_drawing_is_kept_with_it(painted):
    assert set(painted.draw().can) == {"vary", "upscale_subtle", "edit"}


def test_progress_without_pictures_leaves_no_preview(workshop):
    job = workshop.draw(previews=False)

    events = [json.loads(text)["v"] for text in workshop.events(job)]
    assert [event.get("url") for event in events[:-1]] == [None] * (len(events) - 1)
    assert job.picture


def test_pictures_of_style_are_fetched_for_an_engine_that_uses_them(painted):
    painted.web["http://p/style"] = png(Image.new("RGB", (8, 8), "red"))

    job = painted.draw(style_references=("http://p/style",), style_weight=5)

    assert painted.painter.files == [1]
    assert job.applied == {"style_references": "near", "style_weight": "near"}


def test_pictures_that_an_engine_ignores_are_not_fetched_and_fail_no_job(painted):
    painted.web["http://p/thing"] = FetchFailed("timeout")

    job = painted.draw(object_references=("http://p/thing",))

    assert (job.status, job.applied) == (Status.DONE, {"object_references": "none"})
    assert painted.painter.files == [0]


def test_a_style_that_cannot_be_fetched_says_which(painted):
    painted.web["http://p/style"] = FetchFailed("timeout")

    job = painted.draw(style_references=("http://p/style",))

    assert (job.reason_code, job.reason) == (
        "reference",
        "Style reference 1 took too long to fetch.",
    )


def test_a_dead_link_in_the_text_is_left_out_and_told(painted):
    painted.web["http://p/style"] = FetchFailed("timeout")

    job = painted.draw(prompt_en="a fox --sref http://p/style --sw 20", origin=True)

    assert job.status is Status.DONE
    assert job.applied == {"style_references": "none", "style_weight": "none"}
    assert painted.painter.briefs[0].style_references == ()


def test_links_to_styles_in_the_text_are_used_like_those_of_a_field(painted):
    painted.web["http://p/style"] = png(Image.new("RGB", (8, 8), "red"))

    painted.draw(prompt_en="a fox --sref http://p/style --sw 20", origin=True)

    (brief,) = painted.painter.briefs
    assert (len(brief.style_references), brief.style_weight, brief.prompt) == (1, 20, "a fox")


def test_a_description_ends_with_prompts_and_without_pictures(painted):
    painted.web["http://p/1"] = png(Image.new("RGB", (8, 8), "red"))
    painted.painter.answer = {"cells": (), "seeds": (), "prompts": ("red", "a field", "b", "c")}

    job = painted.draw(operation="describe", prompt_en="", references=("http://p/1",), count=1)

    assert (job.status, job.prompts) == (Status.DONE, ("red", "a field", "b", "c"))
    assert (job.picture, job.cells) == (None, ())


def test_a_description_has_four_prompts_at_most_and_none_is_endless(painted):
    painted.web["http://p/1"] = png(Image.new("RGB", (8, 8), "red"))
    painted.painter.answer = {"cells": (), "seeds": (), "prompts": ("x" * 9000,) * 9}

    job = painted.draw(operation="describe", prompt_en="", references=("http://p/1",), count=1)

    assert [len(prompt) for prompt in job.prompts] == [2000] * 4


def test_a_description_without_prompts_is_a_bad_result(painted):
    painted.web["http://p/1"] = png(Image.new("RGB", (8, 8), "red"))
    painted.painter.answer = {"cells": (), "seeds": (), "prompts": ()}

    job = painted.draw(operation="describe", prompt_en="", references=("http://p/1",), count=1)

    assert job.reason_code == "bad_result"


def test_a_blend_gets_its_pictures(painted):
    for name in "12":
        painted.web[f"http://p/{name}"] = png(Image.new("RGB", (8, 8), "red"))

    painted.draw(operation="blend", prompt_en="", references=("http://p/1", "http://p/2"))

    (brief,) = painted.painter.briefs
    assert (brief.operation, len(brief.references), painted.painter.files) == ("blend", 2, [2])


# -- edits ----------------------------------------------------------------------------------------


def followed(painted, parent, button, operation, change, **request):
    return painted.draw(
        follow_up=FollowUp(parent.id, button, parent.engine),
        operation=operation,
        change=change,
        **request,
    )


class Vanishing(dict[str, Any]):
    """A web whose pages can be fetched once."""

    def __getitem__(self, url: str) -> Any:
        return self.pop(url, FetchFailed("unreachable"))


def a_mask() -> bytes:
    mask = Image.new("L", (64, 64), 0)
    ImageDraw.Draw(mask).rectangle((0, 0, 31, 63), fill=255)
    return png(mask)


def pixels(picture: Image.Image, box) -> bytes:
    return picture.crop(box).tobytes()


def test_a_zoom_keeps_the_picture_in_the_middle_pixel_for_pixel(painted):
    parent = painted.draw()

    job = followed(painted, parent, "zoom", "edit", Change(1, scale=2.0), size=(1024, 1024))

    was, now = opened(painted, parent.cells[1]), opened(painted, job.cells[0])
    assert now.size == (1024, 1024)
    assert pixels(now, (256, 256, 768, 768)) == was.tobytes()
    assert pixels(now, (0, 0, 1024, 256)) != pixels(
        opened(painted, job.cells[1]), (0, 0, 1024, 256)
    )
    brief = painted.painter.briefs[-1]
    assert (brief.edit.kept, brief.parent.seed) == ((256, 256, 768, 768), 2)
    assert (brief.width, brief.height) == (1024, 1024)


@pytest.mark.parametrize(
    ("direction", "size", "kept"),
    [
        ("left", (768, 512), (256, 0, 768, 512)),
        ("right", (768, 512), (0, 0, 512, 512)),
        ("up", (512, 768), (0, 256, 512, 768)),
        ("down", (512, 768), (0, 0, 512, 512)),
    ],
)
def test_a_pan_keeps_the_picture_at_the_other_side(painted, direction, size, kept):
    parent = painted.draw(count=1)

    job = followed(
        painted, parent, "pan", "edit", Change(0, direction=direction), size=size, count=1
    )

    now = opened(painted, job.picture)
    assert now.size == size
    assert pixels(now, kept) == opened(painted, parent.picture).tobytes()


def test_a_region_changes_where_the_mask_is_white_and_nowhere_else(painted):
    parent = painted.draw(count=1)
    painted.web["http://p/mask"] = a_mask()

    painted.painter.answer = {"cells": (picture(512, 512, "new"),)}

    change = Change(0, mask="http://p/mask")
    job = followed(painted, parent, "region", "edit", change, size=(512, 512), count=1)

    was, now = opened(painted, parent.picture), opened(painted, job.picture)
    right, left = (256, 0, 512, 512), (0, 0, 240, 512)
    assert pixels(now, right) == pixels(was, right)
    assert pixels(now, left) != pixels(was, left)


def test_a_region_of_a_callers_own_picture_is_redrawn_at_the_size_asked_for(painted):
    painted.web["http://p/own"] = picture(300, 150, "own")
    painted.web["http://p/mask"] = a_mask()
    painted.painter.answer = {"cells": (picture(512, 256, "new"),)}

    job = painted.draw(
        operation="edit",
        change=Change(0, mask="http://p/mask"),
        references=("http://p/own",),
        size=(512, 256),
        count=1,
    )

    sent = Image.open(io.BytesIO(painted.web["http://p/own"])).convert("RGB")
    was = sent.resize((512, 256), Image.Resampling.LANCZOS)
    now = opened(painted, job.picture)
    right, left = (256, 0, 512, 256), (0, 0, 240, 256)
    assert now.size == (512, 256)
    assert pixels(now, right) == pixels(was, right)
    assert pixels(now, left) != pixels(was, left)
    assert painted.painter.briefs[-1].references == (), "it is the canvas"


def test_a_callers_own_picture_that_cannot_be_read_fails_the_edit(painted):
    painted.web["http://p/own"] = b"no picture"
    painted.web["http://p/mask"] = a_mask()

    job = painted.draw(
        operation="edit",
        change=Change(0, mask="http://p/mask"),
        references=("http://p/own",),
        size=(512, 512),
        count=1,
    )

    assert job.reason_code == "reference"
    assert job.reason.startswith("Image 1 ")


def test_a_mask_is_fetched_once_and_named_as_the_only_one(painted):
    parent = painted.draw(count=1)
    mask, painted.web = a_mask(), Vanishing()
    painted.web["http://p/mask"] = mask
    change = Change(0, mask="http://p/mask")
    asked = {"size": (512, 512), "count": 1}

    drawn = followed(painted, parent, "region", "edit", change, **asked)
    again = followed(painted, parent, "region", "edit", change, **asked)

    assert drawn.status is Status.DONE
    assert again.reason == "The mask cannot be fetched."


def test_a_black_mask_says_what_it_is_for(painted):
    parent = painted.draw(count=1)
    painted.web["http://p/mask"] = png(Image.new("L", (64, 64), 0))

    change = Change(0, mask="http://p/mask")
    job = followed(painted, parent, "region", "edit", change, size=(512, 512), count=1)

    assert job.reason == "The mask is black: white marks what to draw."
    assert job.reason_code == "reference"


def test_a_picture_that_was_deleted_fails_its_follow_up_with_the_reason(painted):
    parent = painted.draw(count=1)
    painted.images.delete(painted.images.key_of(parent.picture.url))

    job = followed(painted, parent, "zoom", "edit", Change(0, scale=2.0), size=(1024, 1024))

    assert job.reason == "The picture to go on from has been deleted."


def test_an_upscale_starts_from_the_cell_and_its_seed(painted):
    parent = painted.draw()

    change = Change(2, kind="subtle")
    job = followed(painted, parent, "upscale", "upscale", change, size=(1024, 1024), count=1)

    brief = painted.painter.briefs[-1]
    assert (brief.operation, brief.upscale, brief.parent.cell, brief.parent.seed) == (
        "upscale",
        "subtle",
        2,
        3,
    )
    assert (job.picture.width, len(job.cells)) == (1024, 1)


def test_a_remix_varies_the_cell_it_names(painted):
    parent = painted.draw()

    followed(painted, parent, "remix", "draw", Change(3), prompt_en="a castle")

    brief = painted.painter.briefs[-1]
    assert (brief.operation, brief.prompt, brief.parent.cell) == ("draw", "a castle", 3)
    assert brief.parent.strength == 0.6


@pytest.mark.parametrize(("button", "strength"), [("v2", 0.45), ("vs2", 0.7)])
def test_a_strong_variation_departs_further(painted, button, strength):
    parent = painted.draw()

    followed(painted, parent, button, "draw", None)

    brief = painted.painter.briefs[-1]
    assert (brief.parent.cell, brief.parent.strength) == (1, strength)


def test_a_canvas_within_the_limits_shows_the_picture_smaller_where_it_must(tmp_path):
    path = tmp_path / "parent.png"
    Image.new("RGB", (2048, 1024), "red").save(path)

    canvas = canvas_of(Change(0, scale=2.0), path, None)

    assert canvas.picture.size == (2048, 1024)
    assert canvas.kept == (512, 256, 1536, 768)
