"""Whose turn it is: the order in which workers take a lane's jobs, by client and share."""

from __future__ import annotations

import itertools
from collections import Counter

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from redis.exceptions import ConnectionError

from limner.job import Picture
from limner.reasons import Reason
from limner.request import Lane
from limner.store import Store
from limner.store.lanes import Result, Trouble
from tests.builders import MESSAGES, a_worker, an_accepted_job, an_engine, messages_in

WORKER = "worker-1"
GRID = Picture("http://limner/grid.png", 1024, 1024)
_tokens = itertools.count(1)


def claim(store, worker=WORKER, lane=Lane.FAST, named="none"):
    """The id of the job that a worker takes next; None: none waits."""
    claimed = store.lanes.claim(lane, f"t{next(_tokens)}", worker, named, MESSAGES)
    return claimed[0] if claimed else None


def claims(store, number):
    return [claim(store) for _ in range(number)]


def change(store, client, **changes):
    """Change a client as operators do."""
    if store.clients.get(client) is None:
        store.clients.add(client)
    store.clients.change(client, **changes)


@pytest.fixture
def roomy(store):
    """An engine with room for whatever is claimed."""
    a_worker(store, an_engine(fast=99_999))
    return store


def test_one_client_alone_is_first_come_first_served(roomy):
    jobs = [an_accepted_job(roomy).id for _ in range(20)]

    assert claims(roomy, 20) == jobs
    assert claim(roomy) is None


def test_whoever_posts_one_job_is_next_whatever_others_have_waiting(roomy):
    many = [an_accepted_job(roomy, client="ann").id for _ in range(1000)]
    assert claims(roomy, 3) == many[:3]

    one = an_accepted_job(roomy, client="bob")

    assert one.position == 1
    assert claims(roomy, 2) == [one.id, many[3]]


def test_clients_take_turns(roomy):
    for client in ("ann", "bob", "cyd"):
        for _ in range(4):
            an_accepted_job(roomy, client=client)

    order = [roomy.jobs.get(job).client for job in claims(roomy, 12)]

    assert order == ["ann", "bob", "cyd"] * 4


def drawn(store, clock, takes_s, **request):
    """Draw a job to its end, alone in the lane."""
    job = an_accepted_job(store, client="eve", **request)
    token = f"t{next(_tokens)}"
    assert store.lanes.take(job.id, token, WORKER, MESSAGES).state == "granted"
    clock.pass_s(takes_s)
    store.lanes.renew(WORKER, Lane.FAST, ["stage"], {})
    store.lanes.done(job.id, token, Result(GRID, (), {}))


@pytest.mark.parametrize("takes_s", [None, 3, 17, 100 / 3], ids=lambda takes_s: f"{takes_s}")
def test_starts_are_as_the_shares_at_every_point(roomy, clock, takes_s):
    for _ in range(5 if takes_s else 0):
        drawn(roomy, clock, 10, count=4)
        drawn(roomy, clock, takes_s, count=1)
    shares = {"ann": 1, "bob": 2, "cyd": 4}
    for client, its in shares.items():
        change(roomy, client, share=its)
        for _ in range(3):
            an_accepted_job(roomy, client=client, count=1)
    started: Counter[str] = Counter()

    for number in range(1, 701):
        client = roomy.jobs.get(claim(roomy)).client
        started[client] += 1
        an_accepted_job(roomy, client=client, count=1)
        for name, its in shares.items():
            assert abs(started[name] - number * its / 7) <= 1, (number, started)


def turns(store, number, **counts):
    """How many of the next jobs are whose, if ann's jobs have four cells and bob's one."""
    for client, count in counts.items():
        for _ in range(number):
            an_accepted_job(store, client=client, count=count)
    return Counter(store.jobs.get(job).client for job in claims(store, number))


def test_a_job_costs_its_client_as_much_as_its_kind_takes(roomy, clock):
    for _ in range(5):
        drawn(roomy, clock, 8, count=4)
        drawn(roomy, clock, 2, count=1)

    assert turns(roomy, 50, ann=4, bob=1) == {"ann": 10, "bob": 40}


