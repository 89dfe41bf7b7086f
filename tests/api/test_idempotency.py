"""The Idempotency-Key: one key, one job."""

from __future__ import annotations

import json
import threading

import pytest

from tests.api.asking import ORIGIN, a_body, a_caller, refused

KEY = {"Idempotency-Key": "order-77"}


def waiting(caller) -> int:
    return caller("POST", "/draw/midjourney/waiting").json["data"]


def test_the_same_key_returns_the_first_job_and_starts_nothing(caller, store):
    first = caller.imagine(headers=KEY)
    again = caller.imagine(headers=KEY)

    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json == first.json
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert waiting(caller) == 1
    assert store.redis.llen("fast") == 1


def test_without_a_key_each_request_is_a_job(caller):
    assert caller.drawn()["id"] != caller.drawn()["id"]


def test_the_order_of_the_fields_does_not_matter(caller):
    body = a_body(chaos=5)
    backwards = dict(reversed(body.items()))
    # As text: Flask's test client would send both in one order.
    texts = [json.dumps(one) for one in (body, backwards)]
    assert texts[0] != texts[1]

    ids = {
        caller(
            *("POST", "/draw/midjourney/imagine"),
            data=text,
            content_type="application/json",
            headers=KEY,
        ).json["id"]
        for text in texts
    }

    assert len(ids) == 1


def test_the_same_key_with_another_body_is_a_conflict(caller):
    caller.imagine(headers=KEY)

    assert refused(caller.imagine(headers=KEY, chaos=5), 409, "idempotency_conflict") == {}
    assert waiting(caller) == 1


def test_the_same_key_at_another_address_is_a_conflict(caller):
    caller.imagine(headers=KEY)

    refused(caller("POST", ORIGIN, json=a_body(), headers=KEY), 409, "idempotency_conflict")


def test_a_key_belongs_to_its_client(caller, other):
    assert caller.imagine(headers=KEY).json["id"] != other.imagine(headers=KEY).json["id"]


def test_a_refused_request_does_not_use_its_key_up(caller):
    refused(caller.imagine(headers=KEY, chaos=101), 422)

    assert caller.imagine(headers=KEY, chaos=100).status_code == 202


def test_a_full_cap_does_not_hide_the_first_job(app, store):
    small = a_caller(app, store, "small", waiting_cap=1)
    first = small.imagine(headers=KEY).json

    assert small.imagine(headers=KEY).json == first


def test_a_key_is_kept_for_24_hours(caller, store):
    caller.imagine(headers=KEY)

    left_ms = store.redis.pttl("limner:idem:ann:order-77")
    assert 86_300_000 < left_ms <= 86_400_000


@pytest.mark.parametrize("key", ["k", "k" * 255, "Schlüssel", "a b:c\t{}"])
def test_keys_of_up_to_255_characters_are_taken(caller, key):
    assert caller.imagine(headers={"Idempotency-Key": key}).status_code == 202


def test_blanks_around_a_key_do_not_count(caller):
    ids = {
        caller.imagine(headers={"Idempotency-Key": key}).json["id"] for key in ("k", " k", "k\t")
    }

    assert len(ids) == 1


@pytest.mark.parametrize("key", ["", "  ", "k" * 256])
def test_an_empty_or_longer_key_is_refused(caller, key):
    errors = refused(caller.imagine(headers={"Idempotency-Key": key}), 422)

    assert list(errors) == ["Idempotency-Key"]


def test_sixteen_requests_at_once_with_one_key_make_one_job(caller):
    start = threading.Barrier(16)
    answers = []

    def ask():
        start.wait()
        answers.append(caller.imagine(headers=KEY))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [answer.status_code for answer in answers] == [202] * 16
    assert len({answer.json["id"] for answer in answers}) == 1
    assert waiting(caller) == 1
