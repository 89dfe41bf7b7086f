"""What becomes of a drawing that may have cost money: paid or not, to be attached to or not, and how it ends."""

from __future__ import annotations

import itertools

import pytest

from limner.errors import JobLost
from limner.job import Picture, Status
from limner.request import Lane
from limner.store import Trouble
from limner.store.lanes import Result
from tests.builders import MESSAGES, WORKER, a_worker, an_accepted_job, an_engine
from tests.conftest import a_while_later
from workers.drawing.trouble import trouble_of

GRID = Picture("http://limner/grid.png", 1024, 1024)
HANDLE = {"id": "x"}
#: "": drawing costs nothing; else what its loss means (`on_lost` of the engine's settings)
PAID = ("", "retry", "fail")
ATTACH = (False, True)
ALL = list(itertools.product(PAID, ATTACH))


def take(store, job, token, *, worker=WORKER):
    return store.lanes.take(job.id, token, worker, MESSAGES)


def house(store):
    """One engine that draws, with the most room, and another that could."""
    a_worker(store, an_engine("here", fast=2), an_engine("elsewhere", fast=1))


def drawn(store, paid, attach, job=None, token="t1"):
    house(store)
    job = job or an_accepted_job(store)
    assert take(store, job, token).engine == "here"
    if store.jobs.get(job.id).handle is None:
        store.lanes.begin(job.id, token)
    store.lanes.keep_handle(job.id, token, HANDLE, attach=attach, paid=paid)
    return job


def record(store, job):
    return store.redis.hgetall(f"limner:job:{job.id}")


def slots(store, engine="here"):
    return store.redis.smembers(f"limner:slots:{engine}:fast")


@pytest.mark.parametrize(("paid", "attach"), ALL)
def test_what_a_dead_worker_leaves(store, clock, paid, attach):
    job = drawn(store, paid, attach)

    a_while_later(store, clock, 16, MESSAGES)

    left = store.jobs.get(job.id)
    if attach:
        # The engine goes on: whoever comes takes over its drawing, and pays nothing.
        assert (left.status, left.handle, left.engine) == (Status.WAITING, HANDLE, "here")
        assert record(store, job)["paid"] == paid
        assert slots(store) == {job.id}
    elif paid == "fail":
        assert (left.status, left.reason_code) == (Status.FAILED, "drawing_lost")
        assert slots(store) == set()
    else:
        assert (left.status, left.handle, left.engine) == (Status.WAITING, None, None)
        assert not {"paid", "attach"} & set(record(store, job)), "nothing of it is left to be paid"
        assert slots(store) == set()


@pytest.mark.parametrize(("paid", "attach"), ALL)
def test_whoever_comes_next_goes_on_with_it_or_draws_it_anew(store, clock, paid, attach):
    job = drawn(store, paid, attach)
    a_while_later(store, clock, 16, MESSAGES)
    a_worker(store, an_engine("here", fast=2), an_engine("elsewhere", fast=9))

    taken = take(store, job, "t2")

    if attach:
        assert (taken.engine, taken.job.handle) == ("here", HANDLE)
    elif paid == "fail":
        assert taken.state == "gone"
    else:
        assert (taken.engine, taken.job.handle) == ("elsewhere", None)
    assert store.engines.cancelled_on("here") is None


@pytest.mark.parametrize("paid", PAID)
@pytest.mark.parametrize("waits_s", [0, 31], ids=["slot_kept", "slot_lapsed"])
def test_a_worker_that_lacks_the_engine_draws_elsewhere_only_what_was_not_paid_for(
    store, clock, paid, waits_s
):
    job = drawn(store, paid, attach=True)
    store.lanes.give_back(job.id, "t1", Trouble(), MESSAGES, keep=True)
    a_while_later(store, clock, waits_s, MESSAGES)
    a_worker(store, an_engine("elsewhere", fast=1), worker="lacks-it")

    taken = take(store, job, "t2", worker="lacks-it")

    if paid:
        assert taken.state == "wait"
        assert store.jobs.get(job.id).handle == HANDLE
        assert store.engines.cancelled_on("here") is None
        assert slots(store) == ({job.id} if waits_s == 0 else set())
    else:
        assert (taken.engine, taken.job.handle) == ("elsewhere", None)
        assert store.engines.cancelled_on("here") == HANDLE
        assert slots(store) == set()
        assert "attach" not in record(store, job)


@pytest.mark.parametrize("paid", PAID)
def test_what_was_paid_for_is_gone_on_with_also_after_its_slot_lapsed(store, clock, paid):
    job = drawn(store, paid, attach=True)
    store.lanes.give_back(job.id, "t1", Trouble(), MESSAGES, keep=True)
    a_while_later(store, clock, 31, MESSAGES)
    assert slots(store) == set()
    a_worker(store, an_engine("here", fast=1), an_engine("elsewhere", fast=9))

    taken = take(store, job, "t2")

    # It is preferred to go on, however much room there is elsewhere.
    assert (taken.engine, taken.job.handle) == ("here", HANDLE)


@pytest.mark.parametrize("paid", ["retry", "fail"])
def test_what_was_paid_for_waits_for_a_full_engine(store, clock, paid):
    job = drawn(store, paid, attach=True)
    store.lanes.give_back(job.id, "t1", Trouble(), MESSAGES, keep=True)
    a_while_later(store, clock, 31, MESSAGES)
    a_worker(store, an_engine("here", fast=1))
    other = an_accepted_job(store)
    assert take(store, other, "other").engine == "here"
    a_worker(store, an_engine("here", fast=1), an_engine("elsewhere", fast=9))

    assert take(store, job, "t2").state == "wait"
    store.lanes.done(other.id, "other", Result(GRID, [GRID] * 4, {}))

    assert take(store, job, "t2").engine == "here"
    assert store.engines.cancelled_on("here") is None