@pytest.mark.parametrize(("plain", "other"), [(5, 4), (4, 5), (0, 20)])
def test_before_enough_was_drawn_each_job_costs_the_same(roomy, clock, plain, other):
    for _ in range(plain):
        drawn(roomy, clock, 8, count=4)
    for _ in range(other):
        drawn(roomy, clock, 2, count=1)

    assert turns(roomy, 50, ann=4, bob=1) == {"ann": 25, "bob": 25}


def test_a_kind_costs_at_most_sixteen_times_as_much_as_a_plain_drawing(roomy, clock):
    for _ in range(5):
        drawn(roomy, clock, 1, count=4)
        drawn(roomy, clock, 1000, count=1)

    assert turns(roomy, 34, ann=4, bob=1) == {"ann": 32, "bob": 2}


def test_what_drawings_took_of_late_counts_more_than_what_they_took_long_ago(roomy, clock):
    for _ in range(5):
        drawn(roomy, clock, 8, count=4)
    for seconds in [80] * 20 + [2] * 200:
        drawn(roomy, clock, seconds, count=1)

    assert turns(roomy, 50, ann=4, bob=1) == {"ann": 10, "bob": 40}


def test_many_clients_with_a_job_each_are_first_come_first_served(roomy):
    jobs = [an_accepted_job(roomy, client=f"client-{number}").id for number in range(500)]

    assert claims(roomy, 500) == jobs


def test_nobody_saves_up_by_not_asking(roomy):
    for _ in range(50):
        an_accepted_job(roomy, client="ann")
    claims(roomy, 40)
    for _ in range(10):
        an_accepted_job(roomy, client="bob")

    order = [roomy.jobs.get(job).client for job in claims(roomy, 10)]

    assert Counter(order) == {"ann": 5, "bob": 5}


def test_cancelled_jobs_cost_their_client_nothing(roomy):
    asked = [an_accepted_job(roomy, client="ann") for _ in range(30)]
    other = [an_accepted_job(roomy, client="bob").id for _ in range(3)]
    for job in asked[:-1]:
        roomy.lanes.cancel(job.id)

    assert claims(roomy, 2) in ([asked[-1].id, other[0]], [other[0], asked[-1].id])


def test_a_new_share_counts_from_the_next_job_on(roomy):
    for client in ("ann", "bob"):
        for _ in range(40):
            an_accepted_job(roomy, client=client)
    claims(roomy, 10)
    change(roomy, "bob", share=3)
    claims(roomy, 2)

    order = [roomy.jobs.get(job).client for job in claims(roomy, 20)]

    assert Counter(order)["bob"] in (14, 15, 16)


@pytest.mark.parametrize("given_", ["0", "-1", "nan", "inf", "words", ""])
def test_a_share_that_makes_no_sense_stops_nobody(roomy, given_):
    roomy.redis.hset("limner:client:ann", "share", given_)
    jobs = [an_accepted_job(roomy).id for _ in range(3)]

    assert claims(roomy, 3) == jobs


# -- coming back ----------------------------------------------------------------------------------


def held(store, number):
    """Claims of jobs that no engine has a slot for."""
    return [
        store.lanes.claim(Lane.FAST, f"t{next(_tokens)}", WORKER, "none", MESSAGES)
        for _ in range(number)
    ]


def test_a_job_that_its_worker_let_go_is_the_next_again(store):
    a_worker(store, an_engine(fast=0))
    jobs = [an_accepted_job(store, client=c).id for c in ("ann", "bob", "ann", "bob")]
    first, second, third = (
        store.lanes.claim(Lane.FAST, token, WORKER, "none", MESSAGES)[0] for token in "abc"
    )
    assert [first, second, third] == [jobs[0], jobs[1], jobs[2]]

    store.lanes.let_go(second, "b", MESSAGES)
    store.lanes.let_go(first, "a", MESSAGES)

    assert store.jobs.get(first).position == 2, "one is held still"
    assert claims(store, 3) == [first, second, jobs[3]]


