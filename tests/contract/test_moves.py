"""Every script that changes a job, from every state, held against the table of moves."""

from __future__ import annotations

import itertools
import json
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from limner.errors import JobConflict, JobNotFound, StaleLease
from limner.followup import FollowUp
from limner.job import Picture, Status
from limner.moves import MOVES, Cause, Move, Who
from limner.reasons import Reason
from limner.request import Lane
from limner.store import Store, Trouble, scripts
from limner.store.lanes import Result
from limner.store.scripts import _library, parts
from limner.translation import Translation
from tests.builders import MESSAGES, WORKER, a_request, a_worker, an_engine
from tests.conftest import MovingClock, a_while_later
from tests.contract.lanes_view import everything
from tests.named import is_there

JOB = "a" * 32
GRID = Picture("http://limner/grid.png", 1024, 1024)
TABLE = {(move.before, move.cause): move for move in MOVES}
BAD = Trouble("bad_results", 0, Reason.BAD_RESULT, engine_why="black")
#: state → the status that it is a state of
STATES = {
    "none": None,
    "waits": Status.WAITING,
    "held": Status.WAITING,
    "submitted": Status.SUBMITTED,
    "begun": Status.SUBMITTED,
    "drawing": Status.DRAWING,
    "freed": Status.DRAWING,
    # Its drawing goes on in a slot of its own.
    "kept": Status.WAITING,
    "done": Status.DONE,
    "failed": Status.FAILED,
}
#: what a refused call may leave behind: whoever asks is there, and looks after the lanes, and an engine was set anew
NOTED = ("limner:looked", "limner:engine:", "limner:worker")
#: refusals of the store: what they leave is looked at in Redis
REFUSED = (StaleLease, JobNotFound, JobConflict)


@dataclass(frozen=True)
class Hand:
    """Somebody who does things to the job, under a token."""

    store: Store
    clock: MovingClock
    token: str

    def is_there(self) -> bool:
        return bool(self.store.redis.exists(f"limner:job:{JOB}"))

    def accept(self, job_id: str = JOB, **more: Any) -> None:
        self.store.jobs.accept(
            job_id,
            "ann",
            a_request(),
            (1, 2, 3, 4),
            MESSAGES,
            waiting_cap=9,
            destination="http://receiver:80",
            **more,
        )

    def pick(self) -> None:
        self.accept(picked=GRID)

    def follow(self) -> None:
        self.accept(uuid.uuid4().hex, follow_up=FollowUp(JOB, "v1"))

    def hold(self) -> None:
        self.store.lanes.take(JOB, self.token, WORKER, MESSAGES)

    def beat(self) -> None:
        self.store.lanes.renew(WORKER, Lane.FAST, ["stage"], {JOB: self.token})

    def take_slots(self) -> None:
        self.store.engines.register([an_engine(fast=0)])

    def give_slots(self) -> None:
        self.store.levers.override("cli:ann", "stage", {"fast_slots": 9})

    def claim(self) -> None:
        self.store.lanes.claim(Lane.FAST, self.token, WORKER, JOB, MESSAGES)

    def take(self) -> None:
        self.store.engines.register([an_engine(fast=9)])
        self.hold()

    def take_in_vain(self) -> None:
        self.store.engines.register([an_engine(clients=("bob",))])
        self.hold()

    def take_late(self) -> None:
        self.clock.pass_s(86_401)
        self.hold()

    def let_go(self) -> None:
        self.store.lanes.let_go(JOB, self.token, MESSAGES)

    def begin(self) -> None:
        self.store.lanes.begin(JOB, self.token)

    def translate(self) -> None:
        self.store.lanes.translated(JOB, self.token, Translation("a fox"))

    def hand_over(self) -> None:
        self.store.lanes.keep_handle(JOB, self.token, {"id": uuid.uuid4().hex}, attach=True)

    def progress(self) -> None:
        percent = self.store.jobs.get(JOB).progress + 30 if self.is_there() else 30
        self.store.lanes.progress(JOB, self.token, percent, GRID)

    def keep_slot(self) -> None:
        self.store.lanes.keep_slot(JOB, self.token)

    def free_slot(self) -> None:
        self.store.lanes.free_slot(JOB, self.token)

    def finish(self) -> None:
        self.store.lanes.done(JOB, self.token, Result(GRID, [GRID] * 4, {}))

    def fail(self) -> None:
        self.store.lanes.failed(JOB, self.token, "No.", Reason.MODERATED)

    def give_back(self) -> None:
        self.store.lanes.give_back(JOB, self.token, Trouble(), MESSAGES)

    def keep(self) -> None:
        self.store.lanes.give_back(JOB, self.token, Trouble(), MESSAGES, keep=True)

    def give_up(self) -> None:
        self.store.lanes.give_back(JOB, self.token, BAD, MESSAGES)

    def cancel(self) -> None:
        self.store.lanes.cancel(JOB)

    def call_off(self) -> None:
        self.store.lanes.cancel(JOB, operator=True)

    def be_too_late(self) -> None:
        """Let the deadline pass that its caller set."""
        self.store.redis.zadd("limner:deadlines", {JOB: 1})
        self.store.lanes.pass_deadlines()

    def fall_silent(self, **fields: str) -> None:
        """Let what workers hold lapse; ``fields``: what the record says by then."""
        if self.is_there():
            self.store.redis.hset(f"limner:job:{JOB}", mapping={"noted": "1", **fields})
        a_while_later(self.store, self.clock, 20, MESSAGES)

    def fall_silent_once_more(self) -> None:
        self.fall_silent(lost="9")

    def fall_silent_after_paying(self) -> None:
        self.fall_silent(paid="fail", attach="0")


