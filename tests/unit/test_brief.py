"""What an engine gets to know of a job."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from limner.brief import brief_of
from limner.job import Job, from_ms, new_record
from limner.ratios import CELL_SIZE_PX
from limner.request import Lane, Request
from tests.builders import a_request


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

    brief = brief_of(a_job(request, (5, 6, 7, 8)), [Path("one.png")], attempt=2)

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