def test_a_job_whose_worker_fell_silent_is_the_next_again(store, clock):
    a_worker(store, an_engine(fast=0))
    jobs = [an_accepted_job(store).id for _ in range(3)]
    assert claim(store) == jobs[0]

    for _ in range(4):
        clock.pass_s(4)
        store.lanes.sweep(MESSAGES)

    assert claims(store, 3) == jobs


def test_a_job_that_an_engine_could_not_draw_is_the_next_again_and_paid_for_once(roomy):
    for _ in range(4):
        an_accepted_job(roomy, client="ann")
        an_accepted_job(roomy, client="bob")
    job, _taken = roomy.lanes.claim(Lane.FAST, "t", WORKER, "none", MESSAGES)

    roomy.lanes.give_back(job, "t", Trouble(), MESSAGES)

    assert claim(roomy) == job
    order = [roomy.jobs.get(job).client for job in claims(roomy, 7)]
    assert order == ["bob", "ann"] * 3 + ["bob"]


def test_jobs_that_come_back_to_their_own_slots_wait_behind_nobody(store, clock):
    a_worker(store, an_engine(fast=2), worker="killed")
    jobs = [an_accepted_job(store).id for _ in range(6)]
    for token in ("a", "b"):
        job, _ = store.lanes.claim(Lane.FAST, token, "killed", "none", MESSAGES)
        store.lanes.keep_handle(job, token, {"run": job}, attach=True)
    a_worker(store, an_engine(fast=2), worker="alive")
    waiting = [store.lanes.claim(Lane.FAST, token, "alive", "none", MESSAGES) for token in "cd"]
    assert [(job, taken.state, taken.choosy) for job, taken in waiting] == [
        (job, "wait", False) for job in jobs[2:4]
    ]

    for _ in range(4):
        clock.pass_s(4)
        store.lanes.renew("alive", Lane.FAST, ["stage"], {jobs[2]: "c", jobs[3]: "d"})
        store.lanes.sweep(MESSAGES)

    assert store.lanes.take(jobs[2], "c", "alive", MESSAGES).choosy
    back = [store.lanes.claim(Lane.FAST, token, "alive", "none", MESSAGES) for token in "ef"]
    assert [(job, taken.state) for job, taken in back] == [(job, "granted") for job in jobs[:2]]
    assert not store.lanes.take(jobs[2], "c", "alive", MESSAGES).choosy


def test_a_slot_is_given_to_no_job_that_a_dead_worker_holds(store, clock):
    for worker in ("killed", "alive"):
        a_worker(store, an_engine(fast=1), worker=worker)
    drawing, held = (an_accepted_job(store).id for _ in range(2))
    hold(store, "killed", 1)
    clock.pass_s(4)
    # Its hold begins, and so ends, later than the lease of the drawing.
    hold(store, "killed", 1)
    statuses = []
    for _ in range(4):
        clock.pass_s(4)
        store.lanes.renew("alive", Lane.FAST, ["stage"], {})
        store.lanes.sweep(MESSAGES)
        statuses.append([store.jobs.get(job).status.value for job in (drawing, held)])

    assert statuses == [["submitted", "waiting"]] * 2 + [["waiting"] * 2] * 2
    assert [claim(store, "alive") for _ in range(2)] == [drawing, held]
    assert store.jobs.get(drawing).status.value == "submitted"


