"""What an operator sees in Flower, through its API, while real jobs wait, run and end."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.house import House
from tests.acceptance.receiver import Receiver
from tests.conftest import wait_until
from tests.strangers import NOT_MESSAGES

pytestmark = [pytest.mark.seam, pytest.mark.slow, pytest.mark.timeout(600)]

STAGE = """
[[engine]]
name = "stage"
driver = "rehearsal"
seconds = 0.2
steps = 4
fast = { slots = 2 }
relaxed = { slots = 1 }
"""
AUTH = "ops:opensesame"
#: what a process may hold without a slot (workers.gate)
OFF_THE_QUEUE = 2


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with House(STAGE, flower_auth=AUTH) as house:
        house.start_all()
        house.start_beat()
        house.start_flower()
        wait_until(lambda: len(workers_online(house)) == 2, 60, "both lane workers in Flower")
        wait_until(lambda: lanes_known(house), 60, "both lanes in Flower")
        yield house


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def flower(house: House, path: str, auth: str | None = AUTH, *, method: str = "GET") -> Any:
    url = f"http://127.0.0.1:{house.settings.flower_port}{path}"
    request = urllib.request.Request(url, method=method)
    if auth:
        request.add_header("Authorization", "Basic " + base64.b64encode(auth.encode()).decode())
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def workers_online(house: House) -> list[str]:
    """The workers whose events Flower gets: those of the lanes."""
    status = flower(house, "/api/workers?status=1")
    return [name for name, up in status.items() if up and not name.startswith("callbacks")]


def lanes_known(house: House) -> bool:
    """Have Flower ask the workers for their queues (a busy one may miss the first time)."""
    flower(house, "/api/workers?refresh=1")
    return depths(house).keys() >= {"fast", "relaxed"}


def depths(house: House) -> dict[str, int]:
    queues = flower(house, "/api/queues/length")["active_queues"]
    return {queue["name"]: queue["messages"] for queue in queues}


def task(house: House, job_id: str) -> dict[str, Any]:
    try:
        return flower(house, f"/api/task/info/{job_id}")
    except urllib.error.HTTPError as error:
        with error:
            return {"state": error.code}


def told(house: House, job_id: str) -> str:
    """What Flower shows beside the task, as soon as it knows it."""
    return str(task(house, job_id).get("kwargs"))


def in_state(house: House, job_id: str, state: str):
    return lambda: task(house, job_id)["state"] == state


def test_both_depths_are_right_and_a_running_job_is_found_by_its_id(house, receiver):
    long = [
        house.imagine(promptEn="a pier [[seconds 20]]", callBackUrl=receiver.url)["id"]
        for _ in range(2)
    ]
    store = house.store
    wait_until(
        lambda: all(store.jobs.get(i).status == "drawing" for i in long), what="a full engine"
    )
    waiting = {
        "fast": [house.imagine(callBackUrl=receiver.url)["id"] for _ in range(7)],
        "relaxed": [house.imagine(fast=False, callBackUrl=receiver.url)["id"] for _ in range(5)],
    }

    shown = depths(house)
    for lane, ids in waiting.items():
        assert len(ids) - OFF_THE_QUEUE <= shown[lane] <= len(ids)

    # Celery tells that a task has started, and a moment later we tell where.
    wait_until(lambda: "stage" in told(house, long[0]), what="the running job in Flower")
    found = task(house, long[0])
    assert (found["state"], found["name"], found["uuid"]) == ("STARTED", "imagine", long[0])
    assert "fast" in found["kwargs"]

    ids = long + waiting["fast"] + waiting["relaxed"]
    wait_until(lambda: all(map(receiver.ended, ids)), 60, "the end of all")
    wait_until(lambda: depths(house)["fast"] == depths(house)["relaxed"] == 0, what="empty lanes")
    wait_until(in_state(house, long[0], "SUCCESS"), what="success in Flower")
    relaxed = waiting["relaxed"][-1]
    wait_until(in_state(house, relaxed, "SUCCESS"), what="success in Flower")
    assert "relaxed" in told(house, relaxed)


def test_a_waiting_job_that_is_revoked_is_cancelled_at_once(house, receiver):
    long = [house.imagine(promptEn="a pier [[seconds 20]]")["id"] for _ in range(2)]
    store = house.store
    wait_until(lambda: all(store.jobs.get(i).status == "drawing" for i in long), what="full slots")
    waiting = [house.imagine(callBackUrl=receiver.url)["id"] for _ in range(5)]

    flower(house, f"/api/task/revoke/{waiting[4]}", method="POST")

    wait_until(lambda: store.jobs.get(waiting[4]).status.ended, 10, what="its end")
    assert store.jobs.get(waiting[4]).reason_code == "cancelled"
    assert all(store.jobs.get(i).status == "drawing" for i in long), "its turn had not come"
    wait_until(lambda: receiver.ended(waiting[4]), what="the callback of its end")
    for job in (*waiting[:4], *long):
        wait_until(lambda job=job: store.jobs.get(job).status.ended, 60, what="the end of all")
        assert store.jobs.get(job).status == "done"


def test_a_failed_job_is_a_failed_task_with_its_reason_code(house, receiver):
    job = house.imagine(promptEn="a pier [[moderated]]", callBackUrl=receiver.url)["id"]

    wait_until(in_state(house, job, "FAILURE"), what="failure in Flower")

    assert "moderated" in task(house, job)["exception"]


def test_a_job_that_came_back_to_its_lane_is_shown_as_done_in_the_end(house, receiver):
    job = house.imagine(promptEn="a pier [[busy 2]]", callBackUrl=receiver.url)["id"]

    wait_until(lambda: receiver.ended(job), what="the job's end")
    wait_until(in_state(house, job, "SUCCESS"), what="success in Flower")


def test_nothing_but_jobs_is_among_the_tasks(house, receiver):
    job = house.imagine(callBackUrl=receiver.url)["id"]
    wait_until(lambda: receiver.ended(job), what="the job's end")
    wait_until(in_state(house, job, "SUCCESS"), what="success in Flower")

    tasks = flower(house, "/api/tasks?limit=1000")

    assert {task["name"] for task in tasks.values()} == {"imagine"}
    assert job in tasks


def test_flower_goes_on_whatever_others_send_to_all(house, receiver):
    for raw in NOT_MESSAGES:
        house.store.redis.publish("/0.celeryev/worker.x", raw)

    job = house.imagine(callBackUrl=receiver.url)["id"]

    wait_until(in_state(house, job, "SUCCESS"), what="success in Flower")


@pytest.mark.parametrize("auth", [None, "ops:wrong", "someone:opensesame"])
def test_nobody_gets_in_without_the_password(house, auth):
    for path in ("/", "/tasks", "/metrics", "/api/workers", "/api/tasks", "/api/queues/length"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            flower(house, path, auth)
        refused.value.close()
        assert refused.value.code == 401


def test_its_numbers_are_behind_the_password_and_its_health_is_not(house):
    url = f"http://127.0.0.1:{house.settings.flower_port}"
    request = urllib.request.Request(f"{url}/metrics")
    request.add_header("Authorization", "Basic " + base64.b64encode(AUTH.encode()).decode())

    with urllib.request.urlopen(request, timeout=10) as answer:
        assert b"flower_" in answer.read()
    with urllib.request.urlopen(f"{url}/healthcheck", timeout=10) as answer:
        assert answer.read() == b"OK"
