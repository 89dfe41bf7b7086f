"""``/healthz`` and ``/readyz``: what a balancer and an operator are told."""

from __future__ import annotations

import pytest

from limner.request import Lane
from limner.store.image_stores import StoreUse
from limner.store.lanes import Trouble
from limner.store.metrics.warning import Code
from tests.api.asking import refused
from tests.builders import MESSAGES, WORKER, a_worker, an_accepted_job, an_engine


@pytest.fixture
def settings(private):
    return private


@pytest.fixture
def ready(app):
    return lambda **headers: app.test_client().get("/readyz", headers=headers)


def with_engine_in(store, state: str, why: str, name: str = "stage") -> None:
    """An engine that a worker of ours has found out to be in that state."""
    job = an_accepted_job(store)
    store.lanes.take(job.id, "token", WORKER, MESSAGES)
    trouble = Trouble(engine_state=state, engine_why=why, pause_s=60, pause_max_s=60)
    assert store.lanes.give_back(job.id, "token", trouble, MESSAGES) == "waiting"


def test_a_process_that_lives_says_so(app):
    assert app.test_client().get("/healthz").json == {"status": "alive"}


def test_a_gateway_with_a_worker_in_each_lane_is_ready(store, ready):
    a_worker(store)

    response = ready()

    assert response.status_code == 200
    assert response.json == {
        "status": "ready",
        "warnings": [],
        "workers": {"fast": 1, "relaxed": 1},
        "engines": {"stage": "ok"},
        "imagesFreeMb": None,
    }


def test_the_least_space_that_is_free_for_pictures_is_told(store, ready):
    a_worker(store)
    for host, free_mb in (("a", 900), ("b", 40)):
        store.image_stores.tell(host, StoreUse("one", host, "/images", free_mb * 2**20))

    assert ready().json["imagesFreeMb"] == 40


def test_a_gateway_that_cannot_store_pictures_anywhere_is_not_ready_after_a_minute(
    store, ready, clock
):
    a_worker(store)
    store.image_stores.tell("a-1", StoreUse("one", "a", "/images", 2**30))
    store.reports.make(Code.IMAGES_AWAY, "a", "The image store cannot be used.", 600)
    assert ready().json["warnings"] == ["The image store cannot be used."]

    clock.pass_s(61)
    a_worker(store)

    assert list(refused(ready(), 503)) == ["images"]
    store.image_stores.tell("b-1", StoreUse("one", "b", "/images", 2**30))
    assert ready().status_code == 200


def test_a_gateway_without_workers_is_not_ready_and_names_the_lanes(ready):
    said = refused(ready(), 503)

    assert said == {
        "workers": [
            "No worker of the lane fast is running.",
            "No worker of the lane relaxed is running.",
        ]
    }


def test_a_worker_that_has_fallen_silent_is_missed(store, clock, ready):
    a_worker(store)
    clock.pass_s(10)
    store.lanes.renew("another", Lane.FAST, ["stage"], {})
    clock.pass_s(10)

    assert refused(ready(), 503) == {"workers": ["No worker of the lane relaxed is running."]}


def test_a_lane_that_no_engine_serves_needs_no_worker(store, ready):
    engine = an_engine(fast=2, relaxed=0)
    store.engines.register([engine])
    store.lanes.renew(WORKER, Lane.FAST, [engine.name], {})

    assert ready().status_code == 200


@pytest.mark.parametrize("lost", ["engines", "settings:stage"])
def test_a_gateway_that_knows_no_engine_is_not_ready_until_one_is_registered(store, ready, lost):
    a_worker(store)
    store.redis.delete(f"limner:{lost}")

    said = refused(ready(), 503)
    assert said == {"engines": ["No engine is known: the workers have not registered theirs yet."]}
    a_worker(store)
    assert ready().status_code == 200


def test_a_redis_that_would_lose_jobs_is_warned_of(store, ready):
    a_worker(store)
    store.redis.config_set("appendonly", "no")
    try:
        warnings = ready().json["warnings"]
    finally:
        store.redis.config_set("appendonly", "yes")

    assert any("append-only" in warning for warning in warnings)


@pytest.mark.parametrize("who", [{"X-Forwarded-For": "198.51.100.7"}, {"Host": "draw.example"}])
def test_an_engine_out_of_rotation_is_told_with_its_reason_to_those_who_may_know(store, ready, who):
    a_worker(store)
    with_engine_in(store, "refused", "credentials: http://10.0.0.5 says no")

    here, elsewhere = ready(), ready(**who)

    assert here.json["engines"] == elsewhere.json["engines"] == {"stage": "refused"}
    assert "10.0.0.5" in here.text
    assert "10.0.0.5" not in elsewhere.text
    assert "No engine is up: jobs are accepted and wait." in elsewhere.json["warnings"]


def test_callbacks_that_nobody_posts_are_told(store, clock, ready):
    a_worker(store)
    with_engine_in(store, "busy", "")
    clock.pass_s(60)
    a_worker(store)

    assert any("Callbacks are overdue by" in warning for warning in ready().json["warnings"])
