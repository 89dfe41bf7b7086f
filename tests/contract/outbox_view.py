"""What can be seen of the outbox in Redis at one moment, for ``test_outbox_machine.py``."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from limner.store import Store
from limner.store.outbox import Poster
from tests.contract.outbox_model import JobModel

LISTS = ("outq", "resend", "dead", "log")


#: kinds of keys that say what posters have to do, and what watchers are told
OF_CALLBACKS = frozenset(
    {
        *("outq", "resend", "dead", "log", "out", "story", "due", "ticked", "recheck", "wake"),
        *("flights", "trials", "parked", "parkedat", "line", "strangers", "rests", "probation"),
        *("lobby", "fate", "fates", "opens", "host"),
    }
)


def everything(store: Store, *, of_callbacks: bool = False) -> dict[str, bytes]:
    """Return the whole of Redis, or what is kept of callbacks there, to compare with what it is later.

    But for what a poster took last, which the server forgets by a clock of its own.
    """
    keys = [key for key in sorted(store.redis.scan_iter(count=1000)) if not _is_of(key, {"took"})]
    if of_callbacks:
        keys = [key for key in keys if _is_of(key, OF_CALLBACKS)]
    with store.redis.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.execute_command("DUMP", key, NEVER_DECODE=True)
        return dict(zip(keys, pipe.execute(), strict=True))


def _is_of(key: str, kinds: Collection[str]) -> bool:
    return key.removeprefix("limner:").partition(":")[0] in kinds


def mend(store: Store) -> None:
    """Have ``mend.lua``, which looks at some more keys with each call, come round to all of them."""
    for _ in range(2):
        comes_round = False
        while not comes_round:
            store.lanes._run("mend", 1)
            cursor = store.redis.hget("limner:mended", "cursor")
            comes_round = cursor == "0" and not store.redis.exists("limner:mending")


class View:
    """The outbox of all jobs, read at once."""

    def __init__(self, store: Store) -> None:
        self._redis: Any = store.redis
        jobs = sorted(key.removeprefix("limner:job:") for key in self._redis.keys("limner:job:*"))
        with self._redis.pipeline(transaction=True) as pipe:
            for job in jobs:
                for name in LISTS:
                    pipe.lrange(f"limner:{name}:{job}", 0, -1)
                pipe.hgetall(f"limner:out:{job}")
                pipe.hget(f"limner:job:{job}", "seq")
            pipe.zrange("limner:due", 0, -1, withscores=True)
            pipe.zrange("limner:parked", 0, -1)
            pipe.smembers("limner:parkedat")
            pipe.zrange("limner:dead", 0, -1)
            *rows, due, parked, parkedat, dead = pipe.execute()
        self.pending: dict[str, list[tuple[int, str, str]]] = {}
        self.resending: dict[str, list[int]] = {}
        self.dead: dict[str, list[tuple[int, str]]] = {}
        self.attempts: dict[str, list[int]] = {}
        self.seqs: dict[str, int] = {}
        self.out: dict[str, dict[str, str]] = {}
        for n, job in enumerate(jobs):
            outq, resend, letters, log, self.out[job], seq = rows[6 * n : 6 * n + 6]
            events = [json.loads(text) for text in outq]
            self.pending[job] = [(e["s"], e["c"], e["v"]["progress"]) for e in events]
            self.resending[job] = [json.loads(text)["s"] for text in resend]
            self.dead[job] = [(e["s"], e["why"]) for e in map(json.loads, letters)]
            self.attempts[job] = [json.loads(text)["n"] for text in log]
            self.seqs[job] = int(seq)
        self.due = {job: int(score) for job, score in due}
        self.parked, self.parkedat = set(parked), parkedat
        self.with_dead_letters = set(dead)

    @property
    def busy(self) -> bool:
        """Whether anything is left to do for a poster."""
        return bool(self.due or self.parked)

    def is_parked(self, job: str) -> bool:
        """Return whether the job waits behind others."""
        return "parked" in self.out[job]

    def check_lease(self, job: str, model: JobModel) -> None:
        """The job is leased to whom the model says, until then, with that event."""
        out, flying = self.out[job], model.flying
        assert out.get("token", "") == model.token
        assert int(out.get("until", 0)) == model.until
        assert out.get("flying", "") == (f"{flying[0]}{'r' * flying[1]}" if flying else "")
        if flying and not model.lapsed:
            assert self.due[job] == model.until

    def check_that_it_will_be_looked_at(self, job: str) -> None:
        """A job with something to tell is due at some time or parked at one place, never both."""
        if self.pending[job] or self.resending[job]:
            assert (job in self.due) is not self.is_parked(job)
        assert (job in self.parked) is self.is_parked(job)
        if self.is_parked(job):
            fate = self.out[job]["parked"]
            assert fate in self.parkedat
            assert self._redis.zscore(f"limner:parked:{fate}", job)

    def check_dead_letters(self) -> None:
        """Operators are shown the jobs that have dead letters, and no others."""
        known = self.with_dead_letters & set(self.dead)
        assert known == {job for job, letters in self.dead.items() if letters}

    def check_places(
        self, posters: Iterable[Poster], jobs: Mapping[str, JobModel], now: int
    ) -> None:
        """No fate and no host has more in flight than it may have, over all posters."""
        cap = max(poster.cap for poster in posters)
        fates = sorted({model.fate_name for model in jobs.values()})
        hosts = sorted({model.dest for model in jobs.values()})
        with self._redis.pipeline(transaction=False) as pipe:
            for name in [*fates, *hosts]:
                pipe.zrangebyscore(f"limner:flights:{name}", f"({now}", "inf")
            rows = pipe.execute()
        for name, flights in zip([*fates, *hosts], rows, strict=True):
            counted = [job for job in flights if job in jobs]
            assert len(counted) <= (cap if name in fates else 2 * cap), name
        for job, model in jobs.items():
            if model.flying and model.until > now:
                assert job in rows[fates.index(model.fate_name)], "a flight that nobody counts"

    def check_that_nothing_is_left(self, ended: Iterable[str], kept_ms: int) -> None:
        """Once everything is told: what is kept of jobs has an end, and nobody waits for anything."""
        for pattern in (
            "parked*",
            "lobby*",
            "outq:*",
            "resend:*",
            "rests",
            "opens",
        ):
            assert not self._redis.keys("limner:" + pattern), pattern
        held = ("flights:*", "trials:*", "probation:*", "line:*", "strangers:*")
        for pattern in (*held, "fate:*", "fates*", "host:*"):
            for key in self._redis.keys("limner:" + pattern):
                assert self._redis.pttl(key) > 0, key
        for job in ended:
            for name in ("out", "dead", "log", "story"):
                left = self._redis.pttl(f"limner:{name}:{job}")
                assert left == -2 or 0 < left <= kept_ms, f"{name}:{job}"
