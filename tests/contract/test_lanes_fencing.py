"""Whoever does not own a job changes nothing: every call of a worker, in every state of the job."""

from __future__ import annotations

import re

import pytest

from limner.errors import JobNotFound, StaleLease
from limner.job import Picture, Status
from limner.reasons import Reason
from limner.request import Lane
from limner.store import Trouble, scripts
from limner.store.lanes import Result
from limner.translation import Translation
from tests.builders import MESSAGES, WORKER, a_worker, an_accepted_job, an_engine, messages_in
from tests.contract.lanes_view import everything
from tests.named import is_there

GRID = Picture("http://limner/grid.png", 1024, 1024)
OTHER = "worker-2"
DOWN = Trouble("downs", 0, Reason.ENGINE_DOWN, "down", "refused", 1, 60)
BUSY = Trouble(engine_state="busy", engine_why="busy", pause_s=1, pause_max_s=30)
BAD = Trouble("bad_results", 0, Reason.BAD_RESULT, engine_why="black")

#: whoever owns a job on an engine may do these
OWNERS = {
    "begin": lambda lanes, job, token: lanes.begin(job, token),
    "translated": lambda lanes, job, token: lanes.translated(job, token, Translation("a fox")),
    "handle": lambda lanes, job, token: lanes.keep_handle(job, token, {"id": "y"}, attach=True),
    "percent": lambda lanes, job, token: lanes.progress(job, token, 99, None),
    "preview": lambda lanes, job, token: lanes.progress(job, token, 0, GRID),
    "keep_slot": lambda lanes, job, token: lanes.keep_slot(job, token),
    "free_slot": lambda lanes, job, token: lanes.free_slot(job, token),
    "checked": lambda lanes, job, token: lanes.free_slot(job, token, checked=True),
    "done": lambda lanes, job, token: lanes.done(job, token, Result(GRID, [GRID] * 4, {})),
    "failed": lambda lanes, job, token: lanes.failed(job, token, "No.", "moderated", answered=True),
    "blamed": lambda lanes, job, token: lanes.failed(job, token, "No.", "timed_out", trouble=BAD),
    "handover": lambda lanes, job, token: lanes.give_back(job, token, Trouble(), MESSAGES),
    "kept": lambda lanes, job, token: lanes.give_back(job, token, Trouble(), MESSAGES, keep=True),
    "down": lambda lanes, job, token: lanes.give_back(job, token, DOWN, MESSAGES),
    "busy": lambda lanes, job, token: lanes.give_back(job, token, BUSY, MESSAGES),
    "bad": lambda lanes, job, token: lanes.give_back(job, token, BAD, MESSAGES),
}
#: scripts that take a token, and how else each is known to fence out who does not own what it is about
ELSEWHERE = {
    "let_go": "test_lanes_fencing.py::test_a_wrong_token_changes_nothing_whatever_it_asks",
    "renew": "test_lanes_fencing.py::test_a_beat_with_a_wrong_token_renews_nothing_and_says_so",
    "take": "test_lanes_fencing.py::test_a_second_message_takes_nothing_from_who_holds_or_draws",
    "claim": "test_lanes_fencing.py::test_a_message_claims_nothing_from_who_holds_or_draws_it",
    "outbox_take": "test_outbox_leases.py::test_a_take_that_is_asked_again_gives_the_same_jobs_and_tokens",
    "outbox_done": "test_outbox_leases.py::test_a_report_of_whoever_does_not_hold_the_job_changes_nothing_at_all",
    "schema_begin": "test_schema.py::test_of_two_processes_one_migrates_and_the_other_waits_for_it",
    "schema_hold": "test_schema.py::test_whoever_lost_the_lock_writes_nothing_more_and_begins_behind_its_new_holder",
}
#: a job's way, one state after another
WAY = ("waits", "held", "submitted", "begun", "handed", "drawing", "freed")
ON_AN_ENGINE = WAY[2:]
ENDS = ("done", "failed", "cancelled", "given_back", "kept")


#: what a script's header says of its arguments
SAID = re.compile(r"^-- ARGV.*(?:\n--  .*)*", re.M)
#: a token of a lease; whatever is hashed is a caller's secret
TOKEN = re.compile(r"(?<!sha256 of the )(?<!sha256 of its new )\btokens?\b")
TAKEN = re.compile(r"^local [^=\n]*\btoken\b[^=\n]*= .*\bARGV\b", re.M)


def take(store, job, token, worker=WORKER):
    return store.lanes.take(job.id, token, worker, MESSAGES)