@dataclass(frozen=True)
class Deed:
    """One thing that is done to a job: by which script, and what makes the job move by that."""

    do: Callable[[Hand], None]
    script: str
    #: the first that the job's status has a row for
    causes: tuple[Cause, ...]


#: what lib_moves builds on, and itself
LIBRARIES = ("base", "levers", "health", "engines", "halts", "domain", "outbox", "turns", "moves")

DEEDS = [
    Deed(Hand.accept, "accept", (Cause.ACCEPTED,)),
    Deed(Hand.pick, "accept", (Cause.PICKED,)),
    Deed(Hand.follow, "accept", (Cause.FOLLOWED_UP,)),
    Deed(Hand.hold, "take", (Cause.HELD,)),
    Deed(Hand.claim, "claim", (Cause.HELD,)),
    Deed(Hand.beat, "renew", ()),
    Deed(Hand.take, "take", (Cause.GRANTED,)),
    Deed(Hand.give_slots, "steer", (Cause.GRANTED,)),
    Deed(Hand.take_late, "take", (Cause.OVERDUE,)),
    Deed(Hand.take_in_vain, "take", (Cause.UNDRAWABLE,)),
    Deed(Hand.let_go, "let_go", (Cause.LET_GO,)),
    Deed(Hand.begin, "begin", (Cause.BEGUN,)),
    Deed(Hand.translate, "translated", (Cause.BEGUN,)),
    Deed(Hand.hand_over, "handle", (Cause.HANDED_OVER,)),
    Deed(Hand.progress, "progress", (Cause.PROGRESSED,)),
    Deed(Hand.keep_slot, "keep_slot", (Cause.DRAWN,)),
    Deed(Hand.free_slot, "free_slot", (Cause.DRAWN,)),
    Deed(Hand.finish, "finish", (Cause.FINISHED,)),
    Deed(Hand.fail, "finish", (Cause.FAILED,)),
    Deed(Hand.give_back, "give_back", (Cause.GIVEN_BACK,)),
    Deed(Hand.keep, "give_back", (Cause.GIVEN_BACK,)),
    Deed(Hand.give_up, "give_back", (Cause.FAILED,)),
    Deed(Hand.cancel, "cancel", (Cause.CANCELLED,)),
    Deed(Hand.call_off, "cancel", (Cause.CALLED_OFF,)),
    Deed(Hand.be_too_late, "deadlines", (Cause.TOO_LATE,)),
    Deed(Hand.fall_silent, "sweep", (Cause.LOST, Cause.HOLD_LOST)),
    Deed(Hand.fall_silent_once_more, "sweep", (Cause.ABANDONED, Cause.HOLD_LOST)),
    Deed(Hand.fall_silent_after_paying, "sweep", (Cause.LOST_PAID, Cause.HOLD_LOST)),
]

