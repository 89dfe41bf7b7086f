"""How slots, leases and returns behave, through the store against a real server."""

from __future__ import annotations

import pytest

from limner.errors import StaleLease, WaitingFull
from limner.job import Picture, Status
from limner.reasons import Reason
from limner.request import Lane
from limner.store import Trouble
from limner.store.lanes import Result
from tests.builders import (
    MESSAGES,
    WORKER,
    a_worker,
    an_accepted_job,
    an_engine,
    messages_in,
)
from tests.conftest import a_while_later

GRID = Picture("http://limner/grid.png", 1024, 1024)
PICTURE = "http://pictures.example/one.png"


def take(store, job, token="t1", worker=WORKER):
    return store.lanes.take(job.id, token, worker, MESSAGES)


def test_an_accepted_job_waits_with_its_message_in_the_lane(store):
    job = an_accepted_job(store)

    assert store.jobs.get(job.id).status is Status.WAITING
    assert store.jobs.get(job.id).position == 1
    assert messages_in(store) == [job.id]


def test_a_taken_job_gets_a_free_slot_and_is_submitted(store):
    a_worker(store)
    job = an_accepted_job(store)

    taken = take(store, job)

    assert (taken.state, taken.engine) == ("granted", "stage")
    assert store.jobs.get(job.id).status is Status.SUBMITTED
    assert store.jobs.running_count("ann") == 1
    assert store.jobs.waiting_count("ann") == 0


def test_no_more_jobs_than_slots_are_granted_and_a_finished_one_lets_the_next_in(store):
    a_worker(store, an_engine(fast=2))
    jobs = [an_accepted_job(store) for _ in range(3)]

    states = [take(store, job, token=f"t{n}").state for n, job in enumerate(jobs)]
    store.lanes.done(jobs[0].id, "t0", Result(GRID, [GRID] * 4, {}))

    assert states == ["granted", "granted", "wait"]
    assert take(store, jobs[2], token="t2").state == "granted"


def test_fast_jobs_may_use_every_slot_and_relaxed_ones_only_their_share(store):
    a_worker(store, an_engine(fast=3, relaxed=1))
    relaxed = [an_accepted_job(store, lane=Lane.RELAXED) for _ in range(2)]
    fast = [an_accepted_job(store) for _ in range(3)]

    states = [take(store, job, token=job.id).state for job in relaxed]
    assert states == ["wait", "wait"], "a fast job waits for the engine"
    states = [take(store, job, token=job.id).state for job in fast]

    assert states == ["granted", "granted", "granted"]
    store.lanes.done(fast[0].id, fast[0].id, Result(GRID, [GRID] * 4, {}))
    store.lanes.done(fast[1].id, fast[1].id, Result(GRID, [GRID] * 4, {}))
    statuses = [store.jobs.get(job.id).status for job in relaxed]
    assert statuses == [Status.SUBMITTED, Status.WAITING]


def test_relaxed_jobs_do_not_wait_for_fast_ones_that_no_worker_serves(store, clock):
    a_worker(store)
    an_accepted_job(store)
    clock.pass_s(60)
    store.lanes.renew(WORKER, Lane.RELAXED, ["stage"], {})
    relaxed = an_accepted_job(store, lane=Lane.RELAXED)

    assert take(store, relaxed).state == "granted"


def test_a_second_message_of_a_held_or_granted_job_is_dropped(store):
    a_worker(store, an_engine(fast=1))
    granted, held = an_accepted_job(store), an_accepted_job(store)
    take(store, granted, token="a")
    take(store, held, token="b")

    assert take(store, granted, token="c").state == "held"
    assert take(store, held, token="c").state == "held"
    assert take(store, granted, token="a").state == "granted"


def test_a_job_whose_worker_died_waits_at_the_head_of_its_lane_and_is_sent_again(store, clock):
    a_worker(store, an_engine(fast=1))
    lost, later = an_accepted_job(store), an_accepted_job(store)
    store.redis.delete("fast")
    take(store, lost)
    store.lanes.begin(lost.id, "t1")

    a_while_later(store, clock, 16, MESSAGES)

    job = store.jobs.get(lost.id)
    assert (job.status, job.position) == (Status.WAITING, 1)
    assert messages_in(store) == [lost.id, later.id]
    assert store.jobs.get(later.id).position == 2
    with pytest.raises(StaleLease):
        store.lanes.progress(lost.id, "t1", 50, None)


