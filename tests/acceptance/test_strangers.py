"""Whatever lies on the broker's queues, no worker dies and every job is drawn."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest
from celery import Celery

from limner.message import TASK
from limner.settings.broker import broker_url
from limner.store.aside import KEPT_MAX
from tests.acceptance.house import House
from tests.conftest import wait_until
from tests.strangers import NOT_MESSAGES, message, strange_variants

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

STAGE = """
[[engine]]
name = "stage"
driver = "rehearsal"
seconds = 0.2
steps = 2
fast = { slots = 2 }
relaxed = { slots = 2 }
"""
LANES = ("fast", "relaxed")


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with House(STAGE) as house:
        house.start_all()
        house.start_beat()
        wait_until(lambda: house.ask("GET", "/readyz")[0] == 200, 60, "readiness")
        yield house


@pytest.fixture
def celery_app(house) -> Iterator[Celery]:
    with Celery("limner", set_as_current=False) as app:
        app.config_from_object("celeryconfig")
        app.conf.update(broker_url=broker_url(house.settings))
        yield app


def draws(house: House, count: int = 4) -> None:
    """Have both lanes draw."""
    jobs = [house.imagine(fast=n % 2 == 0)["id"] for n in range(count)]
    get = house.store.jobs.get
    wait_until(lambda: all(get(job).status.ended for job in jobs), 60, "the end of all jobs")
    assert {get(job).status for job in jobs} == {"done"}


def assert_nobody_died(house: House) -> None:
    for name, process in house.running.items():
        assert process.poll() is None, f"{name} ended"
        log = house.log(name)
        assert "Traceback" not in log, name
        assert "Connection to broker lost" not in log, name


def test_strange_messages_on_every_queue_are_set_aside_and_nobody_stumbles(house):
    redis = house.store.redis
    for queue in (*LANES, "callbacks"):
        good = message("tick" if queue == "callbacks" else TASK, queue, [])
        foreign = json.dumps(message("shop.mail", queue, ["x"])).encode()
        redis.lpush(queue, *NOT_MESSAGES, *strange_variants(good), foreign, b"x" * 3_000_000)
    for topic in ("/0.celery.pidbox", "/0.celeryev/worker.x"):
        for raw in NOT_MESSAGES:
            redis.publish(topic, raw)

    draws(house)

    wait_until(lambda: not any(map(redis.llen, (*LANES, "callbacks"))), what="empty queues")
    assert_nobody_died(house)
    assert redis.llen("limner:aside") == KEPT_MAX
    said = [line for line in house.log("fast-1").splitlines() if "message.set_aside" in line]
    assert 1 <= len(said) <= 12, "once for each kind, whatever their number"
    _, ready = house.ask("GET", "/readyz")
    assert any("limner messages" in warning for warning in ready["warnings"])
    house.store.aside.drop()
    assert house.ask("GET", "/readyz")[1]["warnings"] == []


def test_tasks_sent_by_hand_leave_the_lanes_as_they_were(house, celery_app):
    job = house.imagine()["id"]
    wait_until(lambda: house.store.jobs.get(job).status.ended, what="the job's end")
    for lane in LANES:
        for args in ([job], [job], ["0" * 32], [], [1, 2, 3], [None]):
            celery_app.send_task(TASK, args=args, queue=lane)
        celery_app.send_task(TASK, kwargs={"job_id": job}, queue=lane)
        celery_app.send_task(TASK, args=[job], queue=lane, task_id=job)
        celery_app.send_task(TASK, args=[job], queue=lane, countdown=3600)
        celery_app.send_task(TASK, args=[job], queue=lane, expires=-5)
        celery_app.send_task("tick", queue=lane)

    draws(house)

    assert_nobody_died(house)


def test_an_expiry_or_an_eta_on_a_job_s_message_costs_the_job_nothing(house, celery_app):
    # As many jobs as drawings fit, so that the next one waits with its message on the queue.
    busy = [house.imagine(promptEn="a pier [[seconds 4]]")["id"] for _ in range(4)]
    job = house.imagine()["id"]
    redis = house.store.redis
    wait_until(lambda: redis.llen("fast") == 1, what="the job's message on the queue")
    redis.delete("fast")
    for options in ({"expires": -5}, {"countdown": 3600}):
        celery_app.send_task(TASK, args=[job], queue="fast", task_id=job, **options)

    get = house.store.jobs.get
    wait_until(lambda: all(get(one).status.ended for one in (*busy, job)), 60, "the end of all")

    assert get(job).status == "done"


def test_a_revoked_or_terminated_job_is_cancelled_and_its_lane_goes_on(house, celery_app):
    busy = [house.imagine(promptEn="a pier [[seconds 4]]")["id"] for _ in range(2)]
    get = house.store.jobs.get
    wait_until(lambda: all(get(one).status == "drawing" for one in busy), what="a full engine")
    jobs = [house.imagine()["id"] for _ in range(3)]

    celery_app.control.revoke(jobs[2])
    celery_app.control.revoke(busy[1], terminate=True)

    wait_until(lambda: all(get(one).status.ended for one in (*busy, *jobs)), 60, "the end of all")
    assert [get(one).status for one in (*busy, *jobs[:2])] == ["done", "failed", "done", "done"]
    assert get(jobs[2]).reason_code == get(busy[1]).reason_code == "cancelled"
    draws(house)
    assert_nobody_died(house)


def test_a_lane_whose_worker_was_told_to_take_nothing_is_told_within_half_a_minute(
    house, celery_app
):
    worker = [f"fast-1@{socket.gethostname()}"]
    # Said until it is heard: whoever is not listening at that moment misses it.
    wait_until(
        lambda: celery_app.control.cancel_consumer(
            "fast", destination=worker, reply=True, timeout=5
        ),
        what="the worker's answer",
    )
    # One read of the queue may be under way still: it takes one of the three, or two.
    job = [house.imagine()["id"] for _ in range(3)][-1]

    def told() -> bool:
        return any(
            "lane fast stands still" in text for text in house.ask("GET", "/readyz")[1]["warnings"]
        )

    wait_until(told, 60, "the warning in /readyz")
    wait_until(lambda: "lane_stalled" in house.log("callbacks-3"), 10, "the warning in the log")

    celery_app.control.add_consumer("fast", destination=worker)
    wait_until(lambda: house.store.jobs.get(job).status.ended, what="the end of all jobs")
    wait_until(lambda: not told(), 10, "the end of the warning")
