"""The store: all of Limner's data in Redis. The only package that imports redis.

``Store.of`` returns one object per process, with a part for each subject: ``jobs`` (accept, look up),
``lanes`` (slots, leases, recovery), ``engines`` (settings, health), ``outbox`` (events to deliver),
``trials`` (test events), ``spool``, ``drafts``, ``uploads``, ``clients``, ``operators``, ``sessions`` (of the
console), ``levers`` (what operators change live) and ``schema`` (which Limner the data are of). Every change of state is
one Lua script, next to the Python that calls it; Python only passes arguments and reads results.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Self

from limner.settings import Settings
from limner.settings.broker import redis_url
from limner.store.aside import Aside
from limner.store.awaited import Awaited
from limner.store.bounded import watch_over
from limner.store.chosen import Chosen
from limner.store.clients import Clients
from limner.store.clocks import ClockTeller
from limner.store.connection import connect, guarded
from limner.store.drafts import Drafts
from limner.store.engines import Engines
from limner.store.folders import Folders
from limner.store.image_stores import ImageStores
from limner.store.jobs import Accepted, Jobs
from limner.store.jobs.changes import Changes
from limner.store.jobs.keys import Idempotency, Try
from limner.store.jobs.search import Search
from limner.store.lanes import Lanes, Taken, Trouble
from limner.store.levers import Levers
from limner.store.metrics.crew import Crew
from limner.store.metrics.history import History
from limner.store.metrics.loads import Loads
from limner.store.metrics.numbers import NumbersReader
from limner.store.metrics.reports import Reports
from limner.store.operators import Operators
from limner.store.outbox import Outbox
from limner.store.policy import Policy
from limner.store.prune_turns import PruneTurns
from limner.store.schema import Schema
from limner.store.scripts import Clock, Scripts
from limner.store.sessions import Sessions
from limner.store.spool import Charge, Spool
from limner.store.stories import Stories, Story
from limner.store.trials import Trials
from limner.store.uploads import Uploads
from limner.store.waits import PATIENT, Waits

__all__ = [
    "Accepted",
    "Charge",
    "Clients",
    "Engines",
    "Folders",
    "Idempotency",
    "ImageStores",
    "Jobs",
    "Lanes",
    "Levers",
    "Operators",
    "Outbox",
    "Policy",
    "Reports",
    "Sessions",
    "Spool",
    "Store",
    "Stories",
    "Story",
    "Taken",
    "Trials",
    "Trouble",
    "Try",
    "Uploads",
]

PREFIX = "limner:"


class Store:
    """One process's access to Redis. Safe to share between threads; ``per_thread``: see ``connect``."""

    def __init__(
        self,
        url: str,
        *,
        policy: Policy | None = None,
        prefix: str = PREFIX,
        clock: Clock | None = None,
        waits: Waits = PATIENT,
        per_thread: bool = False,
    ) -> None:
        self.waits = waits
        self.redis = connect(url, waits, per_thread=per_thread)
        self._watch = watch_over(self.redis, url, waits)
        scripts = Scripts(self.redis, prefix, clock)
        self.schema = Schema(self.redis, prefix, scripts)
        self.clients = Clients(self.redis, prefix, scripts)
        policy = policy or Policy()
        #: how many replicas must have a job before it is accepted
        self.replicas = policy.replicas
        self.operators = Operators(self.redis, prefix, scripts)
        self.levers = Levers(self.redis, prefix, scripts, policy)
        self.jobs = Jobs(self.redis, prefix, scripts, policy, self.levers)
        self.search = Search(self.redis, prefix)
        self.awaited = Awaited(self.redis, prefix)
        self.chosen = Chosen(self.redis, prefix)
        self.changes = Changes(self.redis, prefix)
        self.engines = Engines(self.redis, prefix, scripts)
        self.lanes = Lanes(self.redis, prefix, scripts, policy)
        self.outbox = Outbox(self.redis, prefix, scripts)
        self.loads = Loads(self.redis, prefix)
        self.image_stores = ImageStores(self.redis, prefix, scripts, clock)
        self.prune_turns = PruneTurns(scripts)
        self.numbers = NumbersReader(self.redis, prefix, clock, self.engines, self.image_stores)
        self.crew = Crew(self.redis, prefix)
        self.history = History(self.redis, prefix, scripts)
        self.stories = Stories(self.redis, prefix, scripts)
        self.aside = Aside(self.redis, prefix, scripts)
        self.clock = ClockTeller(scripts)
        self.reports = Reports(scripts)
        self.folders = Folders(scripts)
        self.spool = Spool(self.redis, prefix, scripts)
        self.drafts = Drafts(self.redis, prefix, scripts)
        self.sessions = Sessions(scripts)
        self.trials = Trials(self.redis, prefix)
        self.uploads = Uploads(self.redis, prefix, scripts)

    @classmethod
    def of(cls, settings: Settings, *, waits: Waits = PATIENT, per_thread: bool = False) -> Self:
        """Return the configured store; nothing connects to it yet."""
        policy = Policy.of(settings)
        return cls(redis_url(settings), policy=policy, waits=waits, per_thread=per_thread)

    @guarded
    def ping(self) -> None:
        """Return if Redis responds.

        Raises:
            StoreDown: it does not.
        """
        self.redis.ping()

    @guarded
    def now(self) -> datetime:
        """Return the server's time, the only clock that all hosts share.

        Raises:
            StoreDown: it cannot be reached.
        """
        seconds, _micros = self.redis.time()
        return datetime.fromtimestamp(seconds, UTC)

    def close(self) -> None:
        """Close every connection."""
        if self._watch:
            self._watch.close()
        self.redis.close()