def test_a_job_that_lost_three_workers_fails(store, clock):
    a_worker(store, an_engine(fast=1))
    job = an_accepted_job(store)
    for n in range(3):
        a_worker(store, an_engine(fast=1))
        take(store, job, token=f"t{n}")
        store.lanes.begin(job.id, f"t{n}")
        a_while_later(store, clock, 16, MESSAGES)

    ended = store.jobs.get(job.id)
    assert (ended.status, ended.reason_code) == (Status.FAILED, "worker_lost")
    assert store.jobs.running_count("ann") == store.jobs.waiting_count("ann") == 0


def test_a_job_that_kills_each_worker_that_attaches_to_it_fails_too(store, clock):
    job = an_accepted_job(store)
    for n in range(3):
        a_worker(store, an_engine(fast=1))
        assert take(store, job, token=f"t{n}").state == "granted"
        store.lanes.keep_handle(job.id, f"t{n}", {"id": "x"}, attach=True)
        a_while_later(store, clock, 16, MESSAGES)

    assert store.jobs.get(job.id).reason_code == "worker_lost"


def test_an_outage_of_redis_takes_no_job_from_a_living_worker(store, clock):
    a_worker(store, an_engine(fast=1))
    drawing, held = an_accepted_job(store), an_accepted_job(store)
    take(store, drawing, token="a")
    store.lanes.begin(drawing.id, "a")
    take(store, held, token="b")

    clock.pass_s(60)
    store.lanes.sweep(MESSAGES)
    clock.pass_s(2)
    stale = store.lanes.renew(WORKER, Lane.FAST, ["stage"], {drawing.id: "a", held.id: "b"})
    a_while_later(store, clock, 14, MESSAGES)

    assert stale == set()
    assert store.jobs.get(drawing.id).status is Status.SUBMITTED
    assert take(store, held, token="c").state == "held"


def test_leases_lapse_also_where_looks_at_the_lanes_are_rare(store, clock):
    a_worker(store, an_engine(fast=1))
    job = an_accepted_job(store)
    take(store, job, token="a")
    store.lanes.begin(job.id, "a")

    for second in range(60):
        clock.pass_s(1)
        if second % 4 == 0:
            store.lanes.renew("worker-2", Lane.FAST, ["stage"], {})
        if second % 10 == 9:
            store.lanes.sweep(MESSAGES)

    assert store.jobs.get(job.id).status is Status.WAITING


def test_a_handed_over_job_keeps_its_slot_for_the_next_worker(store, clock):
    a_worker(store, an_engine(fast=1))
    job, other = an_accepted_job(store), an_accepted_job(store)
    take(store, job)
    store.lanes.begin(job.id, "t1")
    store.lanes.keep_handle(job.id, "t1", {"id": "x"}, attach=True)

    store.lanes.give_back(job.id, "t1", Trouble(), MESSAGES, keep=True)

    assert take(store, other, token="t2").state == "wait", "the engine still draws the first"
    taken = take(store, job, token="t3")
    assert taken.state == "granted"
    assert store.jobs.get(job.id).handle == {"id": "x"}
    assert store.redis.hget(f"limner:job:{job.id}", "lost") is None


def test_a_kept_slot_is_free_again_when_nobody_comes_for_it(store, clock):
    a_worker(store, an_engine(fast=1))
    job, other = an_accepted_job(store), an_accepted_job(store)
    take(store, job)
    store.lanes.keep_handle(job.id, "t1", {"id": "x"}, attach=True)
    store.lanes.give_back(job.id, "t1", Trouble(), MESSAGES, keep=True)

    a_while_later(store, clock, 31, MESSAGES)
    a_worker(store, an_engine(fast=1))

    assert take(store, other, token="t2").state == "granted"


def test_a_drawn_job_that_cannot_be_stored_yet_keeps_its_slot_and_shows_it(store):
    a_worker(store, an_engine(fast=1))
    drawn, other = an_accepted_job(store), an_accepted_job(store)
    take(store, drawn, token="t1")

    store.lanes.keep_slot(drawn.id, "t1")

    assert take(store, other, token="t2").state == "wait"
    (engine,) = store.engines.all()
    assert (engine.leased[Lane.FAST], engine.storing) == (1, {Lane.FAST: 1, Lane.RELAXED: 0})
    store.lanes.free_slot(drawn.id, "t1")
    assert take(store, other, token="t2").state == "granted"
    (engine,) = store.engines.all()
    assert (engine.leased[Lane.FAST], engine.storing[Lane.FAST]) == (1, 0)


