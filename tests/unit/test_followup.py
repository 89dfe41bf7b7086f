"""Which follow-ups are open on a job, and what they ask for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from limner.errors import JobConflict
from limner.followup import BUTTONS, Press, buttons_of, closed, follow_up, request_of
from limner.job import Job, Picture, Status, from_ms
from limner.request import Change, Lane
from tests.builders import a_request

ALL = ("vary", "upscale_subtle", "upscale_creative", "edit")
CELL = Picture("http://limner/c.png", 512, 512)


def a_done_job(cells=4, can=ALL, **changes) -> Job:
    return Job(
        id="parent",
        client="ann",
        request=a_request(**changes),
        final_prompt="a lighthouse",
        draw_type="draw",
        seeds=(1, 2, 3, 4)[:cells],
        created_at=from_ms(0),
        status=Status.DONE,
        picture=CELL,
        cells=(CELL,) * cells,
        engine="stage",
        can=can,
        drawn_seeds=(11, 12, 13, 14)[:cells],
    )


def pressed(job, button, **said):
    return request_of(job, Press(button, job.id, Lane.RELAXED, "0" * 32, **said))


def test_everything_is_open_on_a_grid_of_an_able_engine():
    assert buttons_of(a_done_job()) == BUTTONS


def test_nothing_is_open_on_a_job_that_is_not_done():
    assert buttons_of(replace(a_done_job(), status=Status.DRAWING)) == ()


def test_a_single_picture_cannot_be_picked_but_gone_on_from():
    buttons = buttons_of(a_done_job(cells=1))

    assert {"v1", "vs1", "r", "upscale", "region", "zoom", "pan", "remix"} == set(buttons)


def test_a_picked_cell_can_be_gone_on_from():
    picked = replace(a_done_job(), cells=())

    assert set(buttons_of(picked)) == {"vs1", "upscale", "region", "zoom", "pan", "remix"}


def test_what_an_engine_cannot_do_is_not_open_and_says_why():
    job = a_done_job(can=("vary",))

    assert not {"upscale", "region", "zoom", "pan"} & set(buttons_of(job))
    with pytest.raises(JobConflict, match="The engine stage cannot do that"):
        follow_up(job, "zoom")


def test_an_engine_may_upscale_in_one_way_only():
    job = a_done_job(can=("upscale_creative",))

    assert follow_up(job, "upscale", "creative").button == "upscale"
    with pytest.raises(JobConflict, match="cannot upscale that way"):
        follow_up(job, "upscale", "subtle")


def test_a_job_of_a_release_before_is_followed_up_as_it_was():
    buttons = buttons_of(a_done_job(can=None))

    assert {"u1", "u4", "v1", "v4", "r"} < set(buttons)
    assert not {"upscale", "zoom"} & set(buttons)


def test_a_cell_is_picked_once():
    job = replace(a_done_job(), marks=frozenset({"u2", "v2"}))

    assert "u2" not in buttons_of(job)
    assert "v2" in buttons_of(job)


def test_an_upscale_is_one_picture_of_twice_the_size():
    request = pressed(
        a_done_job(references=("http://p/1",), iw=1), "upscale", cell=2, kind="subtle"
    )

    assert (request.operation, request.count, request.size) == ("upscale", 1, (1024, 1024))
    assert (request.change.cell, request.change.kind) == (1, "subtle")
    assert (request.references, request.iw) == ((), None)


@pytest.mark.parametrize(
    ("button", "said", "size"),
    [
        ("zoom", {"scale": 2}, (1024, 1024)),
        ("zoom", {"scale": 1.5}, (768, 768)),
        ("pan", {"direction": "up"}, (512, 768)),
        ("region", {"mask": "http://p/mask"}, (512, 512)),
    ],
)
def test_an_edit_has_the_size_of_its_canvas_and_as_many_cells_as_before(button, said, size):
    request = pressed(a_done_job(count=2), button, cell=1, **said)

    assert (request.operation, request.count, request.size) == ("edit", 2, size)


def test_a_remix_varies_a_cell_with_other_words():
    request = pressed(a_done_job(), "remix", cell=3, prompt_en="a castle")

    assert (request.operation, request.prompt_en, request.change.cell) == ("draw", "a castle", 2)


def test_only_the_only_picture_need_not_be_named():
    assert pressed(a_done_job(cells=1), "zoom", scale=2).change.cell == 0
    with pytest.raises(JobConflict, match="say which"):
        pressed(a_done_job(), "zoom", scale=2)
    with pytest.raises(JobConflict, match="no picture 3"):
        pressed(a_done_job(cells=2), "zoom", scale=2, cell=3)


def test_how_a_job_was_told_of_is_not_taken_over():
    parent = a_done_job(deadline_s=5, callback_statuses=("drawing",), previews=False, seed=3)
    request = pressed(parent, "v1")

    assert (request.deadline_s, request.callback_statuses, request.previews) == (None, None, True)
    assert (request.seed, request.lane, request.tag) == (None, Lane.RELAXED, "0" * 32)


def test_drawing_a_blend_again_blends_again():
    blended = a_done_job(operation="blend", references=("http://p/1", "http://p/2"), prompt_en="")

    assert pressed(blended, "r").operation == "blend"
    assert pressed(blended, "v1").operation == "draw"


def test_an_edit_of_a_callers_own_picture_is_not_drawn_again_without_its_mask():
    edited = a_done_job(operation="edit", references=("http://p/1",), change=Change(0, mask="m"))

    assert "r" not in buttons_of(edited)
    assert "send the picture" in str(closed(edited, "r"))
    assert "r" in buttons_of(replace(edited, parent="1" * 32)), "its parent's words are drawn"
