"""``/metrics``: what a scrape shows of what happened, and to whom."""

from __future__ import annotations

from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from api import create_app
from limner.job import Picture
from limner.request import Lane
from limner.settings import Settings
from limner.store import Store
from limner.store.aside import Why
from limner.store.lanes import Result, Trouble
from limner.store.metrics.families import BOUNDS_MS
from limner.store.metrics.prometheus import page
from limner.store.operators import Role
from limner.store.outbox import AttemptReport, Poster
from limner.store.scripts import source
from limner.store.server import server_facts
from tests.api.asking import refused
from tests.builders import MESSAGES, WORKER, a_worker, an_accepted_job, an_engine

POSTER = Poster.of("poster", threads=8, kept_ms=1000_000)
PICTURE = Picture("http://limner/images/a.png", 8, 8)


def samples(response) -> dict[tuple, float]:
    """Every sample of a scrape: (name, label values in the order of their names) → value."""
    assert response.status_code == 200, response.text
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


@pytest.fixture
def settings(private):
    return private


@pytest.fixture
def scrape(app):
    return lambda: samples(app.test_client().get("/metrics"))


def drawn(store, clock, *, waits_s: float = 0, draws_s: float = 0, **request):
    job = an_accepted_job(store, **request)
    clock.pass_s(waits_s)
    a_worker(store)
    assert store.lanes.take(job.id, job.id, WORKER, MESSAGES).state == "granted"
    clock.pass_s(draws_s)
    store.lanes.done(job.id, job.id, Result(PICTURE, [PICTURE] * 4, {}))
    return job


def test_a_gateway_where_nothing_happened_yet_is_told_as_empty(scrape):
    seen = scrape()

    assert seen["limner_redis_up",] == 1
    assert seen["limner_jobs_waiting", "fast"] == 0
    assert seen["limner_jobs_waiting_oldest_seconds", "relaxed"] == 0
    assert seen["limner_workers", "fast"] == 0


def test_what_redis_uses_of_its_memory_is_told_and_what_it_may_use(store, scrape):
    seen = scrape()

    assert 0 < seen["limner_redis_memory_bytes",] < seen["limner_redis_memory_limit_bytes",]
    facts = server_facts(store.redis)
    silent = replace(facts, memory_bytes=None, memory_limit_bytes=None)
    assert b"limner_redis_memory" not in page(store.numbers.read(), silent)


def test_every_sweep_is_counted_so_that_its_absence_shows(store, scrape):
    assert scrape()["limner_ticks_total",] == 0
    store.lanes.sweep(MESSAGES)
    store.lanes.sweep(MESSAGES)

    assert scrape()["limner_ticks_total",] == 2


def test_waiting_jobs_and_the_age_of_the_oldest_are_told_per_lane(store, clock, scrape):
    for lane, count in ((Lane.FAST, 3), (Lane.RELAXED, 1)):
        for _ in range(count):
            an_accepted_job(store, lane=lane)
            clock.pass_s(10)

    seen = scrape()

    assert seen["limner_jobs_waiting", "fast"] == 3
    assert seen["limner_jobs_waiting_oldest_seconds", "fast"] == 40
    assert seen["limner_jobs_waiting", "relaxed"] == 1
    assert seen["limner_jobs_accepted_total", "fast"] == 3


def test_slots_are_told_per_engine_and_lane_as_the_scripts_would_give_them(store, scrape):
    a_worker(store, an_engine(fast=3, relaxed=2))
    job = an_accepted_job(store, lane=Lane.RELAXED)
    store.lanes.take(job.id, "token", WORKER, MESSAGES)

    seen = scrape()

    assert seen["limner_engine_slots", "stage", "fast"] == 3
    assert seen["limner_engine_slots_leased", "stage", "relaxed"] == 1
    assert seen["limner_engine_slots_free", "stage", "fast"] == 2
    assert seen["limner_engine_slots_free", "stage", "relaxed"] == 1
    assert seen["limner_engine_state", "stage", "ok"] == 1


def test_slots_that_wait_for_pictures_to_be_stored_are_told(store, scrape):
    a_worker(store, an_engine(fast=3, relaxed=2))
    job = an_accepted_job(store)
    store.lanes.take(job.id, "token", WORKER, MESSAGES)
    assert scrape()["limner_engine_slots_storing", "stage", "fast"] == 0

    store.lanes.keep_slot(job.id, "token")

    assert scrape()["limner_engine_slots_storing", "stage", "fast"] == 1


def test_an_engine_that_is_down_has_no_free_slot_and_says_how_long_it_rests(store, scrape):
    a_worker(store)
    job = an_accepted_job(store)
    store.lanes.take(job.id, "token", WORKER, MESSAGES)
    down = Trouble(engine_state="down", engine_why="gone", pause_s=7, pause_max_s=7)
    store.lanes.give_back(job.id, "token", down, MESSAGES)

    seen = scrape()

    assert seen["limner_engine_state", "stage", "down"] == 1
    assert seen["limner_engine_state", "stage", "ok"] == 0
    assert seen["limner_engine_paused_seconds", "stage"] == 7
    assert seen["limner_engine_slots_free", "stage", "fast"] == 0
    assert seen["limner_jobs_returned_total", "fast"] == 1


