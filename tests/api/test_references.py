"""Reference images: what the request takes, and what becomes of pictures sent inline."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.api.asking import a_caller, refused
from tests.api.drawing import a_picture_of, inline

PIXEL = inline(a_picture_of(100))
DATA_URL = f"data:image/png;base64,{PIXEL}"
URL = "https://pictures.example/a.png"
TEN_MB = 10 * 1024 * 1024


def spooled(settings) -> list[Path]:
    return sorted(settings.image_dir.glob("spool/*/*"))


def references(store, job) -> tuple[str, ...]:
    return store.jobs.get(job["id"]).request.references


def test_urls_are_kept_and_nothing_is_spooled(caller, store, settings):
    job = caller.drawn(imageList=[URL, f" {URL} ", "HTTP://pictures.example/b"])

    assert references(store, job) == (URL, URL, "HTTP://pictures.example/b")
    assert spooled(settings) == []


def test_inline_pictures_are_spooled_as_they_came_and_the_record_names_them(
    caller, store, settings
):
    job = caller.drawn(imageList=[DATA_URL, URL, PIXEL])

    first, second, third = references(store, job)
    kept = {
        path: (settings.image_dir / path.removeprefix("spool:")).read_text()
        for path in (first, third)
    }
    assert second == URL
    assert kept == {first: DATA_URL, third: PIXEL}
    assert len(spooled(settings)) == 2
    assert PIXEL not in str(store.redis.hgetall(f"limner:job:{job['id']}"))


@pytest.mark.parametrize(
    "item",
    [
        DATA_URL,
        PIXEL,
        PIXEL.rstrip("="),
        f"DATA:IMAGE/JPEG;charset=x;BASE64,{PIXEL}",
        PIXEL[:4] + "\n" + PIXEL[4:],
        PIXEL[:4] + " \t" + PIXEL[4:],
        f"data:;base64,{PIXEL}",
        f"data:application/octet-stream;base64,{PIXEL}",
        f"data:image/png;base64,{PIXEL.replace('=', '%3D')}",
    ],
)
def test_each_way_to_send_a_picture_inline_is_taken(caller, item):
    caller.drawn(imageList=[item])


@pytest.mark.parametrize(
    "item",
    [
        "",
        "   ",
        "cat.png",
        "ftp://pictures.example/a.png",
        "http://",
        "http://user@pictures.example/a.png",
        "data:image/png;base64,",
        "data:image/png,abcd",
        "data:text/html;base64,abcd",
        "data:image/png;base64",
        "abcde",
        "ab==cdef",
        "data:" + "a" * 500 + ",abcd",
        "ab cd!",
        "灯塔",
        "a\0b",
        "\ud800",
        5,
        None,
        True,
        [],
        {"url": URL},
    ],
)
def test_what_is_no_picture_by_its_text_is_refused_by_its_place(caller, item):
    errors = caller.wrong(imageList=[URL, item])

    assert list(errors) == ["imageList"]
    assert errors["imageList"][0].startswith("Image 2: ")


@pytest.mark.parametrize("value", [URL, {}, 1, True, ""])
def test_what_is_no_list_is_refused(caller, value):
    assert caller.wrong(imageList=value) == {"imageList": ["Must be a list."]}


def test_eight_pictures_are_taken_and_nine_are_not(caller):
    caller.drawn(imageList=[URL] * 8)

    assert caller.wrong(imageList=[URL] * 9) == {"imageList": ["Must have at most 8 images."]}


def test_a_picture_of_ten_megabytes_is_taken_and_one_byte_more_is_not(caller, settings):
    caller.drawn(imageList=[inline(a_picture_of(TEN_MB))])
    before = spooled(settings)

    response = caller.imagine(imageList=[DATA_URL, inline(a_picture_of(TEN_MB + 1))])

    assert refused(response, 413) == {"imageList": ["Image 2: Must be at most 10 MB."]}
    assert spooled(settings) == before


def test_a_request_that_is_wrong_elsewhere_spools_nothing(caller, settings):
    caller.wrong(imageList=[DATA_URL], chaos=101)

    assert spooled(settings) == []


def test_a_replayed_request_leaves_no_second_copy(caller, settings):
    for _ in range(3):
        response = caller.imagine(imageList=[DATA_URL], headers={"Idempotency-Key": "k"})
        assert response.status_code == 202

    assert len(spooled(settings)) == 1


def test_a_conflicting_request_leaves_nothing(caller, settings):
    caller.imagine(headers={"Idempotency-Key": "k"})

    response = caller.imagine(imageList=[DATA_URL], headers={"Idempotency-Key": "k"})
    refused(response, 409, "idempotency_conflict")
    assert spooled(settings) == []


def test_a_request_over_the_waiting_cap_leaves_nothing(app, store, settings):
    full = a_caller(app, store, "full", waiting_cap=0)

    refused(full.imagine(imageList=[DATA_URL]), 429)
    assert spooled(settings) == []
