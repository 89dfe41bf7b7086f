"""The soak: real processes killed, frozen and restarted at random while receivers misbehave, strangers
push onto the broker's queues, and an operator pulls levers.

``python -m tests.soak --seconds 60 [--json FILE]``; exit code 1 if the promise of docs/callbacks.md was broken.
It starts a server, the API, a lane worker, beat and callback workers, as an operator would; jobs go in
by HTTP, and a grader hears the callbacks. At the end nothing may be lost: each seq of each job was
heard, or is a dead letter, or was progress that had its tries, or was in the hands of a poster that was killed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

from limner.errors import StoreDown
from limner.job import Status
from limner.settings import Settings, redis_socket
from limner.store import Store
from stack import embedded
from stack.grader import Grader, serve
from tests import set_clock
from tests.conftest import WRITTEN_FIRST, free_port
from tests.steering import Steering
from tests.strangers import Stranger

POSTERS = 2
#: the longest attempt here; the lease follows it (5 s)
LIMIT_S, FROZEN_S = 2.0, 7.0
JOB_EVERY_S = 0.4
#: how far Redis's clock may be off
CLOCKS_S = (-3600, -60, 0, 60, 3600)
DRAIN_S = 150.0
#: a try that is due later than this is not waited for
SOON_S = 20.0
#: what may end a POST of progress so that nobody knows of it
CUTS_OFF = ("kill a poster", "freeze a poster", "kill redis")
#: as in lib_outbox.lua
STORY_KEPT = 100
#: why a job would fail if a halt were taken for something else
BY_LEVERS = ("no_engine", "waited_too_long", "cancelled")
#: how receivers behave, and what share of the jobs they get
RECEIVERS = {"good": 10, "flaky": 4, "slow": 3, "hang": 1, "dead": 1, "closed": 1}
ENGINE = """
[[engine]]
name = "stage"
driver = "rehearsal"
seconds = 1.0
steps = 5
fast = { slots = 50, gap_s = 0 }
"""


class House:
    """Limner's processes, each of which may be killed at any time and is then started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.redis_url = redis_socket.socket_url(folder / "redis")
        self.port = free_port()
        (folder / "limner.toml").write_text(ENGINE, encoding="utf-8")
        self.environment = os.environ | {
            "LIMNER_CONFIG": str(folder / "limner.toml"),
            "LIMNER_REDIS_URL": self.redis_url,
            "LIMNER_DATA_DIR": str(folder),
            "LIMNER_PORT": str(self.port),
            "LIMNER_CALLBACK_ALLOW": "127.0.0.1:*",
            "LIMNER_CALLBACK_LIMIT_S": str(LIMIT_S),
            "LIMNER_LOG_LEVEL": "warning",
        }
        self.commands: dict[str, list[str]] = {
            "redis": [],
            "api": ["api"],
            "fast": ["worker", "fast"],
            "beat": ["beat"],
            **{f"callbacks-{n}": ["worker", "callbacks"] for n in range(POSTERS)},
        }
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        #: processes that ended, and not by our hand
        self.died: Counter[str] = Counter()

    def start(self, name: str) -> None:
        if name == "redis":
            start = set_clock.start if set_clock.library() else embedded.start
            self.running[name] = start(self.folder / "redis", *WRITTEN_FIRST)
            return
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", "limner", *self.commands[name]],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def kill(self, name: str) -> None:
        process = self.running[name]
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()

    def keep_up(self) -> None:
        """Start again what is down."""
        for name, process in list(self.running.items()):
            if process.poll() is not None:
                if process.returncode != -signal.SIGKILL:
                    self.died[name] += 1
                self.start(name)

    def stop(self) -> None:
        for name in reversed(list(self.running)):
            with contextlib.suppress(ProcessLookupError):
                self.running[name].send_signal(signal.SIGCONT)
                self.running[name].terminate()
        for process in self.running.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Chaos(threading.Thread):
    """Kills, freezes and restarts until told to stop."""

    def __init__(self, house: House, chance: random.Random) -> None:
        super().__init__(daemon=True)
        self.done = threading.Event()
        self.count: Counter[str] = Counter()
        self._house, self._chance = house, chance

    def run(self) -> None:
        while not self.done.wait(self._chance.uniform(2, 4)):
            poster = f"callbacks-{self._chance.randrange(POSTERS)}"
            act = self._chance.choices(
                (
                    *("kill a poster", "freeze a poster", "kill the worker", "kill redis"),
                    "set redis's clock",
                ),
                (6, 3, 1, 1, 2 if set_clock.library() else 0),
            )[0]
            self.count[act] += 1
            match act:
                case "kill a poster":
                    self._house.kill(poster)
                case "freeze a poster":
                    self._freeze(poster)
                case "kill the worker":
                    self._house.kill("fast")
                case "kill redis":
                    self._house.kill("redis")
                    self.done.wait(0.5)
                case "set redis's clock":
                    offset_s = self._chance.choice(CLOCKS_S)
                    set_clock.set_clock(self._house.folder / "redis", offset_s)
            self._house.keep_up()

    def _freeze(self, name: str) -> None:
        process = self._house.running[name]
        process.send_signal(signal.SIGSTOP)

        def thaw() -> None:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)

        threading.Timer(FROZEN_S, thaw).start()


