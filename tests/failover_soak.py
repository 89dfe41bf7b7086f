"""The soak of a Redis that fails over: its primary is killed and demoted ten times under load.

``python -m tests.failover_soak [--times 10] [--json FILE]``; exit code 1 if a promise was broken. Three
Sentinels, a primary and a replica; an API, a lane worker, a callback worker, beat and Flower, as an
operator would start them. Callers post all the while, each until it is told 202.

It prints the longest time that a caller was refused, and how many jobs were lost: none may be, since
``LIMNER_REDIS_REPLICAS`` has a replica confirm each before it is accepted.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

from limner.errors import JobNotFound, StoreDown
from tests.acceptance.house import House
from tests.acceptance.receiver import Receiver
from tests.acceptance.test_rewound import assert_ids_hold, taken_by_seq
from tests.failover import Failover, a_failover

STAGE = """
[[engine]]
name = "stage"
driver = "rehearsal"
seconds = 0.4
steps = 2
ledger = "LEDGER"
fast = { slots = 4 }
"""
#: slow enough for two busy cores, which compose four pictures a job
POST_EVERY_S = 0.5
#: between two tries of one job
TRY_EVERY_S = 0.1
#: between two failovers, beside what the servers need to be whole again
PAUSE_S = 4.0
DRAIN_S = 120.0
#: how far two jobs may change places: they are granted together, by as many threads
SLOTS = 4


class Caller(threading.Thread):
    """Posts one job after another, each until it is accepted."""

    def __init__(self, house: House, url: str) -> None:
        super().__init__(daemon=True)
        self.done = threading.Event()
        self.accepted: list[str] = []
        self.answers: Counter[str] = Counter()
        #: the longest time from a first refusal to the next 202
        self.longest_s = 0.0
        self._house, self._url = house, url

    def run(self) -> None:
        while not self.done.wait(POST_EVERY_S):
            self._post()

    def _post(self) -> None:
        key, refused_at = uuid.uuid4().hex, 0.0
        while not self.done.is_set():
            began = time.monotonic()
            job, answer = self._asked(key)
            self.answers[answer] += 1
            if job:
                self.accepted.append(job)
                if refused_at:
                    self.longest_s = max(self.longest_s, time.monotonic() - refused_at)
                return
            refused_at = refused_at or began
            self.done.wait(TRY_EVERY_S)

    def _asked(self, key: str) -> tuple[str, str]:
        body = {"promptEn": "a pier", "fast": True, "tag": key, "callBackUrl": self._url}
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._house.settings.port}/draw/midjourney/imagine",
            data=json.dumps(body).encode(),
            headers={
                "token": self._house.token,
                "Content-Type": "application/json",
                "Idempotency-Key": key,
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return str(json.load(answer)["id"]), str(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return "", str(error.code)
        except OSError as error:
            return "", type(error).__name__


class Soak:
    """One run: the servers, the house, the caller, the reckoning."""

    def __init__(self, redis: Failover, house: House, receiver: Receiver) -> None:
        self._redis, self._house, self._receiver = redis, house, receiver
        self.caller = Caller(house, receiver.url)
        self.healed_s: list[float] = []
        self.confirmed_s: list[float] = []

    def run(self, times: int) -> dict[str, Any]:
        self._house.start_api()
        for queue in ("fast", "callbacks"):
            self._house.start_worker(queue)
        self._house.start_beat()
        self._house.start_flower()
        self.caller.start()
        for fail_over, _ in zip(
            itertools.cycle((self._redis.kill, self._redis.demote, self._redis.depose)),
            range(times),
            strict=False,
        ):
            self._redis.wait_until_whole()
            time.sleep(PAUSE_S)
            self._fail_over(fail_over)
        time.sleep(PAUSE_S)
        self.caller.done.set()
        self.caller.join()
        began = time.monotonic()
        while self._unfinished() and time.monotonic() < began + DRAIN_S:
            time.sleep(0.5)
        return self._reckon(time.monotonic() - began)

    def _fail_over(self, fail_over: Any) -> None:
        """Fail over once; note how long after the election a job was accepted and another begun.

        And how long after a replica could confirm a job, which takes Sentinels some ten seconds.
        """
        former = fail_over()
        elected = time.monotonic()
        if fail_over == self._redis.kill:
            # Without it no replica is left to confirm a job, and all are refused.
            former.start()
        drawn = len(self._house.drawn())
        accepted = len(self.caller.accepted)
        confirmed = None
        while len(self._house.drawn()) == drawn or len(self.caller.accepted) == accepted:
            if time.monotonic() > elected + DRAIN_S:
                raise SystemExit(f"nothing is accepted or drawn after {fail_over.__name__}")
            if confirmed is None and self._redis.is_followed():
                confirmed = time.monotonic()
            time.sleep(0.05)
        now = time.monotonic()
        self.healed_s.append(round(now - elected, 1))
        self.confirmed_s.append(round(now - (confirmed or now), 1))

    def _unfinished(self) -> list[str]:
        return [job for job in self.caller.accepted if self._exists(job) and not self._told(job)]

    def _exists(self, job: str) -> bool:
        try:
            with contextlib.suppress(StoreDown):
                self._house.store.jobs.get(job)
        except JobNotFound:
            return False
        return True

    def _told(self, job: str) -> bool:
        return self._receiver.ended(job)

    def _reckon(self, drained_s: float) -> dict[str, Any]:
        accepted = self.caller.accepted
        lost = [job for job in accepted if not self._exists(job)]
        # A job whose end was lost with a primary is drawn and told again, in another epoch.
        told = {job: taken_by_seq(self._receiver.told(job)) for job in accepted if self._told(job)}
        unended = [job for job in told if job not in lost and told[job][-1] != 1]
        try:
            assert_ids_hold(self._receiver)
            out_of_order = ""
        except AssertionError as error:
            out_of_order = str(error)
        starts = [line["job"] for line in self._house.drawn() if line["what"] == "start"]
        places = {job: place for place, job in enumerate(dict.fromkeys(starts))}
        drawn = [job for job in accepted if job in places]
        order = sorted(drawn, key=places.__getitem__)
        moved = [abs(drawn.index(job) - place) for place, job in enumerate(order)]
        died = [name for name, one in self._house.running.items() if one.poll() is not None]
        unfinished = self._unfinished()
        strange = set(self.caller.answers) - {"202", "503"}
        passed = not (unfinished or unended or out_of_order or died or strange or lost)
        return {
            "passed": passed and max(moved, default=0) < SLOTS,
            "longest_refusal_s": round(self.caller.longest_s, 1),
            "after_each_election_s": self.healed_s,
            "after_a_replica_follows_s": self.confirmed_s,
            "answers": dict(self.caller.answers),
            "accepted": len(accepted),
            "lost_with_their_primary": len(lost),
            "never_ended": unfinished,
            "told_otherwise_than_to_their_end": unended,
            "out_of_order": out_of_order,
            "furthest_from_its_place": max(moved, default=0),
            "drained_s": round(drained_s, 1),
            "died": died,
        }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--json", type=Path, help="write the result there as well")
    parser.add_argument("--keep", type=Path, help="keep the processes' logs in this folder")
    options = parser.parse_args()
    with (
        a_failover() as redis,
        Receiver() as receiver,
        House(STAGE, redis_url=redis.url, redis_replicas=1) as house,
    ):
        result = Soak(redis, house, receiver).run(options.times)
        if options.keep:
            options.keep.mkdir(parents=True, exist_ok=True)
            for path in (*house.folder.glob("*.log"), house.ledger):
                (options.keep / path.name).write_bytes(path.read_bytes())
    text = json.dumps({"times": options.times} | result, indent=2)
    sys.stdout.write(text + "\n")
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(text + "\n", encoding="utf-8")
    return 0 if result["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
