"""Redis's clock is set back or forward: nothing stands still, nothing is taken from who holds it."""

from __future__ import annotations

import uuid

import pytest

from limner.draft import Draft
from limner.followup import Press
from limner.request import Lane
from limner.store import Trouble
from limner.store.aside import Why
from limner.store.metrics.warning import Code
from limner.store.sessions import Holder
from tests.builders import MESSAGES, WORKER, a_worker, an_accepted_job, an_engine, messages_in
from tests.callback_doubles import a_job, a_poster, done, emit, take, take_one
from tests.conftest import a_while_later
from tests.contract.busy_house import busy
from tests.contract.test_levers import HALTS, WHO

HOUR_S = 3600
DAY_MS = 86_400_000
#: moments of the past that tell when something happened, and that nothing waits for; and of a record, how long its
#: deadline was to be
HISTORY = {
    "created_ms",
    "started_ms",
    "finished_ms",
    "returned_ms",
    "deadline_ms",
    "expires_ms",
    "since",
}
#: the same, by kinds of keys
TOLD = ("schema ", "touched ", "aside_last ")
#: kinds whose order counts, and nothing waits for them
ORDERS = ("jobs:", "tag:", "parked:", "lobby", "fates", "turns ")
#: kinds that are read within a bound by whoever needs them next, which is not all the time
WHEN_USED = (
    *("drafts:", "uploads:", "spent:", "drops ", "session:", "sessions:"),
    *("out:", "host:", "endpoint:", "probation:", "rate:", "wrong "),
    *("folders_seen ", "image_stores_seen ", "pruning ", "reports "),
)


def take_job(store, job, token="t1", worker=WORKER):
    return store.lanes.take(job.id, token, worker, MESSAGES)


def look_around(store, clock, seconds=4, posters=("p1",)):
    """Let some seconds pass in which everybody looks after everything, as they always do."""
    for _ in range(seconds):
        clock.pass_s(1)
        store.lanes.sweep(MESSAGES)
        for poster in posters:
            store.outbox.tick(a_poster(poster))


# -- set back -----------------------------------------------------------------------------------


def test_a_gap_is_no_longer_than_it_is_after_the_clock_was_set_back(store, clock):
    a_worker(store, an_engine(relaxed=5, fast=5, relaxed_gap_s=5))
    first, second, third = (an_accepted_job(store, lane=Lane.RELAXED) for _ in range(3))
    take_job(store, first)
    store.lanes.begin(first.id, "t1")

    clock.pass_s(-HOUR_S)
    assert take_job(store, second, token="t2").again_s == 5
    clock.pass_s(5)
    assert take_job(store, second, token="t2").state == "granted"
    assert store.lanes.begin(second.id, "t2").attempt == 0
    assert take_job(store, third, token="t3").again_s == 5


def test_the_gap_before_a_hand_over_is_no_longer_either(store, clock):
    a_worker(store, an_engine(relaxed=5, fast=5, relaxed_gap_s=5))
    first, second = (an_accepted_job(store, lane=Lane.RELAXED) for _ in range(2))
    take_job(store, first)
    clock.pass_s(5)
    take_job(store, second, token="t2")
    store.lanes.begin(first.id, "t1")

    clock.pass_s(-HOUR_S)
    assert store.lanes.begin(second.id, "t2").wait_s == 5
    clock.pass_s(5)
    assert store.lanes.begin(second.id, "t2").attempt == 0


def test_an_engine_rests_no_longer_than_it_was_to(store, clock):
    a_worker(store)
    job = an_accepted_job(store)
    take_job(store, job)
    down = Trouble(engine_state="down", pause_s=10, pause_max_s=60)
    store.lanes.give_back(job.id, "t1", down, MESSAGES)

    clock.pass_s(-HOUR_S)
    assert take_job(store, job, token="t2").again_s == 10
    assert store.numbers.read().engines[0].paused_s == 10
    clock.pass_s(10)
    assert take_job(store, job, token="t2").state == "granted"


def test_what_operators_see_of_an_engine_is_right_though_no_job_waits(store, clock):
    a_worker(store)
    job = an_accepted_job(store)
    take_job(store, job)
    busy = Trouble(engine_state="busy", pause_s=10, pause_max_s=60)
    store.lanes.give_back(job.id, "t1", busy, MESSAGES)
    store.lanes.cancel(job.id)

    clock.pass_s(-HOUR_S)
    store.lanes.sweep(MESSAGES)
    assert store.numbers.read().engines[0].paused_s == 10


