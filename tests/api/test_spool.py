"""How much of the disk callers may fill with inline pictures, and what they are told when it is enough."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from api import create_app
from limner.job import Picture
from limner.pictures.image_store import Images
from limner.store.lanes import Result
from limner.store.spool import Spooled
from tests.api.asking import Caller, a_caller, refused
from tests.api.drawing import a_picture_of, inline
from tests.api.test_metrics import samples
from tests.builders import MESSAGES, WORKER, a_worker

MB = 2**20
HALF_A_MB = inline(a_picture_of(MB * 3 // 8))
PICTURE = Picture("http://limner/images/a.png", 8, 8)


@pytest.fixture
def settings(settings):
    return replace(settings, inline_quota_mb=1, metrics_token="hidden")


@pytest.fixture
def spooled(settings):
    return lambda: sorted(settings.image_dir.glob("spool/*/*"))


@pytest.fixture
def scrape(app):
    headers = {"Authorization": "Bearer hidden"}
    return lambda: samples(app.test_client().get("/metrics", headers=headers))


@pytest.fixture
def full(caller: Caller) -> list[str]:
    """Two jobs that fill the caller's room to the last byte."""
    return [caller.drawn(imageList=[HALF_A_MB])["id"] for _ in range(2)]


def warnings(app, store, **headers) -> list[str]:
    a_worker(store)
    return app.test_client().get("/readyz", headers=headers).json["warnings"]


def test_a_client_whose_room_is_full_is_told_when_to_come_again(caller, full, spooled):
    response = caller.imagine(imageList=[HALF_A_MB])

    assert refused(response, 429) == {}
    assert int(response.headers["Retry-After"]) > 0
    assert "inline pictures" in response.json["message"]
    assert len(spooled()) == 2


def test_pictures_by_url_and_jobs_without_any_need_no_room(caller, full):
    caller.drawn()
    caller.drawn(imageList=["https://pictures.example/a.png"])


def test_one_clients_full_room_is_nothing_to_another(full, other):
    other.drawn(imageList=[HALF_A_MB])


def test_room_comes_back_with_the_end_of_a_job(caller, full, store, spooled):
    caller("DELETE", f"/draw/midjourney/jobs/{full[0]}")

    caller.drawn(imageList=[HALF_A_MB])

    assert store.spool.of("ann") == Spooled(MB, 0)
    refused(caller.imagine(imageList=[HALF_A_MB]), 429)


def test_more_than_the_whole_room_can_never_be_taken(caller, spooled):
    response = caller.imagine(imageList=[HALF_A_MB] * 3)

    errors = refused(response, 413)
    assert errors == {"imageList": ["Must take at most 1 MB in all, as sent."]}
    assert "Retry-After" not in response.headers
    assert spooled() == []


def test_a_client_may_have_a_room_of_its_own(app, store):
    large = a_caller(app, store, "large", inline_quota_mb=2)
    none = a_caller(app, store, "none", inline_quota_mb=0)

    for _ in range(4):
        large.drawn(imageList=[HALF_A_MB])
    refused(large.imagine(imageList=[HALF_A_MB]), 429)
    refused(none.imagine(imageList=[HALF_A_MB]), 413)


def test_a_client_of_before_has_the_gateways_room(caller, store, full):
    store.redis.hdel("limner:client:ann", "inline_quota_mb")

    assert store.clients.get("ann").inline_quota_mb is None
    refused(caller.imagine(imageList=[HALF_A_MB]), 429)


def test_a_replayed_request_finds_its_job_in_a_full_room(caller, spooled):
    def ask():
        return caller.imagine(imageList=[HALF_A_MB] * 2, headers={"Idempotency-Key": "k"})

    first, again = ask(), ask()

    assert first.status_code == again.status_code == 202
    assert first.json["id"] == again.json["id"]
    assert len(spooled()) == 2


