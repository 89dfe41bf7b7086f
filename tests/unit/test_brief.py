"""What an engine gets to know of a job."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from limner.brief import Pictures, brief_of
from limner.job import Job, from_ms, new_record
from limner.ratios import CELL_SIZE_PX
from limner.request import Change, Lane, Request
from tests.builders import a_request

#: what the release before callers could ask for more reads of a request
FIELDS_BEFORE = {
    *("prompt_en", "lane", "tag", "prompt", "callback_url", "niji", "ar", "ar_requested", "chaos"),
    *("stylize", "style", "tile", "iw", "references", "extra", "origin"),
}


def a_job(request: Request, seeds=(1, 2, 3, 4)) -> Job:
    record = new_record("job-1", "ann", request, seeds)
    record |= {"status": "submitted", "created_ms": "1800000000000"}
    return Job.from_record(record)


@pytest.mark.parametrize(("ar", "size"), CELL_SIZE_PX.items())
def test_a_brief_has_the_size_of_one_cell(ar, size):
    brief = brief_of(a_job(a_request(ar=ar)))

    assert (brief.width, brief.height) == size


def test_a_plain_request_is_a_square_brief_without_wishes():
    brief = brief_of(a_job(a_request(prompt_en="a lighthouse")))

    assert (brief.width, brief.height) == CELL_SIZE_PX["1:1"]
    assert (brief.prompt, brief.final_prompt) == ("a lighthouse", "a lighthouse")
    assert (brief.chaos, brief.stylize, brief.iw, brief.style) == (None, None, None, "")
    assert (brief.niji, brief.tile, brief.negative, brief.references) == (False, False, "", ())


def test_every_parameter_of_a_request_reaches_the_brief():
    request = a_request(
        chaos=0, stylize=250, style="cute", niji=True, tile=True, iw=1.5, lane=Lane.RELAXED
    )

    brief = brief_of(a_job(request, (5, 6, 7, 8)), Pictures((Path("one.png"),)), attempt=2)

    assert (brief.chaos, brief.stylize, brief.iw) == (0, 250, 1.5)
    assert (brief.style, brief.niji, brief.tile, brief.fast) == ("cute", True, True, False)
    assert (brief.seeds, brief.attempt) == ((5, 6, 7, 8), 2)
    assert brief.references == (Path("one.png"),)
    assert brief.job_id == "job-1"


def test_flags_typed_into_an_origin_prompt_are_read_by_the_same_rule():
    text = "a lighthouse --ar 16:9 --chaos 5 --no people, boats --tile"
    typed = brief_of(a_job(a_request(prompt_en=text, origin=True)))
    written = brief_of(a_job(a_request(ar="7:4", chaos=5, tile=True)))

    assert (typed.width, typed.height) == (written.width, written.height)
    assert (typed.prompt, typed.chaos, typed.tile) == (written.prompt, written.chaos, True)
    assert typed.negative == "people, boats"
    assert typed.final_prompt == text


def test_the_same_job_gives_the_same_brief_again():
    job = a_job(a_request(chaos=3))

    assert brief_of(job) == brief_of(replace(job, created_at=from_ms(0)))


def test_what_is_asked_for_beyond_the_documented_fields_reaches_the_brief():
    request = a_request(
        seed=7,
        negative="boats",
        count=1,
        size=(768, 256),
        version="7",
        quality=0.5,
        weird=9,
        draft=True,
        raw=True,
        style_weight=30,
        object_weight=40,
    )

    brief = brief_of(a_job(request, (7,)), models={"7": "flux-dev"})

    assert (brief.width, brief.height, brief.seeds) == (768, 256, (7,))
    assert (brief.negative, brief.model, brief.style) == ("boats", "flux-dev", "raw")
    assert (brief.quality, brief.weird, brief.draft) == (0.5, 9, True)
    assert (brief.style_weight, brief.object_weight) == (30, 40)


def test_an_engine_that_always_draws_four_gets_four_seeds():
    brief = brief_of(a_job(a_request(count=2), (2**32 - 2, 5)), draws_any_count=False)

    assert brief.seeds == (2**32 - 2, 5, 6, 7)


@pytest.mark.parametrize("given", [{"hd": True}, {"prompt_en": "a lighthouse --hd --ar 3:2"}])
def test_hd_is_a_cell_of_twice_the_side(given):
    brief = brief_of(a_job(a_request(**given)))

    assert (brief.width, brief.height) in ((1024, 1024), (1248, 832))


def test_a_size_counts_more_than_hd_and_ratio():
    brief = brief_of(a_job(a_request(hd=True, ar="3:2", size=(512, 640))))

    assert (brief.width, brief.height) == (512, 640)


def test_a_flag_for_a_version_names_the_engines_model():
    assert (
        brief_of(a_job(a_request(prompt_en="a fox --v 6.1")), models={"6.1": "sdxl"}).model
        == "sdxl"
    )
    assert brief_of(a_job(a_request(prompt_en="a fox --v 5")), models={"6.1": "sdxl"}).model is None


def test_a_request_that_says_nothing_new_can_be_read_by_the_release_before():
    stored = json.loads(a_request().to_json())

    assert stored["references"] == []
    assert stored.keys() <= FIELDS_BEFORE


def test_a_record_of_another_release_is_read_without_what_is_not_known_here():
    text = a_request(seed=3).to_json().replace('"seed"', '"of_tomorrow":1,"seed"')

    assert Request.from_json(text).seed == 3


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"size": (512, 256), "callback_statuses": ("drawing",), "previews": False},
        {"operation": "edit", "change": Change(2, mask="spool:a/b")},
        {"operation": "upscale", "change": Change(0, kind="subtle"), "deadline_s": 5.0},
        {"references": ("http://p/1",), "style_references": ("spool:x",)},
    ],
)
def test_a_request_is_read_from_its_record_as_it_was(given):
    request = a_request(**given)

    assert Request.from_json(request.to_json()) == request