#: scripts that move jobs of which this file has none, and where each is driven
ELSEWHERE = {
    "settle": "test_replicas.py::test_whatever_comes_first_decides_and_the_rest_changes_nothing",
}
#: scripts by which more changes than the job: time passes for other things, too, and levers are kept
NOTING = ("take", "sweep", "steer")


def brought_to(hand: Hand, state: str, *, former: bool = False) -> None:
    """Bring the job to a state, with the worker's own calls; ``former``: after somebody had it before."""
    way = {
        "none": [],
        "waits": [Hand.accept],
        "held": [Hand.accept, Hand.hold],
        "submitted": [Hand.accept, Hand.take],
        "begun": [Hand.accept, Hand.take, Hand.begin],
        "drawing": [Hand.accept, Hand.take, Hand.hand_over, Hand.progress],
        "freed": [Hand.accept, Hand.take, Hand.hand_over, Hand.progress, Hand.free_slot],
        "kept": [Hand.accept, Hand.take, Hand.hand_over, Hand.keep, Hand.take_slots],
        "done": [Hand.accept, Hand.take, Hand.hand_over, Hand.finish],
        "failed": [Hand.accept, Hand.take, Hand.hand_over, Hand.fail],
    }
    first, *rest = way[state] or [lambda _hand: None]
    a_worker(hand.store, an_engine(fast=0))
    first(hand)
    if former and rest:
        before = replace(hand, token="former")
        before.take()
        before.give_back()
        before.take_slots()
    for step in rest:
        step(hand)


def seen(store: Store) -> dict[str, Any]:
    """Return all that is kept of the job, but for what a sweep or this test notes of it, and when."""
    record = store.redis.hgetall(f"limner:job:{JOB}")
    for noted in ("noted", "lost", "paid", "attach", "missing_ms"):
        record.pop(noted, None)
    held = everything(store)
    return {
        "record": record,
        "in": {key for key, (value, _) in held.items() if holds_it(value)},
        "story": store.redis.lrange(f"limner:story:{JOB}", 0, -1),
        "queued": store.redis.lrange(f"limner:outq:{JOB}", 0, -1),
    }


def holds_it(value: Any) -> bool:
    members = [m[0] if isinstance(m, tuple) else m for m in value]
    return not isinstance(value, dict | str) and JOB in members


def row_for(deed: Deed, state: str, token: str) -> Move | None:
    """Return what the table has for a deed in a state, if the table lets this hand do it."""
    rows = [TABLE[STATES[state], c] for c in deed.causes if (STATES[state], c) in TABLE]
    holds = state not in ("none", "waits", "kept") and token == "mine"
    # A worker that lives keeps its job from others that got its message, too.
    if state == "held" and deed.script in ("take", "claim") and not holds:
        return None
    # What is free goes to who holds a job.
    if state != "held" and (deed.script == "steer" or Cause.HOLD_LOST in deed.causes):
        rows = [row for row in rows if row.cause not in (Cause.GRANTED, Cause.HOLD_LOST)]
    # Whoever takes a job that has a slot has both.
    if state == "kept" and deed.causes == (Cause.HELD,):
        rows = [TABLE[Status.WAITING, Cause.GRANTED]]
    return next((row for row in rows if row.who is not Who.HOLDER or holds), None)


@pytest.mark.parametrize("token", ["mine", "wrong", "", "former"])
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: deed.do.__name__)
def test_a_script_moves_a_job_as_the_table_says_or_changes_nothing(
    store, clock, deed, state, token
):
    brought_to(Hand(store, clock, "mine"), state, former=token == "former")
    before, whole = seen(store), everything(store, *NOTED)

    try:
        deed.do(Hand(store, clock, token))
    except REFUSED:
        assert everything(store, *NOTED) == whole, "what was refused has changed something"

    row = row_for(deed, state, token)
    if row is None:
        assert seen(store) == before
        assert deed.script in NOTING or everything(store, *NOTED) == whole
    else:
        follows_the_row(row, before, seen(store))