def test_a_job_that_a_dead_worker_holds_keeps_no_slot_from_relaxed_ones(store, clock):
    for worker in ("killed", "alive"):
        a_worker(store, an_engine(fast=1, relaxed=1), worker=worker)
    drawing = an_accepted_job(store).id
    held_by_the_living = hold(store, "alive", 1)
    clock.pass_s(4)
    an_accepted_job(store)
    hold(store, "killed", 1)
    for _ in range(3):
        clock.pass_s(4)
        store.lanes.renew("alive", Lane.FAST, ["stage"], held_by_the_living)
    store.lanes.renew("alive", Lane.RELAXED, ["stage"], {})
    store.lanes.cancel(drawing)

    store.lanes.sweep(MESSAGES)
    assert not store.redis.hexists("limner:stalled", "fast")
    relaxed = an_accepted_job(store, lane=Lane.RELAXED)
    assert claim(store, "alive", Lane.RELAXED) == relaxed.id
    assert store.jobs.get(relaxed.id).status.value == "submitted"


def told(store, *jobs):
    """Of these jobs, which are held, those whose workers have been told to ask again at once."""
    return [job for job in jobs if store.lanes.wait_for_grant(job, 0.01) == 0]


def hold(store, worker, number):
    """So many jobs that a worker takes next, with their tokens."""
    tokens = [f"t{next(_tokens)}" for _ in range(number)]
    return {
        store.lanes.claim(Lane.FAST, token, worker, "none", MESSAGES)[0]: token for token in tokens
    }


@pytest.mark.parametrize("end", ["handed over", "lost"])
def test_a_worker_that_has_enough_is_told_of_a_job_that_came_back_to_its_slot(store, clock, end):
    engines = {"gone": "stage", "elsewhere": "other", "alive": "stage"}
    for worker, name in engines.items():
        a_worker(store, an_engine(name, fast=2), worker=worker)
    jobs = [an_accepted_job(store).id for _ in range(9)]
    drawing = hold(store, "gone", 2)
    for job, token in drawing.items():
        store.lanes.keep_handle(job, token, {"run": job}, attach=True)
    hold(store, "elsewhere", 2)
    # Both engines are full.
    waiting = {worker: hold(store, worker, 1) for worker in engines}
    assert [*waiting["gone"], *waiting["elsewhere"], *waiting["alive"]] == jobs[4:7]
    assert told(store, *jobs[4:]) == []

    if end == "handed over":
        for job, token in drawing.items():
            store.lanes.give_back(job, token, Trouble(), MESSAGES, keep=True)
    else:
        for _ in range(4):
            clock.pass_s(4)
            for worker in ("elsewhere", "alive"):
                store.lanes.renew(worker, Lane.FAST, [engines[worker]], waiting[worker])
            store.lanes.sweep(MESSAGES)

    assert 0 < store.redis.pttl(f"limner:grant:{jobs[6]}") <= 60_000
    assert told(store, *jobs[4:]) == [jobs[6]]


def test_it_is_not_told_to_a_worker_that_died_as_well(store, clock):
    for worker in ("gone", "dead", "alive"):
        a_worker(store, an_engine(fast=2), worker=worker)
    jobs = [an_accepted_job(store).id for _ in range(6)]
    for job, token in hold(store, "gone", 2).items():
        store.lanes.keep_handle(job, token, {"run": job}, attach=True)
    hold(store, "dead", 1)
    waiting = hold(store, "alive", 1)
    assert [*waiting] == [jobs[3]]

    for _ in range(4):
        clock.pass_s(4)
        store.lanes.renew("alive", Lane.FAST, ["stage"], waiting)
        store.lanes.sweep(MESSAGES)

    assert told(store, *jobs[2:]) == [jobs[3]]


def test_nobody_is_told_of_a_job_that_came_back_without_its_slot(store):
    for worker in ("gone", "alive"):
        a_worker(store, an_engine(fast=1), worker=worker)
    jobs = [an_accepted_job(store).id for _ in range(3)]
    ((drawn, token),) = hold(store, "gone", 1).items()
    assert [*hold(store, "alive", 2)] == jobs[1:]

    store.lanes.give_back(drawn, token, Trouble(), MESSAGES)

    # The first that waited is granted what was freed.
    assert store.jobs.get(jobs[1]).status == "submitted"
    assert told(store, jobs[2]) == []