def test_a_probes_rest_is_no_longer_either(store, clock):
    a_worker(store)
    job = an_accepted_job(store)
    take_job(store, job)
    down = Trouble(engine_state="down", pause_s=1, pause_max_s=60)
    store.lanes.give_back(job.id, "t1", down, MESSAGES)
    store.engines.probed("stage", well=False, why="down still", rest_s=5)

    clock.pass_s(-HOUR_S)
    assert take_job(store, job, token="t2").again_s == 5


def test_a_dead_workers_job_is_taken_back_when_no_slot_would_be_kept_any_more(store, clock):
    a_worker(store)
    job = an_accepted_job(store)
    take_job(store, job)

    clock.pass_s(-HOUR_S)
    a_while_later(store, clock, 40, MESSAGES)
    assert store.jobs.get(job.id).status == "waiting"
    # The one that nobody took is enough.
    assert messages_in(store) == [job.id]


def test_a_held_jobs_message_comes_again_within_a_lease(store, clock):
    a_worker(store, an_engine(fast=1))
    drawn, held = (an_accepted_job(store) for _ in range(2))
    take_job(store, drawn)
    take_job(store, held, token="t2")
    store.redis.delete("fast")

    clock.pass_s(-HOUR_S)
    a_while_later(store, clock, 25, MESSAGES)
    assert held.id in messages_in(store)


def test_a_dead_worker_counts_no_longer_than_a_lease(store, clock):
    a_worker(store)

    clock.pass_s(-HOUR_S)
    a_while_later(store, clock, 25, MESSAGES)
    assert store.lanes.workers_seen(Lane.FAST, clock()) == 0


def test_a_lost_message_is_sent_again_as_soon_as_ever(store, clock):
    a_worker(store)
    job = an_accepted_job(store)
    store.redis.delete("fast")
    store.lanes.sweep(MESSAGES)

    clock.pass_s(-HOUR_S)
    a_while_later(store, clock, 10, MESSAGES)
    assert job.id in messages_in(store)


def test_a_job_waits_no_longer_than_the_limit_and_keeps_its_creation(store, clock):
    job = an_accepted_job(store)

    clock.pass_s(-10 * 24 * HOUR_S)
    assert take_job(store, job).state == "wait"
    clock.pass_s(24 * HOUR_S + 1)
    assert take_job(store, job).state == "gone"
    assert store.jobs.get(job.id).reason_code == "waited_too_long"
    assert store.jobs.get(job.id).created_at == job.created_at


@pytest.mark.parametrize(("subject", "name"), HALTS)
def test_what_was_resumed_spares_a_job_the_longest_wait_no_longer_than_it_did(
    store, clock, subject, name
):
    store.clients.add("ann")
    a_worker(store)
    job = an_accepted_job(store)
    store.levers.halt(WHO, subject, name)
    store.levers.override(WHO, "stage", {"fast_slots": 0})
    store.levers.resume(WHO, subject, name)

    clock.pass_s(-10 * 24 * HOUR_S)
    a_worker(store)
    assert take_job(store, job).state == "wait"
    clock.pass_s(24 * HOUR_S)
    a_worker(store)
    assert take_job(store, job).state == "wait"
    clock.pass_s(1)
    a_worker(store)
    assert take_job(store, job).state == "gone"
    assert store.jobs.get(job.id).reason_code == "waited_too_long"


def test_what_was_resumed_spares_its_jobs_though_something_else_is_resumed_after(store, clock):
    store.clients.add("bob")
    a_worker(store)
    job = an_accepted_job(store)
    store.levers.halt(WHO, "lane", "fast")
    store.levers.override(WHO, "stage", {"fast_slots": 0})
    clock.pass_s(3 * 24 * HOUR_S)
    store.levers.resume(WHO, "lane", "fast")

    clock.pass_s(-HOUR_S)
    store.levers.halt(WHO, "client", "bob")
    store.levers.resume(WHO, "client", "bob")

    a_worker(store)
    assert take_job(store, job).state == "wait"


@pytest.mark.parametrize("draws", [False, True])
def test_a_deadline_passes_no_later_than_it_was_to(store, clock, draws):
    a_worker(store)
    job = an_accepted_job(store, deadline_s=60)
    if draws:
        take_job(store, job)

    clock.pass_s(-10 * 24 * HOUR_S)
    look_around(store, clock, 1)
    for _ in range(59):
        look_around(store, clock, 1)
        if draws:
            store.lanes.renew(WORKER, Lane.FAST, ["stage"], {job.id: "t1"})
    assert not store.jobs.get(job.id).status.ended
    look_around(store, clock, 1)
    assert store.jobs.get(job.id).reason_code == "deadline_passed"


def a_kept_draft(store, name):
    press = Press("region", "0" * 32, Lane.FAST, "1" * 32)
    store.drafts.keep("ann", Draft(name, press, store.now()))
    return lambda: store.drafts.find("ann", [name])


