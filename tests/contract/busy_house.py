"""A store in which everything goes on at once, and hands that bring it to its end; see ``kept_house.py``."""

from __future__ import annotations

import itertools
import json
import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from limner.client import Budgets
from limner.draft import Draft
from limner.errors import StaleLease
from limner.followup import Press
from limner.job import Picture
from limner.request import Lane
from limner.store import Charge, Idempotency, Store, Trouble, Try
from limner.store.aside import Why
from limner.store.image_stores import StoreUse
from limner.store.lanes import Result
from limner.store.operators import Role
from limner.store.outbox import Claim, Next
from limner.store.sessions import Holder
from limner.store.spool import MEND_KEPT_MS
from limner.store.trials import Trial
from tests.builders import MESSAGES, a_request, an_engine, an_upload
from tests.callback_doubles import a_poster, done, take
from tests.conftest import MovingClock

GRID = Picture("http://limner/grid.png", 1024, 1024)
WORKER, DEAD = "living", "dead"
ENGINES = (
    replace(an_engine("big", fast=3, relaxed=3), price=40_000),
    an_engine("small", fast=3, relaxed=0),
)
NAMES = [engine.name for engine in ENGINES]
CLIENTS = ("ann", "bob", "carol", "dan")
QUOTA = 100_000


@dataclass
class House:
    """The store, and what its workers and posters have in hand."""

    store: Store
    clock: MovingClock
    #: job → token, of the worker that lives
    hands: dict[str, str] = field(default_factory=dict)
    #: what a poster that lives is posting
    posting: list[Claim] = field(default_factory=list)
    tokens: Any = field(default_factory=itertools.count)

    def accept(self, client: str = "ann", **options: Any) -> str:
        """Have a job accepted; ``at``: the host of its callbacks, "" for none."""
        job_id = options.pop("job_id", "") or uuid.uuid4().hex
        at = options.pop("at", "receiver")
        wanted = {"waiting_cap": 1000, "destination": f"http://{at}:80" if at else None}
        extra = {
            name: options.pop(name)
            for name in ("charge", "idempotency", "budgets")
            if name in options
        }
        url = f"http://{at}/hook" if at else None
        request = a_request(callback_url=url, **options)
        self.store.jobs.accept(job_id, client, request, (1, 2, 3, 4), MESSAGES, **wanted, **extra)
        return job_id

    # -- workers -------------------------------------------------------------------------------

    def register(self) -> None:
        self.store.engines.register(ENGINES)
        for name in NAMES:
            self.store.engines.abilities(name, ["edit"], {"seed": "exact"})

    def beat(self) -> None:
        """What a worker's heartbeat does (``workers/drawing/keeper.py``)."""
        owned = dict(self.hands)
        for lane in Lane:
            for stale in self.store.lanes.renew(WORKER, lane, NAMES, owned):
                del self.hands[stale]
            owned = {}
        self.store.clock.tell("here", lambda: self.clock.now_ms / 1000)
        if self.store.engines.has_forgotten(NAMES):
            self.register()

    def take(self, job_id: str, worker: str = WORKER) -> str:
        token = f"t{next(self.tokens)}"
        taken = self.store.lanes.take(job_id, token, worker, MESSAGES)
        if worker == WORKER and taken.state in ("granted", "wait"):
            self.hands[job_id] = token
        return token

    def draw(self, job_id: str, worker: str = WORKER, *, freed: bool = False) -> str:
        token = self.take(job_id, worker)
        self.store.lanes.begin(job_id, token)
        self.store.lanes.keep_handle(job_id, token, {"id": job_id}, attach=True)
        self.store.lanes.progress(job_id, token, 50, GRID)
        if freed:
            self.store.lanes.free_slot(job_id, token)
        return token

    def finish(self, job_id: str) -> None:
        self.clock.pass_s(0.05)
        self.store.lanes.done(job_id, self.hands.pop(job_id), Result(GRID, [GRID] * 4, {}))

    def claim_messages(self) -> None:
        """Take messages off the queues, some in each lane."""
        for lane in Lane:
            for _ in range(4):
                if (text := self.store.redis.rpop(lane.value)) is None:
                    break
                token = f"t{next(self.tokens)}"
                named = json.loads(text)["headers"]["id"]
                claimed = self.store.lanes.claim(lane, token, WORKER, named, MESSAGES)
                if claimed and claimed[1].state in ("granted", "wait"):
                    self.hands[claimed[0]] = token

    def work(self) -> None:
        """Ask again for what is held, and finish what has its slot."""
        for job_id, token in list(self.hands.items()):
            taken = self.store.lanes.take(job_id, token, WORKER, MESSAGES)
            if taken.state == "granted":
                try:
                    self.store.lanes.begin(job_id, token)
                    self.finish(job_id)
                except StaleLease:
                    self.hands.pop(job_id, None)
            elif taken.state != "wait":
                del self.hands[job_id]

    # -- posters -------------------------------------------------------------------------------

    def post(self, verdict: str = "ok", poster: str = "p1", **report: Any) -> None:
        """Post all that may be posted now, with this outcome."""
        self.store.outbox.tick(a_poster(poster))
        mine, self.posting = self.posting, []
        for taken in [*mine, *take(self.store, a_poster(poster))]:
            while True:
                result = done(
                    self.store,
                    taken,
                    verdict,
                    a_poster(poster),
                    go_on=verdict == "ok",
                    attempt={"seq": taken.event.seq},
                    **report,
                )
                if not isinstance(result, Next):
                    break
                taken = result.taken

    def settle(self, rounds: int) -> None:
        """Let seconds pass in which nothing is drawn and nothing is posted, but all is looked after."""
        for _ in range(rounds):
            self.clock.pass_s(1)
            self.beat()
            self.store.lanes.sweep(MESSAGES)
            self.store.outbox.tick(a_poster())
        # Less often (``workers/spool.py``).
        for client in CLIENTS:
            self.store.spool.mend(client)

    def play(self, rounds: int, each_s: float = 1.0) -> None:
        """Let everything go on, some time in each round."""
        for _ in range(rounds):
            self.clock.pass_s(each_s)
            self.beat()
            self.store.lanes.sweep(MESSAGES)
            self.store.lanes.pass_deadlines()
            self.claim_messages()
            self.work()
            self.post()