def test_wait_and_draw_times_are_counted_by_their_bounds(store, clock, scrape):
    drawn(store, clock, waits_s=0.2, draws_s=20)
    drawn(store, clock, waits_s=4, draws_s=20)

    seen = scrape()

    wait = "limner_job_wait_seconds"
    assert seen[f"{wait}_bucket", "fast", "0.1"] == 0
    assert seen[f"{wait}_bucket", "fast", "0.25"] == 1
    assert seen[f"{wait}_bucket", "fast", "5.0"] == 2
    assert seen[f"{wait}_count", "fast"] == 2
    assert seen[f"{wait}_sum", "fast"] == pytest.approx(4.2)
    assert seen["limner_job_draw_seconds_sum", "stage", "fast"] == pytest.approx(40)


def test_what_takes_longer_than_every_bound_is_counted_too(store, clock, scrape):
    drawn(store, clock, draws_s=100_000)

    # Label values in the order of their names: engine, lane, le.
    assert scrape()["limner_job_draw_seconds_bucket", "stage", "fast", "86400.0"] == 0
    assert scrape()["limner_job_draw_seconds_bucket", "stage", "fast", "+Inf"] == 1


def test_outcomes_are_counted_by_reason_code(store, clock, scrape):
    drawn(store, clock)
    job = an_accepted_job(store)
    a_worker(store)
    store.lanes.take(job.id, "token", WORKER, MESSAGES)
    store.lanes.failed(job.id, "token", "No.", "moderated")
    store.lanes.cancel(an_accepted_job(store).id)

    seen = {key: value for key, value in scrape().items() if key[0] == "limner_jobs_ended_total"}

    # Label values in the order of their names: lane, reason_code, status.
    assert seen == {
        ("limner_jobs_ended_total", "fast", "", "done"): 1,
        ("limner_jobs_ended_total", "fast", "moderated", "failed"): 1,
        ("limner_jobs_ended_total", "fast", "cancelled", "failed"): 1,
    }


def test_attempts_lag_and_dead_letters_of_callbacks_are_told(store, clock, scrape):
    drawn(store, clock)
    clock.pass_s(2)
    (taken,) = store.outbox.take(POSTER, 1, "t")
    assert scrape()["limner_callbacks_pending_jobs",] == 1
    following = store.outbox.done(POSTER, taken, AttemptReport("ok"), go_on=True)
    store.outbox.done(POSTER, following.taken, AttemptReport("dead", why="exhausted"), go_on=True)

    seen = scrape()

    assert seen["limner_callback_attempts_total", "ok"] == 1
    assert seen["limner_callback_attempts_total", "dead"] == 1
    assert seen["limner_callback_lag_seconds_count", "transition"] == 1
    assert seen["limner_callback_lag_seconds_sum", "transition"] == pytest.approx(2)
    assert seen["limner_callbacks_dead_jobs",] == 1
    assert seen["limner_callbacks_pending_jobs",] == 0


def test_callbacks_that_nobody_posts_show_as_overdue(store, clock, scrape):
    drawn(store, clock)
    clock.pass_s(120)

    assert scrape()["limner_callbacks_overdue_seconds",] > 100


def test_the_bounds_of_the_page_are_those_of_the_script():
    line = source("lib_base").partition("local BOUNDS_MS = {")[2].partition("}")[0]

    assert tuple(int(word) for word in line.split(",")) == BOUNDS_MS


def test_without_redis_the_page_says_so_and_nothing_else(tmp_path):
    settings = Settings(redis_url=f"unix://{tmp_path}/nobody.sock", data_dir=tmp_path)
    store = Store(settings.redis_url)
    app = create_app(settings, store)

    assert samples(app.test_client().get("/metrics")) == {("limner_redis_up",): 0}
    store.close()


# -- who may look ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "headers"),
    [
        ("198.51.100.7", {}),
        ("", {}),
        ("::ffff:198.51.100.7", {}),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}),
        ("127.0.0.1", {"Forwarded": "for=127.0.0.1"}),
        ("127.0.0.1", {"X-Forwarded-Host": "localhost"}),
        ("127.0.0.1", {"Authorization": "Bearer anything", "Via": "1.1 proxy"}),
        # A proxy on this machine that says nothing of itself: its name for us, or its callers'.
        ("127.0.0.1", {"Host": "draw.example"}),
        ("127.0.0.1", {"Host": "limner_upstream"}),
        ("127.0.0.1", {"Host": "10.0.0.5:8000"}),
        ("127.0.0.1", {"Host": ""}),
        ("127.0.0.1", {"Host": "localhost.evil.example"}),
        ("127.0.0.1", {"Host": "localhost, draw.example"}),
        ("127.0.0.1", {"Host": "[::1"}),
    ],
)
def test_without_a_token_only_this_machine_may_look(app, address, headers):
    response = app.test_client().get(
        "/metrics", headers=headers, environ_overrides={"REMOTE_ADDR": address}
    )

    refused(response, 403)
    assert "limner_" not in response.text.replace("LIMNER_", "")


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "127.8.8.8", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:8000", "LOCALHOST."])
def test_without_a_token_this_machine_may_look(app, address, host):
    answered = app.test_client().get(
        "/metrics", headers={"Host": host}, environ_overrides={"REMOTE_ADDR": address}
    )

    assert answered.status_code == 200
    assert answered.content_type.startswith("text/plain; version=")