@pytest.mark.parametrize("room", [True, False])
def test_a_race_for_the_last_room_is_decided_by_the_script(
    caller, store, monkeypatch, spooled, room
):
    caller.drawn(imageList=[HALF_A_MB])
    if not room:
        caller.drawn(imageList=[HALF_A_MB])
    # As another process sees it a moment before.
    monkeypatch.setattr(store.spool, "has_room", lambda *_: True)
    before = len(spooled())

    response = caller.imagine(imageList=[HALF_A_MB])

    assert response.status_code == (202 if room else 429)
    assert len(spooled()) == before + room


def test_submitting_again_charges_the_copies_and_makes_room_by_what_was_copied(
    caller, store, spooled
):
    job = caller.drawn(imageList=[HALF_A_MB] * 2)
    caller("DELETE", f"/draw/midjourney/jobs/{job['id']}")
    before = set(spooled())

    again = caller("POST", "/draw/midjourney/refresh", json={"tag": job["tag"]})

    assert again.json["data"]["status"] == -2
    assert store.spool.of("ann") == Spooled(MB, 0)
    assert len(spooled()) == 2
    assert not before & set(spooled())


def test_what_makes_room_is_gone_from_the_disk_at_once(caller, store, spooled):
    for _ in range(5):
        job = caller.drawn(imageList=[HALF_A_MB] * 2)
        caller("DELETE", f"/draw/midjourney/jobs/{job['id']}")

    assert len(spooled()) == 2
    assert store.spool.to_drop(10**6, 10) == []


def test_a_request_deletes_a_few_files_and_leaves_the_rest_to_others(
    caller, store, spooled, monkeypatch
):
    monkeypatch.setattr("api.spool.DELETED_MOST", 3)
    small = inline(a_picture_of(1000))
    for _ in range(2):
        job = caller.drawn(imageList=[small] * 4)
        caller("DELETE", f"/draw/midjourney/jobs/{job['id']}")

    caller.drawn(imageList=[HALF_A_MB] * 2)

    assert len(spooled()) == 8 - 3 + 2
    assert len(store.spool.to_drop(10**6, 10)) == 5


def test_below_the_floor_inline_pictures_are_refused_and_all_else_goes_on(
    settings, store, messages, caller, caplog
):
    app = create_app(replace(settings, disk_floor_mb=10**8), store, messages)
    low = Caller(app, caller.token, "ann")

    response = low.imagine(imageList=[HALF_A_MB])

    assert refused(response, 507) == {}
    assert int(response.headers["Retry-After"]) > 0
    (line,) = [record for record in caplog.records if record.message == "images.missed"]
    assert line.levelno == logging.WARNING
    assert line.limner_fields["path"] == "/draw/midjourney/imagine"
    assert "disk" in line.limner_fields["why"]
    assert store.spool.of("ann") == Spooled()
    low.drawn()


def test_what_was_written_before_the_disk_was_full_is_taken_out_again(caller, spooled, monkeypatch):
    written = Path.write_bytes
    left = [True, False]

    def fill(path, data):
        if not left.pop(0):
            raise OSError(28, "No space left on device")
        return written(path, data)

    monkeypatch.setattr(Path, "write_bytes", fill)

    refused(caller.imagine(imageList=[HALF_A_MB] * 2), 507)

    assert spooled() == []


def test_an_image_folder_that_is_gone_is_503_for_those_who_send_pictures(caller, settings, app):
    caller.drawn(imageList=[HALF_A_MB])
    settings.image_dir.rename(settings.image_dir.with_name("elsewhere"))
    key = "drawings/20270115/" + "0" * 32 + ".png"

    refused(caller.imagine(imageList=[HALF_A_MB]), 503)
    refused(app.test_client().get(f"/images/{key}"), 503)
    assert not settings.image_dir.exists()
    caller.drawn()


def test_operators_are_told_of_a_full_room_and_strangers_not_whose(
    caller, full, app, store, scrape, clock
):
    assert warnings(app, store) == []
    refused(caller.imagine(imageList=[HALF_A_MB]), 429)

    openly = warnings(app, store, Authorization="Bearer hidden")
    said = warnings(app, store)

    assert ["ann" in one for one in openly] == [True]
    assert ["inline pictures" in one for one in said] == [True]
    assert "ann" not in said[0].split()
    seen = scrape()
    assert seen["limner_inline_bytes", "ann", "live"] == MB
    assert seen["limner_requests_refused_total", "inline_full"] == 1
    assert seen["limner_warnings", "inline_full", "ann"] == 1
    clock.pass_s(61)
    assert warnings(app, store) == []