class Soak:
    """One run: the house, the receivers, the load, the reckoning."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.house = House(folder)
        self.chance = random.Random(seed)
        #: job → the receiver it tells
        self.jobs: dict[str, str] = {}
        self.store = Store(self.house.redis_url)

    def run(self, seconds: float) -> dict[str, Any]:
        (self.house.folder / "redis").mkdir()
        self.house.start("redis")
        until(lambda: self._answers(), 20, "the server")
        client = self.store.clients.add("soak")
        grader = Grader(client.client.secrets)
        servers = {name: serve(grader, "127.0.0.1", 0) for name in RECEIVERS if name != "closed"}
        for server in servers.values():
            threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
        urls = {
            name: f"http://127.0.0.1:{server.server_port}/{name}"
            for name, server in servers.items()
        }
        urls["closed"] = f"http://127.0.0.1:{free_port()}/closed"
        for name in self.house.commands:
            if name != "redis":
                self.house.start(name)
        chaos = Chaos(self.house, self.chance)
        stranger = Stranger(self.store, self.jobs, random.Random(self.chance.random()))
        steering = Steering(self.store, random.Random(self.chance.random()))
        nuisances = (chaos, stranger, steering)
        try:
            until(self._ready, 60, "the API")
            for nuisance in nuisances:
                nuisance.start()
            self._load(seconds, urls, client.token)
            for nuisance in nuisances:
                nuisance.done.set()
            for nuisance in nuisances:
                nuisance.join()
                # What it did last may have met a process that was down.
                self.house.keep_up()
            started = time.monotonic()
            left = self._drain()
            drained_s = time.monotonic() - started
            did = {"chaos": dict(chaos.count), "strangers": dict(stranger.count)}
            did |= {"levers": dict(steering.count)}
            return self._reckon(grader, chaos.count, drained_s, left) | did
        finally:
            for nuisance in nuisances:
                nuisance.done.set()
            self.house.stop()
            for server in servers.values():
                server.shutdown()
                server.server_close()

    def _load(self, seconds: float, urls: dict[str, str], token: str) -> None:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            name = self.chance.choices(list(RECEIVERS), list(RECEIVERS.values()))[0]
            self.jobs[self._submit(urls[name], token)] = name
            time.sleep(JOB_EVERY_S)

    def _submit(self, url: str, token: str) -> str:
        key, tag = uuid.uuid4().hex, uuid.uuid4().hex
        body = {"promptEn": "a lighthouse", "fast": True, "tag": tag, "callBackUrl": url}
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.house.port}/draw/midjourney/imagine",
            data=json.dumps(body).encode(),
            headers={"token": token, "Content-Type": "application/json", "Idempotency-Key": key},
        )
        ends = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:
                    return str(json.load(answer)["id"])
            except (OSError, ValueError) as error:
                # Redis is down, or the API lost its connection: the key makes trying again safe.
                if time.monotonic() > ends:
                    raise SystemExit(f"the API does not take jobs: {error}") from error
                time.sleep(0.2)

    def _drain(self) -> int:
        """Wait until every job has ended, whoever can hear has heard all, and the queues are empty.

        Returns how many messages are left on them.
        """
        ends = time.monotonic() + DRAIN_S
        while True:
            left = sum(self.store.redis.llen(queue) for queue in ("fast", "callbacks"))
            unfinished = left or any(self._unfinished(job) for job in self.jobs)
            if not unfinished or time.monotonic() > ends:
                return left
            self.house.keep_up()
            time.sleep(1)

    def _unfinished(self, job: str) -> bool:
        try:
            if not self.store.jobs.get(job).status.ended:
                return True
            return self._untold(job)
        except StoreDown:
            return True

    def _untold(self, job: str) -> bool:
        """Whether somebody who can hear is still to hear of this job, and soon."""
        told = self.store.outbox.told(job)
        if self.jobs[job] not in ("good", "flaky", "slow") or not told.pending:
            return False
        # A flaky receiver that failed three times is tried again in five minutes, as published.
        now_s = self.store.now().timestamp()
        later = told.due_ms is not None and told.due_ms > (now_s + SOON_S) * 1000
        return not (self.jobs[job] == "flaky" and later)

    def _reckon(
        self, grader: Grader, chaos: Counter[str], drained_s: float, left: int
    ) -> dict[str, Any]:
        heard, lost, untold, in_hand, never_ended = grader.seen(), [], 0, 0, []
        for job, receiver in self.jobs.items():
            record, told = self.store.jobs.get(job), self.store.outbox.told(job)
            if not record.status.ended:
                never_ended.append(job)
            known = set(heard.get(job, {"seqs": []})["seqs"])
            known |= {letter.event.seq for letter in told.dead}
            known |= {event.seq for event in told.pending}
            known |= {a["seq"] for a in told.attempts if a["kind"] == "P"}
            missing = set(range(1, record.seq + 1)) - known - self._skipped(job)
            progress = missing - self._transitions(job)
            in_hand += len(progress)
            missing -= progress
            lost += [f"{receiver} {job} {sorted(missing)}"] if missing else []
            untold += self._untold(job)
        marks = grader.marks()
        failed = [job for job in self.jobs if self._failed_by_a_lever(job)]
        cut_off = Settings().callback_threads * sum(chaos[what] for what in CUTS_OFF)
        amiss = (lost, untold, in_hand > cut_off, never_ended, left, failed, self.house.died)
        passed = marks["passed"] and not any(amiss)
        return {
            "passed": passed,
            "jobs": len(self.jobs),
            "done": sum(self.store.jobs.get(job).status is Status.DONE for job in self.jobs),
            "never_ended": never_ended,
            "failed_by_levers": failed,
            "lost": lost,
            "untold_on_live_receivers": untold,
            "progress_in_hands_cut_off": in_hand,
            "drained_s": round(drained_s, 1),
            "left_on_queues": left,
            "died": dict(self.house.died),
            "set_aside": sum(self.store.numbers.read().counts.get("aside", {}).values()),
            "grader": marks,
        }

    def _failed_by_a_lever(self, job: str) -> bool:
        """Whether a job failed as none may that only waits: nobody cancels here, and none waits for long."""
        return self.store.jobs.get(job).reason_code in BY_LEVERS

    def _transitions(self, job: str) -> set[int]:
        """Return the seqs of a job's changes of state, or all where its story may not have each of them.

        Progress that was in the hands of a poster that was killed, or of which Redis never heard, is not posted again
        once something newer has come: that seq nobody may have heard of.
        """
        story = self.store.redis.lrange(f"limner:story:{job}", 0, -1)
        if not 0 < len(story) < STORY_KEPT:
            return set(range(1, self.store.jobs.get(job).seq + 1))
        return {json.loads(text[1:])["s"] for text in story if text[0] != "P"}

    def _skipped(self, job: str) -> set[int]:
        """Return the seqs that no event has: skipped because Redis was restarted."""
        ranges = self.store.numbers.look(job).record.get("skipped", "").split()
        ends = (map(int, one.split("-")) for one in ranges)
        return {seq for first, last in ends for seq in range(first, last + 1)}

    def _ready(self) -> bool:
        with contextlib.suppress(OSError, urllib.error.URLError):
            url = f"http://127.0.0.1:{self.house.port}/readyz"
            return bool(urllib.request.urlopen(url, timeout=2).status == 200)
        return False

    def _answers(self) -> bool:
        with contextlib.suppress(StoreDown):
            self.store.ping()
            return True
        return False


def until(holds: Any, timeout_s: float, what: str) -> None:
    ends = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > ends:
            raise SystemExit(f"{what} did not come up within {timeout_s:g} s")
        time.sleep(0.1)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--json", type=Path, help="write the result there as well")
    parser.add_argument("--keep", type=Path, help="keep data and logs in this folder")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = options.keep or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="limner-soak-"))
        )
        folder.mkdir(exist_ok=True)
        result = Soak(folder, options.seed).run(options.seconds)
    text = json.dumps({"seconds": options.seconds, "seed": options.seed} | result, indent=2)
    sys.stdout.write(text + "\n")
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(text + "\n", encoding="utf-8")
    return 0 if result["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