def test_a_job_that_comes_back_keeps_no_slot_for_want_of_room_any_more(store):
    a_worker(store, an_engine(fast=1))
    job = an_accepted_job(store)
    take(store, job, token="t1")
    store.lanes.keep_handle(job.id, "t1", {"id": "x"}, attach=True)
    store.lanes.keep_slot(job.id, "t1")

    store.lanes.give_back(job.id, "t1", Trouble(), MESSAGES, keep=True)

    (engine,) = store.engines.all()
    assert (engine.leased[Lane.FAST], engine.storing[Lane.FAST]) == (1, 0)


@pytest.mark.parametrize("how", ["its worker dies", "its worker stops"])
def test_a_slot_that_was_freed_is_not_its_jobs_again_when_that_comes_back(store, clock, how):
    """The engine is done, the pictures are not stored: the slot is another job's by now."""
    a_worker(store, an_engine(fast=1))
    drawn, other = an_accepted_job(store), an_accepted_job(store)
    take(store, drawn, token="t1")
    store.lanes.keep_handle(drawn.id, "t1", {"id": "x"}, attach=True)
    store.lanes.free_slot(drawn.id, "t1")
    assert take(store, other, token="t2").state == "granted"

    if how == "its worker stops":
        assert store.lanes.give_back(drawn.id, "t1", Trouble(), MESSAGES, keep=True) == "waiting"
    else:
        for _ in range(4):
            clock.pass_s(5)
            store.lanes.renew(WORKER, Lane.FAST, ["stage"], {other.id: "t2"})
            store.lanes.sweep(MESSAGES)
    assert store.jobs.get(drawn.id).status is Status.WAITING
    store.lanes.sweep(MESSAGES)
    assert store.redis.smembers("limner:slots:stage:fast") == {other.id}

    # Its drawing is there: it goes on from there once a slot is free.
    assert take(store, drawn, token="t3").state == "wait"
    store.lanes.free_slot(other.id, "t2")
    again = take(store, drawn, token="t3")
    assert (again.state, again.job.handle) == ("granted", {"id": "x"})


def test_an_engine_in_trouble_rests_and_then_draws_one_for_trial(store, clock):
    down = Trouble(engine_state="down", engine_why="refused", pause_s=1, pause_max_s=60)
    a_worker(store, an_engine(fast=3))
    jobs = [an_accepted_job(store) for _ in range(3)]
    take(store, jobs[0], token="t0")

    store.lanes.give_back(jobs[0].id, "t0", down, MESSAGES)
    assert take(store, jobs[0], token="t0").again_s == 1.0
    clock.pass_s(1)
    states = [take(store, job, token=f"t{n}").state for n, job in enumerate(jobs)]
    assert states == ["granted", "wait", "wait"]
    store.lanes.free_slot(jobs[0].id, "t0")
    assert take(store, jobs[1], token="t1").state == "granted"
    assert take(store, jobs[2], token="t2").state == "granted"


def test_trouble_that_comes_too_often_fails_the_job(store):
    bad = Trouble(counter="bad_results", limit=1, reason=Reason.BAD_RESULT)
    a_worker(store)
    job = an_accepted_job(store)
    take(store, job)
    assert store.lanes.give_back(job.id, "t1", bad, MESSAGES) == "waiting"
    take(store, job, token="t2")

    assert store.lanes.give_back(job.id, "t2", bad, MESSAGES) == "failed"

    assert store.jobs.get(job.id).reason_code == "bad_result"


def test_a_hold_that_is_not_renewed_lapses_and_its_message_comes_back(store, clock):
    a_worker(store, an_engine(fast=1))
    drawing, held = an_accepted_job(store), an_accepted_job(store)
    store.redis.delete("fast")
    take(store, drawing, token="a")
    take(store, held, token="b")

    a_while_later(store, clock, 10, MESSAGES)
    store.lanes.renew(WORKER, Lane.FAST, ["stage"], {drawing.id: "a"})
    a_while_later(store, clock, 6, MESSAGES)

    assert messages_in(store) == [held.id]
    assert store.jobs.get(drawing.id).status is Status.SUBMITTED