def brought_to(store, state):
    """A job that "former" drew and gave back, and that "t1" has brought to a state."""
    a_worker(store, an_engine(fast=1), an_engine("second", fast=0))
    job = an_accepted_job(store)
    take(store, job, "former")
    store.lanes.give_back(job.id, "former", Trouble(), MESSAGES)
    if state == "held":
        ahead = an_accepted_job(store)
        take(store, ahead, "ahead")
    # With the slot free, to hold a job is to be granted it.
    steps = {
        "held": lambda: take(store, job, "t1"),
        "begun": lambda: store.lanes.begin(job.id, "t1"),
        "handed": lambda: store.lanes.keep_handle(job.id, "t1", {"id": "x"}, attach=True),
        "drawing": lambda: store.lanes.progress(job.id, "t1", 40, GRID),
        "freed": lambda: store.lanes.free_slot(job.id, "t1"),
        "done": lambda: OWNERS["done"](store.lanes, job.id, "t1"),
        "failed": lambda: OWNERS["failed"](store.lanes, job.id, "t1"),
        "cancelled": lambda: store.lanes.cancel(job.id),
        "given_back": lambda: OWNERS["handover"](store.lanes, job.id, "t1"),
        "kept": lambda: OWNERS["kept"](store.lanes, job.id, "t1"),
    }
    way = WAY[1 : WAY.index(state) + 1] if state in WAY else (*WAY[1:-1], state)
    for name in way:
        steps.get(name, lambda: None)()
    return job


def test_every_script_that_takes_a_token_is_tried_with_a_wrong_one(store, monkeypatch):
    run, tried = store.lanes._scripts, set()
    monkeypatch.setattr(
        store.lanes, "_scripts", lambda name, *args: tried.add(name) or run(name, *args)
    )
    for call in OWNERS.values():
        with pytest.raises(StaleLease):
            call(store.lanes, "f" * 32, "t1")

    texts = {name: path.read_text(encoding="utf-8") for name, path in scripts.paths().items()}
    said = {name for name, text in texts.items() if TOKEN.search("".join(SAID.findall(text)))}
    assert said == tried | set(ELSEWHERE)
    assert {name for name, text in texts.items() if TAKEN.search(text)} <= said
    assert all(is_there(f"contract/{test}") for test in ELSEWHERE.values())


@pytest.mark.parametrize("token", ["wrong", "", "former"])
@pytest.mark.parametrize("state", [*WAY, *ENDS])
def test_a_wrong_token_changes_nothing_whatever_it_asks(store, state, token):
    job = brought_to(store, state)
    before = everything(store)

    for name, call in OWNERS.items():
        with pytest.raises(StaleLease):
            call(store.lanes, job.id, token)
        assert everything(store) == before, name
    assert store.lanes.let_go(job.id, token, MESSAGES), "there is nothing to draw for it"
    assert everything(store) == before


@pytest.mark.parametrize("token", ["wrong", "", "former"])
@pytest.mark.parametrize("state", [*WAY, *ENDS])
def test_a_beat_with_a_wrong_token_renews_nothing_and_says_so(store, clock, state, token):
    job = brought_to(store, state)
    before = everything(store, f"limner:worker:{OTHER}", "limner:workers:fast", "limner:looked")
    clock.pass_s(1)

    assert store.lanes.renew(OTHER, Lane.FAST, ["stage"], {job.id: token}) == {job.id}

    after = everything(store, f"limner:worker:{OTHER}", "limner:workers:fast", "limner:looked")
    assert after == before


@pytest.mark.parametrize("name", OWNERS)
@pytest.mark.parametrize("state", ["held", *ENDS])
def test_a_token_is_good_for_nothing_before_the_grant_and_after_the_end(store, state, name):
    job = brought_to(store, state)
    before = everything(store)

    with pytest.raises(StaleLease):
        OWNERS[name](store.lanes, job.id, "t1")

    assert everything(store) == before


@pytest.mark.parametrize("name", OWNERS)
def test_a_job_that_is_no_more_is_not_made_anew(store, name):
    a_worker(store)
    before = everything(store)

    with pytest.raises(StaleLease):
        OWNERS[name](store.lanes, "f" * 32, "t1")
    assert store.lanes.let_go("f" * 32, "t1", MESSAGES)
    with pytest.raises(JobNotFound):
        store.lanes.cancel("f" * 32)
    assert store.lanes.take("f" * 32, "t1", WORKER, MESSAGES).state == "gone"
    assert store.lanes.renew(WORKER, Lane.FAST, ["stage"], {"f" * 32: "t1"}) == {"f" * 32}

    looked = ("limner:looked", "limner:worker:")
    assert everything(store, *looked) == {
        key: held for key, held in before.items() if not key.startswith(looked)
    }


