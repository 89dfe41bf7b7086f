"""Operators' levers: what is halted starts nothing, what is set counts at once, and nothing is lost by either."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from limner.errors import ConfigError
from limner.job import Status
from limner.request import Lane
from limner.store import Store, Trouble
from limner.store.levers import Halted
from tests.builders import MESSAGES, WORKER, a_worker, an_accepted_job, an_engine, messages_in

WHO = "cli:olga"
DAY_S = 86_400


@pytest.fixture
def store(store):
    for name in ("ann", "bob"):
        store.clients.add(name)
    return store


def take(store, job, worker=WORKER):
    return store.lanes.take(job.id, job.id, worker, MESSAGES)


def status(store, job):
    return store.jobs.get(job.id).status


HALTS = [("lane", "fast"), ("engine", "stage"), ("client", "ann")]


@pytest.mark.parametrize(("subject", "name"), HALTS)
def test_what_is_paused_starts_nothing_until_it_is_resumed(store, subject, name):
    a_worker(store)
    jobs = [an_accepted_job(store), an_accepted_job(store)]
    assert store.levers.halt(WHO, subject, name)

    assert [take(store, job).state for job in jobs] == ["wait", "wait"]
    store.lanes.sweep(MESSAGES)
    assert [status(store, job) for job in jobs] == [Status.WAITING] * 2

    # The resume itself gives them their slots: no worker need ask again.
    assert store.levers.resume(WHO, subject, name)
    assert [status(store, job) for job in jobs] == [Status.SUBMITTED] * 2


@pytest.mark.parametrize(("subject", "name"), HALTS)
def test_what_runs_goes_on_while_it_is_paused(store, subject, name):
    a_worker(store)
    job = an_accepted_job(store)
    take(store, job)
    store.levers.halt(WHO, subject, name)

    assert store.lanes.begin(job.id, job.id).attempt == 0
    store.lanes.keep_handle(job.id, job.id, {"id": 1}, attach=True)
    store.lanes.progress(job.id, job.id, 40, None)
    # Another worker continues it: that is no start.
    store.lanes.give_back(job.id, job.id, Trouble(), MESSAGES, keep=True)
    a_worker(store, worker="other")
    assert store.lanes.take(job.id, "next", "other", MESSAGES).state == "granted"


@pytest.mark.parametrize(("subject", "name"), HALTS)
def test_a_job_given_back_while_it_is_paused_waits(store, subject, name):
    a_worker(store)
    job = an_accepted_job(store)
    take(store, job)
    store.levers.halt(WHO, subject, name)

    store.lanes.give_back(job.id, job.id, Trouble(), MESSAGES)

    assert take(store, job).state == "wait"


def test_others_go_on_beside_what_is_paused(store):
    a_worker(store, an_engine("a", fast=1, relaxed=1), an_engine("b", fast=1, relaxed=1))
    store.levers.halt(WHO, "engine", "a")
    first, second = an_accepted_job(store), an_accepted_job(store)
    assert (take(store, first).engine, take(store, second).state) == ("b", "wait")
    store.levers.resume(WHO, "engine", "a")
    assert store.jobs.get(second.id).engine == "a"


def test_a_paused_clients_jobs_hold_up_nobody_elses(store):
    a_worker(store, an_engine(fast=1, relaxed=1))
    store.levers.halt(WHO, "client", "ann")
    paused = an_accepted_job(store, client="ann")
    other = an_accepted_job(store, client="bob", lane=Lane.RELAXED)

    waiting = take(store, paused)
    # Its worker takes the next message beside it, and a relaxed job does not wait for it.
    assert (waiting.state, waiting.choosy) == ("wait", True)
    assert take(store, other).state == "granted"


def test_a_paused_fast_lane_leaves_the_slots_to_the_relaxed_one(store):
    a_worker(store, an_engine(fast=1, relaxed=1))
    store.levers.halt(WHO, "lane", "fast")
    fast, relaxed = an_accepted_job(store), an_accepted_job(store, lane=Lane.RELAXED)
    assert take(store, fast).state == "wait"
    assert take(store, relaxed).state == "granted"


def test_a_job_that_an_engine_failed_does_not_wait_for_one_that_is_paused(store):
    a_worker(store, an_engine("a", fast=1), an_engine("b", fast=1))
    job = an_accepted_job(store)
    failed_on = take(store, job).engine
    other = {"a": "b", "b": "a"}[failed_on]
    store.levers.halt(WHO, "engine", other)
    store.lanes.give_back(job.id, job.id, Trouble("lates", 3, None, engine_why="late"), MESSAGES)

    assert take(store, job).engine == failed_on


@pytest.mark.parametrize("how", ["paused", "draining"])
def test_a_halted_engine_says_how_and_has_no_room(store, how):
    a_worker(store)
    job = an_accepted_job(store)
    take(store, job)
    store.levers.halt(WHO, "engine", "stage", how)

    engine = store.engines.all()[0]
    assert (engine.halt, engine.leased[Lane.FAST], engine.free[Lane.FAST]) == (how, 1, 0)
    other = an_accepted_job(store)
    assert store.lanes.verdicts(other.id) == {"stage": f"engine_{how}"}


@pytest.mark.parametrize(
    ("subject", "name", "word", "verdict"),
    [
        ("lane", "fast", "lane paused", "lane_paused"),
        ("client", "ann", "client paused", "client_paused"),
        ("engine", "stage", "engine paused", "engine_paused"),
    ],
)
def test_a_job_says_what_it_waits_for_instead_of_its_position(store, subject, name, word, verdict):
    a_worker(store)
    before = an_accepted_job(store)
    store.levers.halt(WHO, subject, name)
    accepted = an_accepted_job(store)

    for job in (accepted, *(store.jobs.get(job.id) for job in (before, accepted))):
        assert (job.position, job.waits_for) == (None, word)
    assert [job.waits_for for job in store.jobs.page("ann").jobs] == [word, word]
    assert store.lanes.verdicts(before.id) == {"stage": verdict}
    store.levers.resume(WHO, subject, name)
    found = [store.jobs.get(job.id) for job in (before, accepted)]
    assert [(job.position, job.waits_for) for job in found] == [(1, None), (2, None)]


def test_a_job_waits_for_a_paused_engine_only_if_no_other_could_draw_it(store):
    a_worker(store, an_engine("a"), an_engine("b", fast=0, relaxed=1))
    store.levers.halt(WHO, "engine", "a")
    fast, relaxed = an_accepted_job(store), an_accepted_job(store, lane=Lane.RELAXED)
    assert [store.jobs.get(job.id).waits_for for job in (fast, relaxed)] == ["engine paused", None]


def test_a_callback_for_a_return_says_what_the_job_waits_for(store):
    a_worker(store)
    job = an_accepted_job(store)
    take(store, job)
    store.levers.halt(WHO, "lane", "fast")
    store.lanes.give_back(job.id, job.id, Trouble(), MESSAGES)

    newest = json.loads(store.redis.lindex(f"limner:outq:{job.id}", -1))["v"]
    assert (newest["waits_for"], newest.get("position")) == ("lane paused", None)


# -- time -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("subject", "name"), HALTS)
def test_the_waiting_limit_stands_still_while_paused_and_begins_anew_after(
    store, clock, subject, name
):
    a_worker(store)
    job = an_accepted_job(store)
    store.levers.halt(WHO, subject, name)
    clock.pass_s(3 * DAY_S)
    a_worker(store)
    assert take(store, job).state == "wait"

    store.levers.override(WHO, "stage", {"fast_slots": 0})
    store.levers.resume(WHO, subject, name)
    clock.pass_s(DAY_S - 1)
    a_worker(store)
    assert take(store, job).state == "wait"
    clock.pass_s(2)
    a_worker(store)
    assert take(store, job).state == "gone"
    assert store.jobs.get(job.id).reason_code == "waited_too_long"


def test_a_job_in_another_lane_than_the_paused_one_has_waited_too_long_as_ever(store, clock):
    a_worker(store)
    job = an_accepted_job(store)
    store.levers.halt(WHO, "lane", "relaxed")
    clock.pass_s(2 * DAY_S)
    a_worker(store)

    assert take(store, job).state == "gone"
    assert store.jobs.get(job.id).reason_code == "waited_too_long"


def test_a_deadline_of_its_caller_passes_while_the_lane_is_paused(store, clock):
    a_worker(store)
    job = an_accepted_job(store, deadline_s=60.0)
    store.levers.halt(WHO, "lane", "fast")
    clock.pass_s(61)
    store.lanes.pass_deadlines()
    assert store.jobs.get(job.id).reason_code == "deadline_passed"


def test_a_paused_lane_is_not_stalled(store, clock):
    a_worker(store)
    an_accepted_job(store)
    store.levers.halt(WHO, "lane", "fast")
    for _ in range(5):
        clock.pass_s(10)
        a_worker(store)
        store.lanes.sweep(MESSAGES)
    assert store.numbers.read().lanes[Lane.FAST].stalled_s == 0
    assert len(messages_in(store)) >= 1


# -- slots, gaps, weights -------------------------------------------------------------------------


def test_more_slots_are_used_at_once_and_fewer_from_the_next_grant_on(store):
    a_worker(store, an_engine(fast=1, relaxed=1))
    jobs = [an_accepted_job(store) for _ in range(4)]
    assert [take(store, job).state for job in jobs] == ["granted", "wait", "wait", "wait"]

    assert store.levers.override(WHO, "stage", {"fast_slots": 3}) == ("fast_slots",)
    assert [status(store, job) for job in jobs] == [Status.SUBMITTED] * 3 + [Status.WAITING]

    store.levers.override(WHO, "stage", {"fast_slots": 2})
    store.lanes.cancel(jobs[0].id)
    assert status(store, jobs[3]) is Status.WAITING
    store.lanes.cancel(jobs[1].id)
    assert status(store, jobs[3]) is Status.SUBMITTED


def test_a_gap_is_kept_as_long_as_an_operator_says(store, clock):
    a_worker(store)
    store.levers.override(WHO, "stage", {"fast_gap_ms": 5000})
    first, second = an_accepted_job(store), an_accepted_job(store)
    assert take(store, first).state == "granted"
    assert take(store, second).again_s == 5
    clock.pass_s(4)
    assert take(store, second).state == "wait"
    store.levers.override(WHO, "stage", {"fast_gap_ms": 3500})
    assert status(store, second) is Status.SUBMITTED


@pytest.fixture
def processes(store, redis_url, clock) -> Iterator[list[Store]]:
    """The stores of three: two workers of the engines ``a`` and ``b``, and what an operator uses."""
    others = [Store(redis_url, clock=clock) for _ in range(2)]
    yield [store, *others]
    for other in others:
        other.close()


def test_a_gap_is_in_force_at_the_next_start_in_every_process_while_drawings_run(processes, clock):
    one, two, operator = processes
    engine = an_engine(relaxed=9, fast=9, relaxed_gap_s=60)
    for process, worker in ((one, "one"), (two, "two")):
        a_worker(process, engine, worker=worker)
    jobs = [an_accepted_job(one, lane=Lane.RELAXED) for _ in range(4)]
    assert take(one, jobs[0], "one").state == "granted"
    assert take(one, jobs[1], "one").again_s == 60
    assert take(two, jobs[2], "two").again_s == 60

    operator.levers.override(WHO, "stage", {"relaxed_gap_ms": 5000})

    # It counts from the hand-over to the engine, as ever; and whoever asks, it is the next one's turn.
    clock.pass_s(3)
    assert one.lanes.begin(jobs[0].id, jobs[0].id).attempt == 0
    assert take(two, jobs[2], "two").again_s == 5
    clock.pass_s(5)
    assert take(two, jobs[2], "two").again_s == 5
    assert [status(one, job) for job in jobs[:2]] == [Status.SUBMITTED] * 2
    # A process that starts knows no other.
    a_worker(two, engine, worker="two")
    operator.levers.override(WHO, "stage", {"relaxed_gap_ms": 8000})
    assert take(two, jobs[2], "two").again_s == 8
    assert take(one, jobs[3], "one").again_s == 8
    assert two.lanes.begin(jobs[1].id, jobs[1].id).wait_s == 3
    operator.levers.override(WHO, "stage", {"relaxed_gap_ms": 0})
    assert [status(one, job) for job in jobs] == [Status.SUBMITTED] * 4


def test_a_weight_is_in_force_at_the_next_grant_in_every_process_while_drawings_run(processes):
    one, two, operator = processes
    engines = an_engine("a", fast=9), an_engine("b", fast=9)
    for process, worker in ((one, "one"), (two, "two")):
        a_worker(process, *engines, worker=worker)

    def next_two() -> list[str]:
        """Where the next drawing of each process goes."""
        return [
            take(process, an_accepted_job(process), worker).engine
            for process, worker in ((one, "one"), (two, "two"))
        ]

    assert sorted(next_two()) == ["a", "b"], "each has the same room"
    for heavy in ("b", "a"):
        operator.levers.override(WHO, heavy, {"weight": 10})
        assert next_two() == [heavy] * 2
        assert one.engines.all()[0].weight == two.engines.all()[0].weight
        operator.levers.override(WHO, heavy, {"weight": None})
        a_worker(two, *engines, worker="two")
        light = {"a": "b", "b": "a"}[heavy]
        assert next_two() == [light] * 2, "it has more room"


def test_the_heavier_engine_is_picked(store):
    a_worker(store, an_engine("a", fast=1), an_engine("b", fast=1))
    store.levers.override(WHO, "b", {"weight": 2.5})
    assert take(store, an_accepted_job(store)).engine == "b"


def test_what_is_overridden_is_told_beside_what_the_settings_say_and_can_be_cleared(store):
    a_worker(store, an_engine(fast=2, relaxed=1, relaxed_gap_s=7))
    store.levers.override(WHO, "stage", {"fast_slots": 5, "relaxed_gap_ms": 500, "weight": 0.5})

    engine = store.engines.all()[0]
    assert (engine.slots[Lane.FAST], engine.gap_s[Lane.RELAXED], engine.weight) == (5, 0.5, 0.5)
    assert engine.overridden == {"fast_slots": 2, "relaxed_gap_ms": 7000, "weight": 1}

    store.levers.override(
        WHO, "stage", {"fast_slots": None, "relaxed_gap_ms": None, "weight": None}
    )
    engine = store.engines.all()[0]
    assert (engine.slots[Lane.FAST], engine.gap_s[Lane.RELAXED], engine.weight) == (2, 7, 1)
    assert engine.overridden == {}


def test_a_worker_that_starts_changes_no_override_and_does_not_take_it_for_new_settings(store):
    a_worker(store)
    store.levers.override(WHO, "stage", {"fast_slots": 5})
    job = an_accepted_job(store)
    take(store, job)
    refused = Trouble(engine_state="refused", engine_why="credit", pause_s=60, pause_max_s=600)
    store.lanes.give_back(job.id, job.id, refused, MESSAGES)

    a_worker(store, worker="another")

    engine = store.engines.all()[0]
    assert (engine.slots[Lane.FAST], engine.state) == (5, "refused")
    # New settings lie under the override until it is cleared.
    store.engines.register([an_engine(fast=4)])
    engine = store.engines.all()[0]
    assert (engine.slots[Lane.FAST], engine.state) == (5, "ok")
    assert engine.overridden == {"fast_slots": 4}


def test_no_slots_by_an_operator_fails_no_job(store):
    a_worker(store)
    job = an_accepted_job(store)
    store.levers.override(WHO, "stage", {"fast_slots": 0, "relaxed_slots": 0})
    assert take(store, job).state == "wait"
    store.levers.override(WHO, "stage", {"fast_slots": None})
    assert status(store, job) is Status.SUBMITTED


# -- names, and the audit trail -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subject", "name"), [("lane", "slow"), ("engine", "nobody"), ("client", "nobody")]
)
def test_what_does_not_exist_cannot_be_paused(store, subject, name):
    a_worker(store)
    before = store.redis.lrange("limner:audit", 0, -1)
    with pytest.raises(ConfigError, match=name):
        store.levers.halt(WHO, subject, name)
    assert store.levers.halted() == Halted()
    assert store.redis.lrange("limner:audit", 0, -1) == before


def test_a_former_engine_can_still_be_resumed(store):
    a_worker(store)
    store.levers.halt(WHO, "engine", "stage")
    store.redis.delete("limner:engines", "limner:settings:stage", "limner:engine:stage")
    assert store.levers.halted().engines == {"stage": "paused"}
    assert store.levers.resume(WHO, "engine", "stage")
    assert store.levers.halted() == Halted()


def test_every_change_is_in_the_audit_trail_and_none_that_changes_nothing(store, clock):
    a_worker(store)
    store.redis.delete("limner:audit")
    assert store.levers.halt(WHO, "lane", "fast")
    clock.pass_s(1)
    assert not store.levers.halt("cli:otto", "lane", "fast")
    assert store.levers.override(WHO, "stage", {"fast_slots": 3, "weight": None}) == ("fast_slots",)
    store.levers.halt(WHO, "engine", "stage")
    store.levers.halt("cli:otto", "engine", "stage", "draining")
    store.levers.resume(WHO, "client", "ann")

    lines = store.levers.audit(100)
    assert [(line.who, line.what, line.before, line.after) for line in reversed(lines)] == [
        (WHO, "lane fast", {"halt": ""}, {"halt": "paused"}),
        (WHO, "engine stage", {"fast_slots": ""}, {"fast_slots": "3"}),
        (WHO, "engine stage", {"halt": ""}, {"halt": "paused"}),
        ("cli:otto", "engine stage", {"halt": "paused"}, {"halt": "draining"}),
    ]
    assert lines[-1].at_ms == lines[0].at_ms - 1000
    assert len(store.levers.audit(2)) == 2


def test_the_audit_trail_is_bounded(store):
    store.redis.rpush("limner:audit", *(["{}"] * 10_000))
    store.levers.halt(WHO, "lane", "fast")
    assert store.redis.llen("limner:audit") == 10_000
    assert store.levers.audit(1)[0].what == "lane fast"


def test_a_clients_changes_are_in_the_audit_trail_without_what_is_secret(store):
    made = store.clients.add("cay", callback_url="https://cay.example/hook/s3cr3t", who=WHO)
    store.clients.change("cay", who=WHO, per_day=5, share=2.0)
    store.clients.change("cay", who=WHO, per_day=5)
    token = store.clients.rotate_token("cay", WHO)
    secret = store.clients.rotate_secret("cay", WHO)

    lines = [line for line in store.levers.audit(100) if line.what == "client cay"]
    created, changed, new_token, new_secret = reversed(lines)
    assert {line.who for line in lines} == {WHO}
    assert created.after["callback_url"] == "https://cay.example/…"
    assert (changed.before, changed.after) == (
        {"per_day": "", "share": "1.0"},
        {"per_day": "5", "share": "2.0"},
    )
    assert (new_token.before, new_token.after) == ({}, {"token": "new"})
    assert new_secret.after["secrets"] == "secret"
    told = "".join(store.redis.lrange("limner:audit", 0, -1))
    kept = store.clients.get("cay").secrets
    for text in (made.token, token, secret, *kept, "s3cr3t", "whsec_"):
        assert text not in told


def test_a_client_that_cannot_be_created_or_changed_leaves_no_line(store):
    lines = store.levers.audit(100)
    with pytest.raises(ConfigError):
        store.clients.add("ann", who=WHO)
    with pytest.raises(ConfigError):
        store.clients.change("nobody", who=WHO, share=2.0)
    assert store.levers.audit(100) == lines