def a_kept_upload(store, name):
    fields = {"name": "a.png", "type": "image/png", "size": "9", "sha256": "0"}
    store.uploads.keep("ann", {**fields, "id": name, "key": name}, 9, 1000, HOUR_S)
    return lambda: store.uploads.get("ann", name)


def a_kept_session(store, _name):
    secret = store.sessions.enter_here(Holder.CLIENT, "ann").secret
    return lambda: store.sessions.find(secret)


@pytest.mark.parametrize("keep", [a_kept_draft, a_kept_upload, a_kept_session])
def test_what_is_kept_last_does_not_make_room_for_what_is_of_a_later_time(
    store, clock, monkeypatch, keep
):
    store.clients.add("ann")
    for most in ("drafts.DRAFTS_MOST", "uploads.UPLOADS_MOST", "sessions.SESSIONS_MOST"):
        monkeypatch.setattr(f"limner.store.{most}", 3)
    for name in "xyz":
        keep(store, name)
        clock.pass_s(1)

    clock.pass_s(-10 * 24 * HOUR_S)
    kept = []
    for name in "abc":
        kept.append(keep(store, name))
        assert all(is_there() for is_there in kept)
        clock.pass_s(1)


def test_a_message_that_was_set_aside_is_warned_of_no_longer(store, clock):
    store.aside.put("fast", Why.NO_MESSAGE, b"what?")
    assert store.numbers.read().aside_s == 0

    clock.pass_s(-HOUR_S)
    assert store.numbers.read().aside_s is None


def test_a_clients_rate_opens_again_at_once(store, clock):
    token = store.clients.add("ann", rate_per_s=2).token
    assert [store.clients.admit(token, "here").wait_s for _ in range(3)] == [0, 0, 0.5]

    clock.pass_s(-HOUR_S)
    assert store.clients.admit(token, "here").wait_s <= 0.5
    clock.pass_s(0.5)
    waits = [store.clients.admit(token, "here").wait_s for _ in range(3)]
    assert waits[0] == 0
    assert waits[-1] > 0


def test_the_newest_job_of_a_tag_is_the_one_that_came_last(store, clock):
    tag = uuid.uuid4().hex
    jobs = [an_accepted_job(store, tag=tag).id]
    clock.pass_s(-HOUR_S)
    jobs += [an_accepted_job(store, tag=tag).id for _ in range(3)]

    assert store.jobs.newest_by_tag("ann", tag).id == jobs[-1]
    listed = [job.id for job in store.jobs.page("ann").jobs]
    assert listed == jobs[::-1]
    page = store.jobs.page("ann", limit=2)
    assert [job.id for job in store.jobs.page("ann", cursor=page.cursor).jobs] == jobs[1::-1]


@pytest.mark.parametrize("delay_s", [5, 300])
def test_a_retry_is_no_later_than_it_was_to_be(store, clock, delay_s):
    a_job(store, "j")
    emit(store, "j", "X")
    store.outbox.tick(a_poster())
    done(store, take_one(store), "retry", delay_s=delay_s, health="none")

    clock.pass_s(-HOUR_S)
    look_around(store, clock)
    assert take(store) == []
    clock.pass_s(delay_s)
    store.outbox.tick(a_poster())
    assert take_one(store).event.seq == 1


def test_hundreds_of_retries_are_mended_some_at_a_time(store, clock):
    store.outbox.tick(a_poster())
    for number in range(500):
        emit(store, a_job(store, f"j{number}", f"http://receiver-{number}:80/"), "X")
    poster = a_poster(cap=100, places=2000)
    for taken in take(store, poster, 500):
        done(store, taken, "retry", poster, delay_s=60, health="none")

    clock.pass_s(-HOUR_S)
    look_around(store, clock, 8)
    assert max(score for _, score in store.redis.zrange("limner:due", 0, -1, withscores=True)) <= (
        clock() + 60_000
    )
    assert not store.redis.exists("limner:recheck")


def test_a_breaker_opens_for_one_probe_no_later_than_it_was_to(store, clock):
    store.outbox.tick(a_poster())
    for number in range(6):
        emit(store, a_job(store, f"j{number}"), "X")
    for _ in range(5):
        done(store, take_one(store), "retry", delay_s=HOUR_S)
    assert take(store) == []

    clock.pass_s(-HOUR_S)
    look_around(store, clock)
    clock.pass_s(300)
    look_around(store, clock)
    assert take_one(store).event.seq == 1