def busy(store: Store, clock: MovingClock) -> House:
    """Return a house with something in every kind of key that there can be."""
    house = House(store, clock)
    house.register()
    for worker in (WORKER, DEAD):
        for lane in Lane:
            store.lanes.renew(worker, lane, NAMES, {})
    house.beat()
    # A beat that is lost: the next one draws a salt.
    store.redis.delete("limner:beaten")
    house.beat()
    store.schema.settle()
    _clients(house)
    _callbacks(house, done_before=_ended(house))
    _running(house)
    _waiting(house)
    _tentative(house)
    _beside(house)
    store.numbers.read()
    store.lanes.sweep(MESSAGES)
    _in_passing(house)
    return house


def _clients(house: House) -> None:
    token = house.store.clients.add(
        "ann", rate_per_s=0.01, share=2, per_day=500, in_flight=50
    ).token
    for name in ("bob", "carol", "dan"):
        house.store.clients.add(name)
    house.store.clients.admit(token, "10.0.0.1")
    house.store.clients.admit("wrong", "10.0.0.9")
    house.store.sessions.enter_by_token(token, "10.0.0.1")
    house.store.sessions.find(house.store.sessions.enter_here(Holder.CLIENT, "ann").secret)
    house.store.sessions.new_ticket(Holder.CLIENT, "ann")
    house.store.operators.add("cli:x", "otto", Role.STEER)


def _ended(house: House) -> str:
    """Jobs that have ended in every way; return one that is done, and whose end was told."""
    store = house.store
    spent = house.accept(charge=Charge(("spent.png",), 4096, QUOTA))
    for job in [spent, *(house.accept() for _ in range(2))]:
        house.draw(job)
        house.finish(job)
        house.post()
    dead = house.accept("bob", at="gone")
    house.draw(dead)
    house.finish(dead)
    for _ in range(8):
        house.post("dead", why="404", health="none")
        house.clock.pass_s(1)
    failed = house.accept()
    house.draw(failed)
    store.lanes.failed(failed, house.hands.pop(failed), "No.", "moderated", answered=True)
    house.post()
    stopped = house.accept()
    house.draw(stopped)
    store.lanes.cancel(stopped)
    house.hands.pop(stopped)
    house.post()
    return spent


def _callbacks(house: House, done_before: str) -> None:
    """Callbacks that wait: for a retry, a place, a breaker, a sick host, probation."""
    store, clock = house.store, house.clock
    for client, at in (("bob", "broken"), ("dan", "broken"), ("dan", "slow")):
        for _ in range(3):
            job = house.accept(client, at=at)
            house.draw(job)
            house.finish(job)
    for _ in range(9):
        for poster in ("p1", "p2"):
            store.outbox.tick(a_poster(poster, cap=2, places=2))
            for taken in take(store, a_poster(poster, cap=2, places=2)):
                done(
                    store,
                    taken,
                    "retry",
                    a_poster(poster),
                    delay_s=0.5,
                    default_of="dan" if taken.record["client"] == "dan" else "",
                )
        clock.pass_s(1)
    for client in ("bob", "carol", "dan", "ann"):
        for at in ("new", "other"):
            for _ in range(2):
                job = house.accept(client, at=at)
                house.draw(job)
                house.finish(job)
    store.outbox.tick(a_poster("p1", cap=1, places=2))
    house.posting = take(store, a_poster("p1", cap=1, places=2), 3)
    take(store, a_poster("p9", cap=1, places=1, lease_ms=10_000), 2)
    store.outbox.resend(done_before)