@pytest.mark.parametrize(("paid", "attach"), ALL)
def test_each_worker_that_dies_drawing_counts_and_the_third_ends_it(store, clock, paid, attach):
    job = drawn(store, paid, attach)
    ends = []
    for n in range(1, 5):
        a_while_later(store, clock, 16, MESSAGES)
        ends.append((store.jobs.get(job.id).status.value, store.jobs.get(job.id).reason_code))
        if ends[-1][0] != "waiting":
            break
        drawn(store, paid, attach, job, f"again-{n}")

    if paid == "fail" and not attach:
        assert ends == [("failed", "drawing_lost")]
    else:
        assert ends == [("waiting", None), ("waiting", None), ("failed", "worker_lost")]


@pytest.mark.parametrize(("paid", "attach"), ALL)
def test_an_outage_of_redis_loses_no_drawing(store, clock, paid, attach):
    job = drawn(store, paid, attach)

    clock.pass_s(3600)
    store.lanes.sweep(MESSAGES)

    assert store.jobs.get(job.id).status is Status.SUBMITTED
    assert store.lanes.renew(WORKER, Lane.FAST, ["here"], {job.id: "t1"}) == set()
    store.lanes.done(job.id, "t1", Result(GRID, [GRID] * 4, {}))


@pytest.mark.parametrize(("paid", "attach"), ALL)
def test_a_drawing_that_its_engine_lost_is_drawn_anew_by_the_workers_word(store, paid, attach):
    job = drawn(store, paid, attach)

    store.lanes.give_back(job.id, "t1", trouble_of(JobLost(), submitted=True), MESSAGES)

    left = store.jobs.get(job.id)
    assert (left.status, left.handle, left.engine) == (Status.WAITING, None, None)
    assert not {"paid", "attach", "begun"} & set(record(store, job))
    assert slots(store) == set()


@pytest.mark.parametrize(("paid", "attach"), ALL)
@pytest.mark.parametrize("when", ["drawn", "waits", "lapsed"])
def test_a_cancelled_drawing_is_stopped_at_its_engine(store, clock, paid, attach, when):
    job = drawn(store, paid, attach)
    if when != "drawn":
        store.lanes.give_back(job.id, "t1", Trouble(), MESSAGES, keep=True)
    if when == "lapsed":
        a_while_later(store, clock, 31, MESSAGES)

    store.lanes.cancel(job.id)

    assert store.engines.cancelled_on("here") == HANDLE
    assert store.engines.cancelled_on("here") is None
    assert slots(store) == set()


@pytest.mark.parametrize("token", ["t2", "t1"])
def test_a_job_drawn_anew_after_it_was_paid_for_counts_as_paid_only_by_its_own_word(
    store, clock, token
):
    job = drawn(store, "retry", attach=False)
    a_while_later(store, clock, 16, MESSAGES)
    house(store)
    take(store, job, token)
    store.lanes.begin(job.id, token)

    a_while_later(store, clock, 16, MESSAGES)

    # Its second worker died between hand-over and handle: nothing says that it cost money.
    assert store.jobs.get(job.id).status is Status.WAITING
    assert record(store, job)["lost"] == "2"


def test_a_worker_that_died_before_the_hand_over_is_not_counted(store, clock):
    job = an_accepted_job(store)
    for n in range(5):
        house(store)
        assert take(store, job, f"t{n}").state == "granted"
        a_while_later(store, clock, 16, MESSAGES)

    assert store.jobs.get(job.id).status is Status.WAITING
    assert record(store, job)["lost"] == "0"


def test_a_slot_is_kept_for_half_a_minute_and_no_longer(store, clock):
    job = drawn(store, "", attach=True)
    store.lanes.give_back(job.id, "t1", Trouble(), MESSAGES, keep=True)

    for _ in range(6):
        clock.pass_s(4.999)
        store.lanes.sweep(MESSAGES)
    assert slots(store) == {job.id}
    clock.pass_s(0.006)
    store.lanes.sweep(MESSAGES)

    assert slots(store) == set()
    assert store.redis.zscore("limner:leases", job.id) is None
    assert store.jobs.get(job.id).handle == HANDLE, "the engine may draw on"


def test_a_kept_slot_lets_its_own_job_in_and_waits_for_the_end_of_a_pause(store, clock):
    job = drawn(store, "", attach=True)
    down = Trouble(engine_state="down", engine_why="away", pause_s=4, pause_max_s=60)
    store.lanes.give_back(job.id, "t1", down, MESSAGES, keep=True)

    taken = take(store, job, "t2")
    assert (taken.state, taken.again_s) == ("wait", 4)
    clock.pass_s(4)

    assert take(store, job, "t2").engine == "here"


def test_a_slot_that_is_given_up_for_another_engine_lets_the_next_job_in_at_once(store):
    a_worker(store, an_engine("here", fast=1))
    job, other = an_accepted_job(store), an_accepted_job(store)
    take(store, job, "t1")
    store.lanes.keep_handle(job.id, "t1", HANDLE, attach=True)
    store.lanes.give_back(job.id, "t1", Trouble(), MESSAGES, keep=True)
    assert take(store, other, "other").state == "wait"
    a_worker(store, an_engine("elsewhere", fast=1), worker="lacks-it")

    assert take(store, job, "t2", worker="lacks-it").engine == "elsewhere"

    assert store.jobs.get(other.id).engine == "here"