def follows_the_row(row: Move, before: dict[str, Any], after: dict[str, Any]) -> None:
    record = after["record"]
    assert record["status"] == row.after
    told = [text[0] for text in after["story"] if text not in before["story"]]
    assert told == ([row.told.value] if row.told else [])
    if row.told:
        newest = json.loads(after["queued"][-1])
        assert (newest["c"], newest["v"]["status"]) == (row.told, row.after)
    if row.reason:
        assert record["reason_code"] == row.reason
        assert record["reason"] == (row.sentence or row.reason.sentence)
    waits, runs = row.after is Status.WAITING, row.after.running
    assert ("limner:waiting:fast" in after["in"]) == ("limner:waits:ann" in after["in"]) == waits
    assert ("limner:runs:ann" in after["in"]) == runs
    # One that was given back may keep its slot for a while.
    keeps = waits and "limner:slots:stage:fast" in after["in"]
    assert ("limner:leases" in after["in"]) == (keeps or runs)
    assert ("finished_ms" in record) == row.after.ended
    # A slot is freed once only.
    again = row.cause is Cause.DRAWN and "freed" in before["record"]
    if row.before is row.after and row.cause is not Cause.HELD and not again:
        assert after != before, "nothing came of it"


@pytest.mark.parametrize("index", ["ready:fast", "holds", "waiting:fast", "leases"])
@pytest.mark.parametrize("state", ["done", "failed"])
def test_an_index_that_is_wrong_moves_no_job(store, clock, state, index):
    brought_to(Hand(store, clock, "mine"), state)
    before = seen(store)
    # As if its worker had it still, and there was room.
    store.redis.hset(f"limner:job:{JOB}", mapping={"token": "mine", "worker": WORKER})
    held = store.redis.hgetall(f"limner:job:{JOB}")
    store.redis.zadd(f"limner:{index}", {JOB: 1})
    store.redis.delete("fast")

    a_while_later(store, clock, 5, MESSAGES)

    assert store.redis.hgetall(f"limner:job:{JOB}") == held
    assert seen(store)["in"] == before["in"], "the index is still wrong"


@pytest.mark.parametrize("cause", Cause)
def test_the_library_that_moves_jobs_refuses_what_is_not_in_the_table(store, cause):
    libraries = [_library(name) for name in LIBRARIES]
    call = "KEEP_JOB_MS = 1000\nreturn move(ARGV[3], ARGV[4], {'noted', '1'}, ARGV[5])"
    script = store.redis.register_script("\n".join([*libraries, call]))
    for status in (None, *Status):
        for token in ("mine", "wrong"):
            job = f"{status}-{token}"
            if status:
                made = {"status": status.value, "token": "mine", "client": "ann", "place": "1"}
                store.redis.hset(f"limner:job:{job}", mapping=made | {"lane": "fast"})
            before, row = everything(store), TABLE.get((status, cause))
            if row and status and (token == "mine" or row.who is not Who.HOLDER):
                assert script(args=["limner:", "1", job, cause, token]) == row.after
            elif not row or row.who is Who.HOLDER:
                assert script(args=["limner:", "1", job, cause, token]) is None
                assert everything(store) == before


def test_every_move_of_the_table_is_made_here():
    made = {
        (row.before, row.cause)
        for deed, state in itertools.product(DEEDS, STATES)
        if (row := row_for(deed, state, "mine"))
    }
    assert made == set(TABLE)


def test_every_script_that_may_move_a_job_is_driven_here_or_elsewhere():
    names = [name for name in scripts.paths() if not name.startswith("lib_")]
    moving = {name for name in names if moves_a_job(name)}
    assert moving == {deed.script for deed in DEEDS} | set(ELSEWHERE)
    assert all(is_there(f"contract/{test}") for test in ELSEWHERE.values())


def moves_a_job(script: str) -> bool:
    """Whether a script asks the table of moves, by whatever function of its libraries, or who owns a job."""
    *libraries, (_, body) = [(name, re.sub("--.*", "", text)) for name, text in parts(script)]
    asking = {"may", "move", "row_of"}
    # What a function calls stands before it.
    for _, library in libraries:
        for name, text in _FUNCTION.findall(library):
            if calls_one(text, asking):
                asking.add(name)
    compares = "'token'" in body and "moves" in dict(libraries)
    return compares or calls_one(body, asking)


#: a function of a library, and all up to the next one
_FUNCTION = re.compile(r"^(?:local )?function (\w+)(.*?)(?=^(?:local )?function |\Z)", re.M | re.S)


def calls_one(text: str, functions: set[str]) -> bool:
    return any(name in functions for name in re.findall(r"\b(\w+)\(", text))