def test_a_job_with_a_slot_of_its_own_goes_before_one_that_came_back_without(store):
    a_worker(store, an_engine(fast=1))
    own, other = (an_accepted_job(store).id for _ in range(2))
    for token, job in (("a", own), ("b", other)):
        assert store.lanes.claim(Lane.FAST, token, WORKER, "none", MESSAGES)[0] == job
    store.lanes.keep_handle(own, "a", {"run": 1}, attach=True)
    store.redis.hset(f"limner:job:{own}", "turn", 99)

    store.lanes.let_go(other, "b", MESSAGES)
    store.lanes.give_back(own, "a", Trouble(), MESSAGES, keep=True)

    job, taken = store.lanes.claim(Lane.FAST, "c", WORKER, "none", MESSAGES)
    assert (job, taken.state) == (own, "granted")


def test_a_slot_goes_to_who_was_taken_first(store):
    a_worker(store, an_engine(fast=0))
    first, second = (an_accepted_job(store).id for _ in range(2))
    claims(store, 2)

    store.engines.register([an_engine(fast=1)])
    store.lanes.sweep(MESSAGES)

    assert store.jobs.get(first).status.value == "submitted"
    assert store.jobs.get(second).status.value == "waiting"


# -- passing over ---------------------------------------------------------------------------------


def test_a_job_that_no_engine_with_room_can_draw_holds_up_nobody(store):
    a_worker(store, an_engine("flat", fast=9), an_engine("tiler", fast=1))
    store.engines.abilities("flat", ["tile"])
    assert claim_of(store, tile=True) == "tiler"
    tiles = [an_accepted_job(store, tile=True, client="ann").id for _ in range(3)]
    plain = [an_accepted_job(store, client="ann").id for _ in range(2)]

    assert claims(store, 2) == plain
    # With nothing else to do, it is held, and gets the next slot.
    assert claim(store) == tiles[0]


def claim_of(store, **request):
    job = an_accepted_job(store, **request)
    assert claim(store) == job.id
    return store.jobs.get(job.id).engine


def test_when_all_is_full_the_first_in_order_is_held(store):
    a_worker(store, an_engine("flat", fast=0), an_engine("tiler", fast=0))
    store.engines.abilities("flat", ["tile"])
    first = an_accepted_job(store, tile=True)
    an_accepted_job(store)

    assert claim(store) == first.id


# -- messages -------------------------------------------------------------------------------------


def test_a_message_is_for_whoevers_turn_it_is(roomy):
    ann = an_accepted_job(roomy)
    bob = an_accepted_job(roomy, client="bob")

    assert claim(roomy, named=bob.id) == ann.id
    assert claim(roomy, named=bob.id) == bob.id
    assert claim(roomy, named=bob.id) is None


def test_a_job_that_waited_too_long_ends_and_the_next_is_taken(roomy, clock):
    late = an_accepted_job(roomy)
    clock.pass_s(86_401)
    fresh = an_accepted_job(roomy)

    assert claim(roomy) == fresh.id
    assert roomy.jobs.get(late.id).reason_code == "waited_too_long"


def test_jobs_of_a_release_without_queues_are_taken_by_their_messages_and_found_by_the_sweep(roomy):
    jobs = [an_accepted_job(roomy).id for _ in range(4)]
    for key in roomy.redis.keys("limner:queue:*"):
        roomy.redis.delete(key)
    roomy.redis.delete("limner:turns:fast", "limner:heads:fast", "limner:ends:fast")

    assert claim(roomy, named=jobs[2]) == jobs[2]
    roomy.lanes.sweep(MESSAGES)

    assert claims(roomy, 3) == [jobs[0], jobs[1], jobs[3]]


def test_there_are_as_many_messages_as_jobs_that_nobody_holds(store, clock):
    a_worker(store, an_engine(fast=0))
    for _ in range(5):
        an_accepted_job(store)
    claims(store, 2)

    for _ in range(3):
        store.lanes.sweep(MESSAGES)
        clock.pass_s(3)

    # The two that were claimed by these tests left their messages: they are too many.
    assert len(messages_in(store)) == 3