def _running(house: House) -> None:
    house.draw(house.accept("bob", lane=Lane.RELAXED))
    house.draw(house.accept(charge=Charge(("live.png",), 4096, QUOTA)))
    house.draw(house.accept("bob", deadline_s=3600))
    house.draw(house.accept("bob", at=""), freed=True)
    house.take(house.accept())
    house.draw(house.accept("bob"), DEAD)
    kept = house.accept()
    token = house.draw(kept)
    del house.hands[kept]
    house.store.lanes.give_back(kept, token, Trouble(), MESSAGES, keep=True)


def _waiting(house: House) -> None:
    store = house.store
    key, attempt = Idempotency("order-7", "hash"), Try("body", again=False)
    for client in ("ann", "bob", "carol"):
        for lane in Lane:
            for _ in range(2):
                house.accept(client, lane=lane)
    house.accept(idempotency=key)
    house.accept(idempotency=attempt)
    house.accept("bob", deadline_s=2000)
    budgeted = house.accept(budgets=Budgets(per_day=500, cost_per_day=10**9))
    store.awaited.join(budgeted, "request-1")
    for worker in (WORKER, DEAD):
        for lane in Lane:
            house.take(house.accept("bob", lane=lane), worker)
    front = house.accept("bob")
    store.lanes.to_front(front, "cli:x")
    store.levers.halt("cli:x", "lane", "relaxed")
    store.levers.halt("cli:x", "client", "carol")
    store.levers.halt("cli:x", "client", "dan")
    store.levers.resume("cli:x", "client", "dan")


def _tentative(house: House) -> None:
    """A job whose request ended before it was known whether replicas have it, as accept.lua leaves it."""
    redis, job = house.store.redis, uuid.uuid4().hex
    record = redis.hgetall(f"limner:job:{house.accept('bob')}")
    del record["status"]
    plan = {"picked": False, "lane": "fast", "message": MESSAGES.fill(Lane.FAST, job)}
    # Its own id, too: or it would stand for the other job when that one's record is lost.
    record |= {"id": job, "tentative": json.dumps(plan)}
    redis.hset(f"limner:job:{job}", mapping=record)
    redis.sadd("limner:waits:bob", job)
    redis.zadd("limner:jobs:bob", {job: house.clock.now_ms})
    redis.zadd("limner:tentative", {job: house.clock.now_ms})


def _beside(house: House) -> None:
    """What is kept beside jobs."""
    store, clock = house.store, house.clock
    store.aside.put("fast", Why.NO_MESSAGE, b"what?")
    store.reports.make("disk_low", "here", "The disk is full.")
    store.reports.settle({"disk_low|here": None})
    store.folders.remember("/images", "one")
    store.image_stores.tell("here-1", StoreUse("one", "here", "/images", 2**30))
    store.image_stores.measured({"drawings": 2**20}, 2**10)
    store.prune_turns.take(3600, 60)
    store.chosen.choose("sdapi", "ann", "one")
    now = datetime.fromtimestamp(clock.now_ms / 1000, UTC)
    store.drafts.keep("ann", Draft("d", Press("region", "0" * 32, Lane.FAST, "1" * 32), now))
    for upload in ("u1", "u2"):
        store.uploads.keep("ann", an_upload(upload), 4096, QUOTA, 3600)
    store.uploads.drop("ann", "u2")


def _in_passing(house: House) -> None:
    """What is there for moments only."""
    store, now = house.store, house.clock.now_ms
    store.redis.hset("limner:reckoned:ann", mapping={"cursor": "0", "live": "0"})
    store.redis.pexpire("limner:reckoned:ann", MEND_KEPT_MS)
    store.redis.set("limner:recheck", "0")
    store.history.note()
    for name in ("asked", "answered"):
        store.trials.ask(Trial(name, name, "http://receiver/hook"))
    store.trials.answer(Trial("answered", "answered", ""), {"status": 200})
    store.redis.set("limner:schema_lock", "drawn", px=10_000)
    store.redis.set("limner:touched", now)
    store.redis.hset("limner:stalled", "fast", now)
    store.redis.zadd("limner:absent", {"former": now})
    store.redis.rpush("limner:mending", "waits 0 ann")
    store.redis.rpush("limner:mending:round", "jobs 0 ann")
    store.redis.zadd("limner:rests", {"http://broken:80": now + 1000})
    store.redis.zadd("limner:line:http://receiver:80", {"ann": now})
    store.redis.expire("limner:line:http://receiver:80", 3600)
    # Messages that went astray, so that the sweep counts what is missing.
    store.redis.ltrim("fast", 0, -3)
