"""The levers: what operators change live, over ``limner.toml``, and the audit trail of all they change.

Called by the CLI; the scripts read the levers in the same step as they decide (``lib_levers.lua``). A lane, an
engine or a client that is *halted* (paused; an engine also draining) starts nothing; what runs goes on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from redis import Redis

from limner.errors import ConfigError
from limner.request import Lane
from limner.store.connection import guarded
from limner.store.policy import Policy
from limner.store.scripts import Scripts

Subject = Literal["lane", "engine", "client"]
#: what an operator may set of an engine, as the scripts name it
OVERRIDES = ("fast_slots", "relaxed_slots", "fast_gap_ms", "relaxed_gap_ms", "weight")


@dataclass(frozen=True, slots=True)
class Halted:
    """What operators have halted: name → ``paused`` or ``draining``."""

    lanes: Mapping[str, str] = field(default_factory=dict)
    engines: Mapping[str, str] = field(default_factory=dict)
    clients: tuple[str, ...] = ()

    @classmethod
    def of(cls, levers: Mapping[str, str], clients: Sequence[str]) -> Self:
        """Read the hash ``levers`` and the set ``paused_clients``."""
        found: dict[str, dict[str, str]] = {"lane": {}, "engine": {}}
        for full, value in sorted(levers.items()):
            subject, name, lever = full.split("|")
            if lever == "halt":
                found[subject][name] = value
        return cls(found["lane"], found["engine"], tuple(sorted(clients)))


@dataclass(frozen=True, slots=True)
class Audited:
    """One line of the audit trail."""

    at_ms: int
    #: ``cli:USER``, or ``limner`` for what no person did
    who: str
    #: "lane fast", "engine gpu-a", "client shop"
    what: str
    #: field → value, "" where there is none
    before: Mapping[str, str]
    after: Mapping[str, str]


class Levers:
    """Halts and overrides, and who changed them."""

    def __init__(self, redis: Redis, prefix: str, scripts: Scripts, policy: Policy) -> None:
        self._redis: Any = redis
        self._prefix = prefix
        self._scripts = scripts
        self._policy = policy.arguments()

    def halt(
        self, who: str, subject: Subject, name: str, how: Literal["paused", "draining"] = "paused"
    ) -> bool:
        """Start nothing there from now on; False: it was so already.

        Raises:
            ConfigError: there is nothing of that name.
        """
        return bool(self._set(who, subject, name, {"halt": how}))

    def resume(self, who: str, subject: Subject, name: str) -> bool:
        """Start jobs there again; False: it was not halted.

        Raises:
            ConfigError: there is nothing of that name.
        """
        return bool(self._set(who, subject, name, {"halt": ""}))

    def override(
        self, who: str, engine: str, values: Mapping[str, int | float | None]
    ) -> tuple[str, ...]:
        """Set some of ``OVERRIDES`` of an engine, None: as in its settings; return which have changed.

        Raises:
            ConfigError: there is no such engine.
        """
        texts = {name: "" if value is None else f"{value:g}" for name, value in values.items()}
        return tuple(self._set(who, "engine", engine, texts))

    @guarded
    def halted(self) -> Halted:
        """Return what is halted."""
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hgetall(self._prefix + "levers")
            pipe.smembers(self._prefix + "paused_clients")
            return Halted.of(*pipe.execute())

    @guarded
    def waits_for(self, job_ids: Sequence[str]) -> dict[str, str | None]:
        """Return what operators have halted that alone keeps each job waiting: "lane paused" and the like."""
        # Nearly always nothing is halted; that costs one look.
        if not job_ids or not self._redis.exists(
            self._prefix + "levers", self._prefix + "paused_clients"
        ):
            return dict.fromkeys(job_ids)
        words = self._scripts("waits_for", *job_ids)
        return {job_id: word or None for job_id, word in zip(job_ids, words, strict=True)}

    @guarded
    def note(self, who: str, what: str, after: Mapping[str, str]) -> None:
        """Add a line to the audit trail, for a change that more than one script makes."""
        self._scripts("note", who, what, json.dumps(after, ensure_ascii=False))

    @guarded
    def audit(self, limit: int) -> tuple[Audited, ...]:
        """Return the newest lines of the audit trail, newest first."""
        lines = map(json.loads, self._redis.lrange(self._prefix + "audit", 0, limit - 1))
        return tuple(
            Audited(int(line["at"]), line["who"], line["what"], line["before"], line["after"])
            for line in lines
        )

    @guarded
    def _set(
        self, who: str, subject: Subject, name: str, fields: Mapping[str, str]
    ) -> dict[str, str]:
        """Set levers, "" to clear them; return those that have changed, with their values before."""
        if subject == "lane" and name not in set(Lane):
            raise ConfigError("lane", f"must be fast or relaxed (it is {name!r})")
        flat = (part for item in fields.items() for part in item)
        changed = self._scripts("steer", *self._policy, who, subject, name, *flat)
        if changed is None:
            raise ConfigError(subject, f"there is no {subject} called {name!r}")
        return dict(zip(changed[::2], changed[1::2], strict=True))