# -- positions ------------------------------------------------------------------------------------

ASKED = st.lists(
    st.tuples(
        st.sampled_from(["ann", "bob", "cyd", "dan"]), st.sampled_from(["ask", "ask", "take"])
    ),
    min_size=1,
    max_size=40,
)
SHARES = st.fixed_dictionaries({c: st.sampled_from([1, 2, 3, 0.5]) for c in ("ann", "bob", "cyd")})


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(ASKED, SHARES)
def test_positions_are_the_order_in_which_jobs_are_taken(redis_url, asked, shares):
    store = Store(redis_url)
    store.redis.flushall()
    a_worker(store, an_engine(fast=99_999))
    for client, its in shares.items():
        change(store, client, share=its)
    jobs = []
    for client, what in asked:
        if what == "ask":
            job = an_accepted_job(store, client=client)
            assert job.position == store.jobs.get(job.id).position
            jobs.append(job.id)
        else:
            claim(store)

    shown = {job: store.jobs.get(job).position for job in jobs}

    waiting = sorted((at, job) for job, at in shown.items() if at is not None)
    assert [at for at, _ in waiting] == list(range(1, len(waiting) + 1))
    assert claims(store, len(waiting)) == [job for _, job in waiting]
    store.close()


# -- how long it may take -------------------------------------------------------------------------


def stands(store, job):
    return store.jobs.get(job.id).standing


def test_own_jobs_that_go_before_are_counted(roomy):
    for _ in range(3):
        an_accepted_job(roomy, client="bob")
    jobs = [an_accepted_job(roomy, client="ann") for _ in range(3)]

    assert [stands(roomy, job).ahead for job in jobs] == [0, 1, 2]
    assert [job.standing.ahead for job in jobs] == [0, 1, 2]


def test_nothing_is_said_of_the_time_before_enough_was_started(roomy, clock):
    for _ in range(9):
        an_accepted_job(roomy)
    for _ in range(5):
        claim(roomy)
        clock.pass_s(2)

    assert stands(roomy, an_accepted_job(roomy)).starts_in_s is None
    claim(roomy)
    assert stands(roomy, an_accepted_job(roomy)).starts_in_s == pytest.approx(10, abs=0.01)


def test_time_in_which_nobody_waited_is_no_pace(roomy, clock):
    for _ in range(8):
        an_accepted_job(roomy)
    for _ in range(8):
        claim(roomy)
        clock.pass_s(2)
    clock.pass_s(3000)
    an_accepted_job(roomy)
    claim(roomy)

    assert stands(roomy, an_accepted_job(roomy)).starts_in_s == pytest.approx(2, abs=0.01)


def test_the_pace_of_late_counts_more_than_that_of_old(roomy, clock):
    for _ in range(90):
        an_accepted_job(roomy)
    for seconds in [10] * 30 + [1] * 50:
        claim(roomy)
        clock.pass_s(seconds)
    claim(roomy)
    first = roomy.jobs.page("ann", limit=1, status=None).jobs[0]

    assert first.standing.starts_in_s / first.standing.position < 2


# -- as much in flight as a client may have -------------------------------------------------------


def running(store, client):
    return store.redis.scard(f"limner:runs:{client}")


def test_a_client_has_no_more_in_flight_than_it_may_and_the_others_go_on(roomy):
    change(roomy, "ann", in_flight=2)
    for _ in range(6):
        an_accepted_job(roomy, client="ann")
    others = [an_accepted_job(roomy, client="bob").id for _ in range(3)]

    claimed = claims(roomy, 5)

    assert set(others) < set(claimed)
    assert (running(roomy, "ann"), running(roomy, "bob")) == (2, 3)


