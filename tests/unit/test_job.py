"""The job: its record, and the shape in which callers see it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.job import Job, Status, from_ms, new_record, rfc3339, tag_key
from limner.request import Lane, Request
from schemas.limner.job import JobSchema, job_body
from schemas.status import STATUS_CODE, STATUS_OF

TAG = "0123456789abcdef0123456789abcdef"
TEXT = st.text(st.characters(codec="utf-8"))


def a_record(**changes) -> dict[str, str]:
    request = Request(prompt_en="a lighthouse", lane=Lane.FAST, tag=TAG)
    accepted = {"status": "waiting", "created_ms": "1800000000123"}
    return new_record("f" * 32, "ann", request, (1, 2, 3, 4)) | accepted | changes


@given(
    st.builds(
        Request,
        prompt_en=TEXT,
        lane=st.sampled_from(Lane),
        tag=TEXT,
        prompt=st.none() | TEXT,
        chaos=st.none() | st.integers(0, 100) | st.floats(0, 100),
        references=st.lists(TEXT).map(tuple),
        extra=st.none() | TEXT,
        origin=st.booleans(),
    )
)
def test_a_request_is_read_back_from_its_record_as_it_was(request):
    assert Request.from_json(request.to_json()) == request


def test_every_status_has_one_code_and_every_code_one_status():
    assert {status: STATUS_CODE[status] for status in Status} == {
        "waiting": -2,
        "submitted": -1,
        "drawing": 0,
        "done": 1,
        "failed": 2,
    }
    assert {code: STATUS_OF[code] for code in STATUS_CODE.values()} == {
        code: status for status, code in STATUS_CODE.items()
    }


def test_a_fresh_job_shows_only_what_was_asked_for():
    body = job_body(Job.from_record(a_record(), position=3))

    assert body["status"] == -2
    assert body["position"] == 3
    assert body["createdAt"] == "2027-01-15T08:00:00.123Z"
    nothing = {name for name, value in body.items() if value is None}
    assert nothing == {
        "parentId",
        *(
            "prompt",
            "promptTranslated",
            "arRequested",
            "url",
            "width",
            "height",
            "reason",
            "reasonCode",
        ),
        *("engine", "extra", "startedAt", "finishedAt", "seeds", "deadline"),
        *("ahead", "startsInS", "waitsFor"),
    }


def test_a_job_with_everything_shows_everything():
    record = a_record(
        status="done",
        progress="100",
        seq="7",
        url="https://draw.example/g.png",
        width="1024",
        height="1024",
        cells=json.dumps([{"url": f"c{n}", "width": 512, "height": 512} for n in range(4)]),
        marks="u1 v4 r",
        engine="stage",
        notes='{"ignored": ["chaos"]}',
        started_ms="1800000001000",
        finished_ms="1800000009999",
    )

    body = job_body(Job.from_record(record))

    assert (body["url"], body["width"], body["height"]) == (
        "https://draw.example/g.png",
        1024,
        1024,
    )
    assert body["images"][3] == {"url": "c3", "width": 512, "height": 512}
    assert {
        mark for mark in ("u1", "u2", "u3", "u4", "v1", "v2", "v3", "v4", "r") if body[mark]
    } == {
        "u1",
        "v4",
        "r",
    }
    assert body["notes"] == {"ignored": ["chaos"]}
    assert (body["startedAt"], body["finishedAt"]) == (
        "2027-01-15T08:00:01.000Z",
        "2027-01-15T08:00:09.999Z",
    )
    assert json.loads(json.dumps(body)) == body


def test_a_job_is_shown_as_marshmallow_would_dump_it():
    done = a_record(
        status="done",
        url="https://draw.example/g.png",
        width="1024",
        height="1024",
        cells=json.dumps([{"url": f"c{n}", "width": 512, "height": 512} for n in range(4)]),
        marks="u1 r",
        notes='{"ignored": ["chaos"]}',
        started_ms="1800000001000",
    )

    for job in (Job.from_record(a_record(), position=3), Job.from_record(done)):
        assert list(job_body(job).items()) == list(JobSchema().dump(job).items())


@given(st.integers(0, 4_000_000_000_000))
def test_a_time_keeps_its_milliseconds(milliseconds):
    shown = rfc3339(from_ms(milliseconds))

    assert datetime.fromisoformat(shown) == from_ms(milliseconds)
    assert shown.endswith(f".{milliseconds % 1000:03d}Z")


def test_times_are_in_utc():
    assert rfc3339(datetime(2027, 1, 15, 8, tzinfo=UTC)) == "2027-01-15T08:00:00.000Z"


@pytest.mark.parametrize("tag", ["01234567-89ab-cdef-0123-456789abcdef", TAG, TAG.upper()])
def test_every_form_of_a_tag_is_found_under_one_key(tag):
    assert tag_key(tag) == TAG