@pytest.mark.parametrize("state", [s for s in WAY if s != "waits"])
@pytest.mark.parametrize("worker", [WORKER, OTHER])
def test_a_second_message_takes_nothing_from_who_holds_or_draws(store, state, worker):
    job = brought_to(store, state)
    a_worker(store, an_engine(fast=1), an_engine("second", fast=0), worker=OTHER)
    before = everything(store, "limner:looked")

    for token in ("wrong", "", "former"):
        assert take(store, job, token, worker).state == "held"

    assert everything(store, "limner:looked") == before


@pytest.mark.parametrize("state", [s for s in WAY if s != "waits"])
@pytest.mark.parametrize("worker", [WORKER, OTHER])
def test_a_message_claims_nothing_from_who_holds_or_draws_it(store, state, worker):
    job = brought_to(store, state)
    a_worker(store, an_engine(fast=1), an_engine("second", fast=0), worker=OTHER)
    noted = ("limner:looked", "limner:worker:")
    before = everything(store, *noted)

    for token in ("wrong", "", "former"):
        claimed = store.lanes.claim(Lane.FAST, token, worker, job.id, MESSAGES)
        assert claimed is None or claimed[1].state == "held"

    assert everything(store, *noted) == before


@pytest.mark.parametrize("end", ["done", "failed", "cancelled"])
def test_a_message_of_an_ended_job_changes_nothing(store, end):
    job = brought_to(store, end)
    before = everything(store, "limner:looked")

    for token in ("t1", "wrong", "", "former"):
        assert take(store, job, token).state == "gone"

    assert everything(store, "limner:looked") == before


@pytest.mark.parametrize("state", ON_AN_ENGINE)
def test_whoever_asks_again_for_what_it_was_granted_changes_nothing(store, state):
    job = brought_to(store, state)
    before = everything(store, "limner:looked")

    taken = take(store, job, "t1")

    assert (taken.state, taken.job.id, taken.engine) == ("granted", job.id, "stage")
    assert everything(store, "limner:looked") == before


def test_whoever_asks_again_for_what_it_holds_keeps_it_for_a_lease_from_then(store, clock):
    job = brought_to(store, "held")
    clock.pass_s(5)

    assert take(store, job, "t1").state == "wait"

    assert store.redis.zscore("limner:holds", job.id) == clock() + 15_000


@pytest.mark.parametrize("state", [*WAY[1:], "done", "failed", "cancelled"])
def test_no_message_is_sent_for_a_job_that_somebody_has_or_that_ended(store, state):
    job = brought_to(store, state)
    before = everything(store)

    assert store.lanes._scripts("send_again", job.id, "fast", "text") == 0

    assert everything(store) == before


@pytest.mark.parametrize("state", ["waits", "given_back", "kept"])
def test_a_job_that_nobody_has_is_sent_again_at_the_head_of_its_lane(store, state):
    job = brought_to(store, state)
    store.redis.delete("fast")
    an_accepted_job(store)
    message = MESSAGES.fill(Lane.FAST, job.id)

    assert store.lanes._scripts("send_again", job.id, "fast", message) == 1

    assert messages_in(store)[0] == job.id


def test_a_lapsed_hold_does_not_keep_a_message_back(store, clock):
    job = brought_to(store, "held")
    clock.pass_s(14.999)
    assert store.lanes._scripts("send_again", job.id, "fast", "text") == 0
    clock.pass_s(0.001)

    assert store.lanes._scripts("send_again", job.id, "fast", "text") == 1


def test_a_lapsed_hold_is_anybodys(store, clock):
    job = brought_to(store, "held")
    clock.pass_s(5)
    store.lanes.sweep(MESSAGES)
    clock.pass_s(5)
    store.lanes.sweep(MESSAGES)
    clock.pass_s(4.999)
    assert take(store, job, "next", OTHER).state == "held"
    clock.pass_s(0.001)

    a_worker(store, an_engine(fast=1), worker=OTHER)
    assert take(store, job, "next", OTHER).state == "granted"
    assert store.lanes.let_go(job.id, "t1", MESSAGES)
    assert store.redis.hget(f"limner:job:{job.id}", "token") == "next"


def test_a_caller_cancels_without_a_token_and_only_once(store):
    job = brought_to(store, "drawing")
    assert store.lanes.cancel(job.id)
    before = everything(store)

    assert store.lanes.cancel(job.id)

    assert everything(store) == before
    assert store.jobs.get(job.id).status is Status.FAILED


@pytest.mark.parametrize("end", ["done", "failed"])
def test_a_caller_who_cancels_too_late_changes_nothing(store, end):
    job = brought_to(store, end)
    before = everything(store)

    assert not store.lanes.cancel(job.id)

    assert everything(store) == before