def test_a_job_that_waits_for_its_client_starts_when_another_one_ends(roomy):
    change(roomy, "ann", in_flight=1)
    jobs = [an_accepted_job(roomy, client="ann").id for _ in range(2)]
    first, _ = roomy.lanes.claim(Lane.FAST, "a", WORKER, "none", MESSAGES)
    second, taken = roomy.lanes.claim(Lane.FAST, "b", WORKER, "none", MESSAGES)
    assert ([first, second], taken.state, taken.choosy) == (jobs, "wait", True)
    assert roomy.lanes.verdicts(second) == {"stage": "capped"}

    roomy.lanes.failed(first, "a", "No.", Reason.MODERATED)

    assert roomy.jobs.get(second).status.value == "submitted"


def test_each_lane_is_capped_for_itself(roomy):
    roomy.engines.register([an_engine(fast=9, relaxed=9)])
    change(roomy, "ann", in_flight=1)
    an_accepted_job(roomy, client="ann", lane=Lane.RELAXED)
    an_accepted_job(roomy, client="ann")

    assert claim(roomy, lane=Lane.RELAXED)
    assert claim(roomy)
    assert running(roomy, "ann") == 2


def test_a_capped_fast_job_keeps_no_slot_from_relaxed_ones(roomy):
    roomy.engines.register([an_engine(fast=2, relaxed=2)])
    change(roomy, "ann", in_flight=1)
    for _ in range(2):
        an_accepted_job(roomy, client="ann")
    relaxed = an_accepted_job(roomy, client="bob", lane=Lane.RELAXED)
    claims(roomy, 2)

    assert claim(roomy, lane=Lane.RELAXED) == relaxed.id
    assert roomy.jobs.get(relaxed.id).status.value == "submitted"


def test_while_all_is_full_the_jobs_of_a_capped_client_are_not_held_for_others(store):
    a_worker(store, an_engine(fast=1))
    change(store, "ann", in_flight=1)
    an_accepted_job(store, client="ann")
    claim(store)
    an_accepted_job(store, client="ann")
    other = an_accepted_job(store, client="bob")

    assert claim(store) == other.id


def test_jobs_of_a_client_that_is_kept_back_keep_no_slot_from_relaxed_ones(store):
    a_worker(store, an_engine(fast=1, relaxed=1))
    change(store, "ann", in_flight=0)
    an_accepted_job(store, client="ann")
    relaxed = an_accepted_job(store, client="bob", lane=Lane.RELAXED)

    assert claim(store, lane=Lane.RELAXED) == relaxed.id
    assert store.jobs.get(relaxed.id).status.value == "submitted"


def test_among_many_clients_a_position_is_an_estimate(roomy):
    for number in range(40):
        for _ in range(5):
            an_accepted_job(roomy, client=f"client-{number}")
    newcomer = an_accepted_job(roomy, client="new")
    third = [an_accepted_job(roomy, client="new") for _ in range(2)][-1]

    assert newcomer.position == 41
    assert third.position == pytest.approx(123, abs=5)


# -- to the front ---------------------------------------------------------------------------------


def test_a_job_that_an_operator_moves_to_the_front_is_the_next(roomy):
    jobs = [an_accepted_job(roomy, client=c).id for c in ("ann", "ann", "bob", "ann")]

    assert roomy.lanes.to_front(jobs[3], "cli:eve") == "moved"
    assert roomy.jobs.get(jobs[3]).position == 1

    assert claims(roomy, 4) == [jobs[3], jobs[0], jobs[2], jobs[1]]
    (line,) = roomy.levers.audit(5)
    assert (line.who, line.what, line.after) == (
        "cli:eve",
        f"job {jobs[3]}",
        {"moved": "to the front"},
    )


def test_the_last_that_is_moved_is_the_first(roomy):
    jobs = [an_accepted_job(roomy).id for _ in range(4)]
    roomy.lanes.to_front(jobs[2], "eve")
    roomy.lanes.to_front(jobs[3], "eve")
    roomy.lanes.to_front(jobs[3], "eve")

    assert claims(roomy, 4) == [jobs[3], jobs[2], jobs[0], jobs[1]]