def test_refusals_are_counted_by_what_lacked_the_room(settings, store, messages, caller, scrape):
    refused(caller.imagine(imageList=[HALF_A_MB] * 3), 413)
    app = create_app(replace(settings, disk_floor_mb=10**8), store, messages)
    refused(Caller(app, caller.token, "ann").imagine(imageList=[HALF_A_MB]), 507)

    seen = scrape()

    assert seen["limner_requests_refused_total", "inline_too_large"] == 1
    assert seen["limner_requests_refused_total", "disk_full"] == 1


def test_a_job_that_is_done_leaves_its_pictures_for_follow_ups(caller, full, store, spooled):
    a_worker(store)
    assert store.lanes.take(full[0], "t", WORKER, MESSAGES).state == "granted"
    store.lanes.done(full[0], "t", Result(PICTURE, [PICTURE] * 4, {}))

    assert store.spool.of("ann") == Spooled(MB // 2, MB // 2)
    assert len(spooled()) == 2


@pytest.fixture
def no_reads(monkeypatch) -> list[str]:
    """The keys of pictures that were read or written from here on."""
    seen: list[str] = []
    monkeypatch.setattr(Images, "get", lambda _, key: seen.append(key))
    monkeypatch.setattr(Images, "put", lambda _, kind, *__: seen.append(kind))
    return seen


@pytest.fixture
def narrower(settings, store, messages, caller):
    """The caller of a gateway whose operator has since lowered the quota to so many MB."""

    def narrow(most_mb: int) -> Caller:
        app = create_app(replace(settings, inline_quota_mb=most_mb), store, messages)
        return Caller(app, caller.token, caller.name)

    return narrow


def refresh(caller: Caller, job: dict) -> TestResponse:
    return caller("POST", "/draw/midjourney/refresh", json={"tag": job["tag"]})


def failed_with_pictures(caller: Caller) -> dict:
    job = caller.drawn(imageList=[HALF_A_MB] * 2, tag="f" * 32)
    caller("DELETE", f"/draw/midjourney/jobs/{job['id']}")
    return job


def test_submitting_again_in_a_full_room_is_refused_before_anything_is_copied(narrower, request):
    wide = narrower(2)
    job = failed_with_pictures(wide)
    wide.drawn(imageList=[HALF_A_MB])
    touched = request.getfixturevalue("no_reads")

    assert refused(refresh(narrower(1), job), 429) == {}
    assert touched == []


def test_a_redraw_in_a_full_room_is_refused_before_anything_is_copied(narrower, store, request):
    wide = narrower(2)
    job = wide.drawn(imageList=[HALF_A_MB] * 2)
    a_worker(store)
    store.lanes.take(job["id"], "t", WORKER, MESSAGES)
    store.lanes.done(job["id"], "t", Result(PICTURE, [PICTURE] * 4, {}))
    wide.drawn(imageList=[HALF_A_MB])
    touched = request.getfixturevalue("no_reads")
    body = {"messageId": job["id"], "buttonType": "r", "fast": True, "tag": "e" * 32}

    response = narrower(1)("POST", "/draw/midjourney/button", json=body)

    assert refused(response, 429) == {}
    assert touched == []


def test_a_copy_that_no_room_would_ever_take_is_refused_without_naming_a_field(
    narrower, caller, request
):
    job = failed_with_pictures(caller)
    touched = request.getfixturevalue("no_reads")

    response = refresh(narrower(0), job)

    assert refused(response, 413) == {}
    assert "inline pictures" in response.json["message"]
    assert touched == []


def test_pictures_that_are_not_kept_any_more_are_gone_in_a_full_room_too(caller, spooled):
    job = failed_with_pictures(caller)
    for path in spooled():
        path.unlink()

    refused(refresh(caller, job), 410)