def test_a_dead_posters_job_is_posted_by_another_within_a_lease(store, clock):
    a_job(store, "j")
    emit(store, "j", "T")
    store.outbox.tick(a_poster())
    take_one(store)

    clock.pass_s(-HOUR_S)
    # Its lease ends, and then its place at the receiver.
    taken = []
    for _ in range(3):
        look_around(store, clock, 31)
        taken += take(store)
    assert taken[0].event.seq == 1


def test_a_default_url_is_switched_off_no_later_than_ever(store, clock):
    def fail():
        done(store, take_one(store), "retry", health="none", default_of="ann")

    store.clients.add("ann")
    emit(store, a_job(store, "j"), "X")
    fail()
    clock.pass_s(-10 * 24 * HOUR_S)
    for _ in range(20):
        look_around(store, clock, 3)
        fail()
    assert store.outbox.endpoint("ann").disabled_ms is None
    clock.pass_s(120 * HOUR_S)
    emit(store, a_job(store, "k"), "X")
    fail()
    assert store.outbox.endpoint("ann").disabled_ms is not None


def test_an_old_event_is_given_up_no_later_than_ever(store, clock):
    a_job(store, "j")
    emit(store, "j", "T")

    clock.pass_s(-10 * 24 * HOUR_S)
    done(store, take_one(store), "later")
    clock.pass_s(93 * HOUR_S)
    store.outbox.tick(a_poster())
    assert take(store) == []
    assert [letter.why for letter in store.outbox.told("j").dead] == ["expired"]


def test_a_report_of_a_dead_process_lapses_within_an_hour(store, clock):
    store.reports.make(Code.SERVER, "a-host", "The disk is full.")

    clock.pass_s(-10 * 24 * HOUR_S)
    store.reports.make(Code.SERVER, "another", "So is this.")
    clock.pass_s(HOUR_S + 1)
    assert store.numbers.read().reports == ()


def test_no_stored_moment_lies_further_ahead_than_its_interval(store, clock):
    """Whatever is kept, known to this test or not: set back by ten days, nothing waits for them."""
    house = busy(store, clock)

    clock.pass_s(-10 * 24 * HOUR_S)
    house.play(30)

    late = {}
    for key in store.redis.keys("limner:*"):
        kind = store.redis.type(key)
        if kind == "zset":
            found = dict(store.redis.zrange(key, 0, -1, withscores=True))
        elif kind == "hash":
            found = store.redis.hgetall(key)
        elif kind == "string":
            found = {"": store.redis.get(key)}
        else:
            continue
        for name, text in found.items():
            try:
                moment = float(text)
            except ValueError:
                continue
            ahead_ms = moment - clock()
            if 2 * DAY_MS < ahead_ms < 40 * DAY_MS and name not in HISTORY:
                late[f"{key} {name}"] = ahead_ms
    known = tuple(f"limner:{kind}" for kind in (*ORDERS, *TOLD, *WHEN_USED))
    assert {name: ahead_ms for name, ahead_ms in late.items() if not name.startswith(known)} == {}


# -- set forward --------------------------------------------------------------------------------


def test_a_living_worker_keeps_its_job_when_the_clock_is_set_forward(store, clock):
    a_worker(store, an_engine(fast=1))
    drawn, held = (an_accepted_job(store) for _ in range(2))
    take_job(store, drawn)
    take_job(store, held, token="t2")

    clock.pass_s(HOUR_S)
    store.lanes.sweep(MESSAGES)
    assert store.jobs.get(drawn.id).status == "submitted"
    owned = {drawn.id: "t1", held.id: "t2"}
    assert store.lanes.renew(WORKER, Lane.FAST, ["stage"], owned) == set()


def test_a_callback_in_the_hands_of_a_living_poster_is_not_posted_by_another(store, clock):
    a_job(store, "j")
    emit(store, "j", "T")
    emit(store, "j", "X")
    store.outbox.tick(a_poster())
    first = take_one(store)

    clock.pass_s(HOUR_S)
    store.outbox.tick(a_poster("p2"))
    assert take(store, a_poster("p2")) == []
    done(store, first)
    assert take_one(store).event.seq == 2


def test_a_poster_that_died_before_the_clock_was_set_forward_is_spared_once(store, clock):
    a_job(store, "j")
    emit(store, "j", "T")
    store.outbox.tick(a_poster())
    take_one(store)

    for _ in range(2):
        clock.pass_s(HOUR_S)
        store.outbox.tick(a_poster("p2"))
    assert take_one(store, a_poster("p2")).event.seq == 1


def test_a_rate_is_open_when_the_clock_is_set_forward(store, clock):
    token = store.clients.add("ann", rate_per_s=1).token
    store.clients.admit(token, "here")

    clock.pass_s(HOUR_S)
    assert store.clients.admit(token, "here").wait_s == 0
    assert store.clients.admit(token, "here").wait_s == 1