@pytest.mark.parametrize(
    ("public_url", "status"),
    [
        ("https://draw.example", 403),
        ("http://10.0.0.5:8000", 403),
        ("https://draw.example/limner", 403),
        ("http://localhost:8000", 200),
        ("http://[::1]:8000/limner", 200),
    ],
)
def test_a_gateway_with_a_public_address_needs_a_token(
    settings, store, messages, public_url, status
):
    app = create_app(replace(settings, public_url=public_url), store, messages)

    response = app.test_client().get("/metrics")

    assert response.status_code == status
    if status == 403:
        assert "LIMNER_METRICS_TOKEN" in response.json["message"]


@pytest.fixture
def ask(settings, store, messages):
    """A scrape from elsewhere, of a gateway with a token."""
    token = replace(settings, metrics_token="hidden-word", public_url="https://draw.example")
    app = create_app(token, store, messages)

    def get(path="/metrics", address="198.51.100.7", **headers):
        return app.test_client().get(
            path, headers=headers, environ_overrides={"REMOTE_ADDR": address}
        )

    return get


def test_with_a_token_whoever_sends_it_may_look_and_nobody_else(ask):
    assert ask(Authorization="Bearer hidden-word").status_code == 200
    for wrong in ({}, {"Authorization": "Bearer hidden"}, {"Authorization": "Basic hidden-word"}):
        refused(ask(**wrong), 401)
    refused(ask(address="127.0.0.1"), 401)
    assert "hidden-word" not in ask().text


@pytest.mark.parametrize("metrics_token", [None, "m" * 32])
def test_an_operators_token_opens_the_metrics_from_anywhere_until_it_is_replaced(
    settings, store, messages, metrics_token
):
    settings = replace(settings, metrics_token=metrics_token)
    app = create_app(settings, store, messages)
    token = store.operators.add("cli:root", "olga", Role.VIEW)
    clients = store.clients.add("ann").token

    def ask(sent: str) -> int:
        headers = {"Authorization": f"Bearer {sent}"}
        from_afar = {"REMOTE_ADDR": "203.0.113.9"}
        response = app.test_client().get("/metrics", headers=headers, environ_base=from_afar)
        return int(response.status_code)

    assert ask(token) == 200
    shut = 401 if metrics_token else 403
    assert ask(clients) == shut
    store.operators.rotate_token("cli:root", "olga")
    assert ask(token) == shut


def test_messages_set_aside_and_lanes_that_stand_still_are_told(store, clock, scrape):
    a_worker(store)
    an_accepted_job(store)
    for _ in range(3):
        store.aside.put("fast", Why.UNKNOWN_TASK, b"garbage")
    for _ in range(20):
        clock.pass_s(1)
        a_worker(store)
        store.lanes.sweep(MESSAGES)

    seen = scrape()

    assert seen["limner_messages_set_aside_total", "fast", "unknown_task"] == 3
    assert seen["limner_lane_stalled_seconds", "fast"] == 19
    assert seen["limner_lane_stalled_seconds", "relaxed"] == 0
    assert seen["limner_warnings", "lane_stalled", "fast"] == 1
    assert seen["limner_warnings", "messages_aside", ""] == 1


@pytest.mark.parametrize(("path", "status"), [("/metrics", 429), ("/readyz", 200)])
def test_wrong_tokens_of_operators_are_slowed_and_counted_and_the_right_one_is_not(
    store, ask, path, status
):
    a_worker(store)
    for _ in range(30):
        last = ask(path, Authorization="Bearer guess")

    # Whether the gateway is ready is told to anybody, whatever else they send.
    assert last.status_code == status
    assert ("Retry-After" in last.headers) == (status == 429)
    assert ask(path, Authorization="Bearer hidden-word").status_code == 200
    told = samples(ask(Authorization="Bearer hidden-word"))
    assert told["limner_tokens_rejected_total", "metrics", "0"] == 10
    assert told["limner_tokens_rejected_total", "metrics", "1"] == 20


def test_while_redis_is_away_a_wrong_token_is_only_wrong(tmp_path):
    settings = Settings(redis_url=f"unix://{tmp_path}/nobody.sock", metrics_token="hidden-word")
    store = Store(settings.redis_url)
    app = create_app(settings, store)

    refused(app.test_client().get("/metrics", headers={"Authorization": "Bearer guess"}), 401)
    store.close()
