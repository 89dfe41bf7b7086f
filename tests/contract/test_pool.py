"""How jobs find their way among several engines."""

from __future__ import annotations

from limner.job import Status
from limner.request import Lane
from limner.store import Trouble
from tests.builders import MESSAGES, WORKER, a_worker, an_accepted_job, an_engine
from tests.conftest import a_while_later

DOWN = Trouble(engine_state="down", engine_why="refused", pause_s=60, pause_max_s=60)


def take(store, job, token=None, worker=WORKER):
    return store.lanes.take(job.id, token or job.id, worker, MESSAGES)


def test_a_job_goes_to_the_engine_with_the_most_room(store):
    a_worker(store, an_engine("small", fast=1), an_engine("large", fast=3))

    engines = [take(store, an_accepted_job(store)).engine for _ in range(4)]

    assert engines[0] == "large"
    assert sorted(engines) == ["large", "large", "large", "small"]


def test_an_engine_of_more_weight_is_picked_before_one_of_equal_room(store):
    a_worker(store, an_engine("light", fast=2), an_engine("heavy", fast=2, weight=2.0))

    assert take(store, an_accepted_job(store)).engine == "heavy"


def test_an_engine_that_cannot_tile_does_not_get_a_tile_job(store):
    a_worker(store, an_engine("flat", fast=5), an_engine("tiler", fast=1))
    store.engines.abilities("flat", ["tile"])
    tiles = [an_accepted_job(store, tile=True) for _ in range(2)]

    first, second = (take(store, job) for job in tiles)

    assert first.engine == "tiler"
    assert (second.state, second.choosy) == ("wait", True)
    assert take(store, an_accepted_job(store)).engine == "flat"


def test_a_job_that_no_engine_can_draw_fails_and_says_so(store):
    a_worker(store, an_engine("flat"))
    store.engines.abilities("flat", ["tile"])
    job = an_accepted_job(store, tile=True)

    assert take(store, job).state == "gone"
    assert store.jobs.get(job.id).reason_code == "no_engine"


def test_an_engine_kept_for_some_clients_draws_for_no_other(store):
    a_worker(store, an_engine("private", fast=9, clients=("bob",)), an_engine("open", fast=1))

    assert take(store, an_accepted_job(store)).engine == "open"
    assert take(store, an_accepted_job(store)).state == "wait"
    assert take(store, an_accepted_job(store, client="bob")).engine == "private"


def test_relaxed_jobs_use_an_engine_that_no_waiting_fast_job_suits(store):
    a_worker(store, an_engine("flat"), an_engine("tiler", fast=1))
    store.engines.abilities("flat", ["tile"])
    for _ in range(2):
        take(store, an_accepted_job(store, tile=True))

    assert take(store, an_accepted_job(store, lane=Lane.RELAXED)).engine == "flat"


def test_a_waiting_job_moves_when_its_engine_goes_down_before_it_was_submitted(store):
    a_worker(store, an_engine("first", fast=2), an_engine("second", fast=1))
    job = an_accepted_job(store)
    assert take(store, job).engine == "first"

    store.lanes.give_back(job.id, job.id, DOWN, MESSAGES)

    assert take(store, job, token="again").engine == "second"


def test_a_probe_lets_a_dead_engine_rest_and_a_living_one_draw_a_trial(store, clock):
    a_worker(store, an_engine(fast=2))
    job = an_accepted_job(store)
    take(store, job)
    store.lanes.give_back(job.id, job.id, DOWN, MESSAGES)
    clock.pass_s(59)
    store.engines.probed("stage", False, "refused", 5.0)
    clock.pass_s(4)
    assert take(store, job).state == "wait"

    store.engines.probed("stage", True, "", 5.0)

    assert take(store, job).state == "granted"
    assert store.jobs.get(job.id).status is Status.SUBMITTED
    other = an_accepted_job(store)
    assert take(store, other).state == "wait", "one trial at a time"


def test_a_paid_drawing_is_waited_for_where_it_goes_on(store, clock):
    a_worker(store, an_engine("paid", fast=1), an_engine("free", fast=9))
    store.engines.probed("free", True, "", 0)
    job = an_accepted_job(store)
    store.redis.hset(f"limner:job:{job.id}", "engine", "paid")
    assert take(store, job, "a").engine == "paid"
    store.lanes.keep_handle(job.id, "a", {"task": "7"}, attach=True, paid="fail")
    store.lanes.give_back(job.id, "a", DOWN, MESSAGES, keep=True)

    a_while_later(store, clock, 40, MESSAGES)
    a_worker(store, an_engine("free", fast=9), worker=WORKER)
    store.lanes.renew(WORKER, Lane.FAST, ["paid", "free"], {})

    assert take(store, job, "b").state == "wait"
    assert store.jobs.get(job.id).handle == {"task": "7"}


def test_a_drawing_left_behind_is_stopped_when_its_job_goes_elsewhere(store, clock):
    a_worker(store, an_engine("first", fast=2), an_engine("second", fast=1))
    job = an_accepted_job(store)
    assert take(store, job, "a").engine == "first"
    store.lanes.keep_handle(job.id, "a", {"id": "x"}, attach=True)
    store.lanes.give_back(job.id, "a", DOWN, MESSAGES, keep=True)
    a_while_later(store, clock, 31, MESSAGES)
    store.lanes.renew(WORKER, Lane.FAST, ["first", "second"], {})

    assert take(store, job, "b").engine == "second"
    assert store.engines.cancelled_on("first") == {"id": "x"}


def test_a_paid_drawing_that_dies_with_its_worker_is_not_paid_for_twice(store, clock):
    a_worker(store)
    job = an_accepted_job(store)
    take(store, job, "a")
    store.lanes.keep_handle(job.id, "a", {"id": "x"}, attach=False, paid="fail")

    a_while_later(store, clock, 16, MESSAGES)

    assert store.jobs.get(job.id).reason_code == "drawing_lost"


def test_a_worker_gets_jobs_only_for_the_engines_it_has(store):
    a_worker(store, an_engine("here", fast=1))
    a_worker(store, an_engine("there", fast=1), worker="worker-2")

    assert take(store, an_accepted_job(store)).engine == "here"
    assert take(store, an_accepted_job(store)).state == "wait"
    assert take(store, an_accepted_job(store), worker="worker-2").engine == "there"
