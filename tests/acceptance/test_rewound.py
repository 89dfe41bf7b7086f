"""Redis comes back with older data, and its clock is set: what receivers hear, from real processes."""

from __future__ import annotations

import json
import shutil
import time
from collections import defaultdict
from pathlib import Path

import pytest

from stack import embedded, processes
from tests import set_clock
from tests.acceptance.house import House
from tests.acceptance.receiver import Receiver
from tests.conftest import WRITTEN_FIRST, answers, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

STAGE = """
[[engine]]
name = "stage"
driver = "rehearsal"
seconds = 2
steps = 8
fast = { slots = 2 }
"""


class Lasting(House):
    """A house whose server has written what it answers."""

    def start_redis(self) -> None:
        self._start("redis", [*embedded.command(self.settings.data_dir), *WRITTEN_FIRST])

    @property
    def _aof(self) -> Path:
        return self.settings.data_dir / "appendonlydir"

    def keep(self) -> None:
        """Keep the server's data as they are now."""
        shutil.copytree(self._aof, self.folder / "kept")

    def rewind(self) -> None:
        """Kill the server, and start it with the data that were kept."""
        self.kill("redis")
        shutil.rmtree(self._aof)
        shutil.copytree(self.folder / "kept", self._aof)
        self.start_redis()
        wait_until(lambda: answers(self.store), what="the server")


def by_job(receiver: Receiver) -> dict[str, list[tuple[str, str, dict]]]:
    """Per job: epoch, webhook-id and body of each callback, as they came."""
    with receiver.lock:
        return {
            job: [
                (one.rpartition("_")[2], one, body)
                for one, body in zip(receiver.ids[job], bodies, strict=True)
            ]
            for job, bodies in receiver.bodies.items()
        }


def assert_ids_hold(receiver: Receiver) -> None:
    """No webhook-id was seen with two bodies, and within an epoch all first tellings are in order."""
    said: dict[str, str] = {}
    for heard in by_job(receiver).values():
        highest: dict[str, int] = defaultdict(int)
        for epoch, one, body in heard:
            text = json.dumps(body, sort_keys=True)
            if one in said:
                assert said[one] == text, "one webhook-id, two bodies"
                continue
            said[one] = text
            assert body["seq"] > highest[epoch], "out of order within an epoch"
            highest[epoch] = body["seq"]


def taken_by_seq(bodies: list[dict]) -> list[int]:
    """The statuses that a receiver takes that drops what is not above the highest seq."""
    statuses, highest = [], 0
    for body in bodies:
        if body["seq"] > highest:
            highest = body["seq"]
            statuses.append(body["status"])
    return statuses


def test_a_rewound_store_tells_nothing_under_a_used_id_and_every_receiver_hears_the_end():
    with Receiver() as receiver, Lasting(STAGE) as house:
        house.start_all()
        ids = [house.imagine(callBackUrl=receiver.url)["id"] for _ in range(6)]
        # Which of them is drawn first is up to the worker that is up first.
        wait_until(
            lambda: any(body["progress"] > 20 for job in ids for body in receiver.told(job)),
            what="progress",
        )
        house.keep()
        wait_until(lambda: all(map(receiver.ended, ids)), 60, "the end of all")
        before = by_job(receiver)

        house.rewind()
        rewound = [job for job in ids if house.store.jobs.get(job).status != "done"]
        assert len(rewound) >= 4, "the store knows nothing of the end of most"
        # A worker that draws for a job that the store takes for waiting is fenced out, and it is drawn anew.
        wait_until(
            lambda: all(house.store.jobs.get(job).status == "done" for job in ids),
            90,
            "the second end of all",
        )
        wait_until(
            lambda: not any(house.store.outbox.told(job).pending for job in ids),
            60,
            "the callbacks",
        )
        after = by_job(receiver)

    assert_ids_hold(receiver)
    for job in ids:
        bodies = [body for _, _, body in after[job]]
        assert taken_by_seq(bodies)[-1] == 1, "whoever drops what is not new has heard the end"
    for job in rewound:
        bodies = [body for _, _, body in after[job]]
        assert bodies[-1]["seq"] > max(body["seq"] for _, _, body in before[job])
        assert {epoch for epoch, _, _ in after[job]} > {epoch for epoch, _, _ in before[job]}


def test_a_store_that_is_killed_and_loses_nothing_repeats_nothing_in_other_words():
    with Receiver() as receiver, Lasting(STAGE) as house:
        house.start_all()
        ids = [house.imagine(callBackUrl=receiver.url)["id"] for _ in range(4)]
        for _ in range(2):
            time.sleep(1)
            house.kill("redis")
            house.start_redis()
        wait_until(lambda: all(map(receiver.ended, ids)), 90, "the end of all")

    assert_ids_hold(receiver)
    for job in ids:
        assert taken_by_seq([body for _, _, body in by_job(receiver)[job]])[-1] == 1


def test_a_store_that_knows_the_jobs_but_no_worker_s_start_has_them_drawn():
    with Receiver() as receiver, Lasting(STAGE) as house:
        house.start_api()
        ids = [house.imagine(callBackUrl=receiver.url)["id"] for _ in range(4)]
        house.keep()
        workers = [house.start_worker(queue) for queue in processes.QUEUES]
        wait_until(lambda: all("ready." in house.log(name) for name in workers), what="the workers")

        house.rewind()
        wait_until(lambda: all(map(receiver.ended, ids)), 90, "the end of all")

    assert_ids_hold(receiver)
    for job in ids:
        assert taken_by_seq([body for _, _, body in by_job(receiver)[job]])[-1] == 1


class SetClock(House):
    """A house whose Redis has a clock that the test sets."""

    def set_clock(self, seconds: int) -> None:
        set_clock.set_clock(self.settings.data_dir, seconds)

    def start_redis(self) -> None:
        self.running["redis"] = set_clock.start(self.settings.data_dir)


@pytest.mark.skipif(set_clock.library() is None, reason="no libfaketime for this machine")
@pytest.mark.parametrize("hours", [-1, 1])
def test_jobs_go_on_whatever_redis_takes_for_the_time(hours):
    engine = STAGE.replace("slots = 2", "slots = 2, gap_s = 0.5")
    with Receiver() as receiver, SetClock(engine) as house:
        house.start_all()
        ids = [house.imagine(callBackUrl=receiver.url)["id"] for _ in range(6)]
        wait_until(lambda: receiver.told(ids[0]), what="the first callback")

        house.set_clock(hours * 3600)
        wait_until(
            lambda: abs(house.store.now().timestamp() - time.time()) > 3000, what="the clock"
        )
        ids += [house.imagine(callBackUrl=receiver.url)["id"] for _ in range(2)]
        wait_until(lambda: all(map(receiver.ended, ids)), 90, "the end of all")
        reported = house.store.numbers.read().clocks

    assert_ids_hold(receiver)
    for job in ids:
        statuses = [body["status"] for body in receiver.told(job)]
        assert statuses[-1] == 1
        assert -2 not in statuses, "nobody lost a lease"
    assert all(abs(ahead_s + hours * 3600) < 60 for ahead_s in reported.values())
    assert reported