def test_a_job_that_was_moved_goes_before_one_that_came_back(store):
    a_worker(store, an_engine(fast=0))
    jobs = [an_accepted_job(store).id for _ in range(3)]
    store.lanes.claim(Lane.FAST, "a", WORKER, "none", MESSAGES)
    store.lanes.let_go(jobs[0], "a", MESSAGES)

    store.lanes.to_front(jobs[2], "eve")

    assert claims(store, 3) == [jobs[2], jobs[0], jobs[1]]


def test_only_a_job_that_waits_can_be_moved(store):
    a_worker(store, an_engine(fast=1))
    running, ended = (an_accepted_job(store).id for _ in range(2))
    store.lanes.cancel(ended)
    claims(store, 1)

    said = [store.lanes.to_front(job, "eve") for job in (running, ended, "f" * 32)]

    assert said == ["running", "ended", "unknown"]
    assert store.levers.audit(5) == ()


def test_jobs_that_workers_hold_get_their_slots_in_the_order_in_which_they_were_moved(store):
    a_worker(store, an_engine(fast=0))
    held, waiting = [an_accepted_job(store).id for _ in range(3)], an_accepted_job(store).id
    claims(store, 3)

    moved = [held[2], waiting, held[1]]
    assert [store.lanes.to_front(job, "eve") for job in moved] == ["moved"] * 3
    order = [held[1], held[2], held[0], waiting]
    assert [store.jobs.get(job).position for job in order] == [1, 2, 3, 4]

    claims(store, 1)
    order = [held[1], waiting, held[2], held[0]]
    assert [store.jobs.get(job).position for job in order] == [1, 2, 3, 4]
    a_worker(store, an_engine(fast=2))
    an_accepted_job(store)
    claims(store, 1)
    assert [store.jobs.get(job).status.value for job in order] == ["submitted"] * 2 + [
        "waiting"
    ] * 2


# -- a claim whose answer is lost -----------------------------------------------------------------


@pytest.mark.parametrize("slots", [1, 0], ids=["granted", "held"])
def test_a_claim_that_is_asked_again_takes_the_same_job_and_no_other(store, slots):
    a_worker(store, an_engine(fast=slots))
    first, _second = (an_accepted_job(store).id for _ in range(2))

    asked = [
        store.lanes.claim(Lane.FAST, "t", WORKER, "none", MESSAGES, begin=True) for _ in range(3)
    ]

    assert [job for job, _ in asked] == [first] * 3
    assert {taken.state for _, taken in asked} == {"granted" if slots else "wait"}
    assert {taken.attempt for _, taken in asked} == {0 if slots else None}
    assert store.redis.hget(f"limner:job:{first}", "attempts") == ("1" if slots else None)


def a_lapsed_hold(store, clock) -> str:
    """A job whose worker died with it: the next script finds that it has no message."""
    a_worker(store, an_engine(fast=0))
    job = an_accepted_job(store).id
    store.lanes.claim(Lane.FAST, "t", WORKER, "none", MESSAGES)
    store.redis.delete("fast")
    a_worker(store, an_engine(fast=0), worker="worker-2")
    for _ in range(4):
        clock.pass_s(5)
        store.lanes.renew("worker-2", Lane.FAST, ["stage"], {})
    return job


class Away:
    """Messages whose sending finds Redis gone."""

    def fill(self, _lane: Lane, _job_id: str) -> str:
        raise ConnectionError


@pytest.mark.parametrize("messages", [None, Away()], ids=["not rendered", "not sent"])
def test_a_claim_holds_even_if_a_message_cannot_be_sent(store, clock, messages):
    lapsed = a_lapsed_hold(store, clock)

    job, _taken = store.lanes.claim(Lane.FAST, "u", "worker-2", "none", messages)

    assert job == lapsed
    assert store.redis.hget(f"limner:job:{lapsed}", "token") == "u"