def test_messages_lost_with_the_broker_are_sent_again_in_order(store, clock):
    a_worker(store)
    jobs = [an_accepted_job(store) for _ in range(5)]
    store.redis.delete("fast")

    store.lanes.sweep(MESSAGES)
    assert messages_in(store) == []
    clock.pass_s(5)
    store.lanes.sweep(MESSAGES)
    clock.pass_s(60)
    store.lanes.sweep(MESSAGES)

    assert messages_in(store) == [job.id for job in jobs]


def test_only_what_is_older_than_the_oldest_message_has_lost_its_own(store, clock):
    jobs = [an_accepted_job(store) for _ in range(4)]
    store.redis.rpop("fast")
    store.redis.rpop("fast")

    store.lanes.sweep(MESSAGES)
    clock.pass_s(5)
    store.lanes.sweep(MESSAGES)

    assert messages_in(store) == [job.id for job in jobs]


def test_percent_never_falls_and_the_first_drawing_state_is_a_transition(store):
    a_worker(store)
    job = an_accepted_job(store)
    take(store, job)
    store.lanes.progress(job.id, "t1", 40, None)
    store.lanes.progress(job.id, "t1", 10, GRID)

    seen = store.jobs.get(job.id)
    assert (seen.status, seen.progress, seen.picture) == (Status.DRAWING, 40, GRID)


def test_an_ended_job_does_not_change_any_more(store):
    a_worker(store)
    job = an_accepted_job(store)
    take(store, job)
    store.lanes.failed(job.id, "t1", "Because.", "moderated")

    with pytest.raises(StaleLease):
        store.lanes.done(job.id, "t1", Result(GRID, [GRID] * 4, {}))
    assert take(store, job, token="t2").state == "gone"
    assert store.jobs.get(job.id).reason == "Because."


def test_a_stopping_worker_lets_a_held_job_go_at_once(store):
    a_worker(store, an_engine(fast=1))
    drawing, held = an_accepted_job(store), an_accepted_job(store)
    store.redis.delete("fast")
    take(store, drawing, token="a")
    take(store, held, token="b")

    assert store.lanes.let_go(held.id, "b", MESSAGES)
    assert not store.lanes.let_go(drawing.id, "a", MESSAGES)
    assert messages_in(store) == [held.id]


def test_a_full_client_is_told_so_and_others_are_not(store):
    an_accepted_job(store, waiting_cap=1)

    with pytest.raises(WaitingFull):
        an_accepted_job(store, waiting_cap=1)
    an_accepted_job(store, client="bob", waiting_cap=1)


def test_a_job_that_waited_too_long_fails(store, clock):
    job = an_accepted_job(store)
    clock.pass_s(86_401)
    a_worker(store)

    assert take(store, job).state == "gone"
    assert store.jobs.get(job.id).reason_code == "waited_too_long"


@pytest.mark.parametrize(
    "brought",
    [
        {"references": (PICTURE,)},
        {"style_references": (PICTURE,)},
        {"object_references": (PICTURE,)},
        {"prompt_en": f"a fox --sref {PICTURE}"},
        {"operation": "blend", "references": (PICTURE, PICTURE)},
        {"operation": "describe", "references": (PICTURE,)},
    ],
)
def test_a_job_that_needs_nothing_fetched_is_handed_over_as_it_is_granted(store, brought):
    a_worker(store)
    store.engines.abilities("stage", [])
    plain = an_accepted_job(store)
    fetching = an_accepted_job(store, **brought)

    at_once = store.lanes.take(plain.id, "a", WORKER, MESSAGES, begin=True)
    later = store.lanes.take(fetching.id, "b", WORKER, MESSAGES, begin=True)

    assert (at_once.attempt, store.jobs.get(plain.id).attempts) == (0, 1)
    assert (later.attempt, store.jobs.get(fetching.id).attempts) == (None, 0)
    assert store.lanes.begin(fetching.id, "b").attempt == 0


def test_a_take_whose_answer_was_lost_counts_the_hand_over_once(store):
    a_worker(store, an_engine(fast=2, fast_gap_s=3))
    job = an_accepted_job(store)

    twice = [store.lanes.take(job.id, "a", WORKER, MESSAGES, begin=True) for _ in range(2)]

    assert [taken.attempt for taken in twice] == [0, 0]
    assert store.jobs.get(job.id).attempts == 1
