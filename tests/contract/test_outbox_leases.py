"""Who holds a job's callbacks: reports that come late, twice or from nobody; places that come back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from limner.store.outbox import Fenced, Next, Released
from tests.callback_doubles import a_job, a_poster, done, emit, let_time_pass, take, take_one
from tests.contract.outbox_view import everything

HOST = "http://receiver:80"
EVERY_VERDICT = pytest.mark.parametrize("verdict", ["ok", "retry", "dead", "drop", "gone", "later"])


def held(store, kinds="TX", job="j"):
    """The job's first event in a poster's hands, with the others behind it."""
    a_job(store, job)
    for kind in kinds:
        emit(store, job, kind)
    return take_one(store)


@EVERY_VERDICT
@pytest.mark.parametrize("wrong", ["token", "no token", "seq"])
def test_a_report_of_whoever_does_not_hold_the_job_changes_nothing_at_all(store, verdict, wrong):
    taken = held(store)
    taken = {
        "token": replace(taken, token=taken.token + "x"),
        "no token": replace(taken, token=""),
        "seq": replace(taken, event=replace(taken.event, seq=2)),
    }[wrong]
    before = everything(store)

    report = {"attempt": {"status": 200}, "why": "x", "default_of": "ann", "go_on": True}
    assert isinstance(done(store, taken, verdict, **report), Fenced)
    assert everything(store) == before


@EVERY_VERDICT
@pytest.mark.parametrize("go_on", [True, False])
@pytest.mark.parametrize("resent", [True, False])
def test_a_report_whose_answer_was_lost_is_not_counted_twice(store, verdict, go_on, resent):
    """The connection broke after the script had run, and redis-py called it once more."""
    taken = held(store, "TTX")
    if resent:
        for _ in range(3):
            done(store, taken, "dead", why="x", health="none")
            taken = next(iter(take(store)), None)
        store.outbox.resend("j")
        taken = take_one(store)
        assert taken.event.resent
    report = {"attempt": {"status": 200}, "why": "x", "default_of": "ann", "go_on": go_on}
    assert isinstance(done(store, taken, verdict, **report), (Next, Released))
    before = everything(store)

    assert isinstance(done(store, taken, verdict, **report), Fenced)
    assert everything(store) == before


def test_a_hand_over_whose_answer_was_lost_is_made_good_when_its_lease_ends(store, clock):
    taken = held(store)
    done(store, taken, "ok", go_on=True)
    let_time_pass(store, clock, 29.999)
    store.outbox.tick(a_poster())
    assert take(store) == []
    let_time_pass(store, clock, 0.001)
    store.outbox.tick(a_poster())

    again = take_one(store)
    assert (again.event.seq, again.tried) == (2, 0)


def test_a_late_report_of_progress_that_gave_its_place_away_is_fenced(store, clock):
    taken = held(store, "P")
    clock.pass_s(31)
    assert emit(store, "j", "P", progress=50) == 2

    assert isinstance(done(store, taken, "ok"), Fenced)
    assert [event.seq for event in store.outbox.told("j").pending] == [2]


def test_a_late_report_of_an_event_that_was_never_in_hand_is_fenced(store, clock):
    taken = held(store, "P")
    clock.pass_s(31)
    assert emit(store, "j", "T") == 2

    assert isinstance(done(store, replace(taken, event=replace(taken.event, seq=2))), Fenced)
    assert [event.seq for event in store.outbox.told("j").pending] == [2]


def test_a_late_report_counts_as_long_as_nobody_else_has_the_job(store, clock):
    taken = held(store)
    clock.pass_s(600)

    assert isinstance(done(store, taken, "ok"), Released)
    assert [event.seq for event in store.outbox.told("j").pending] == [2]


def test_a_late_report_does_not_go_on_in_a_place_that_may_be_anothers(store, clock):
    for job in ("j", "k"):
        emit(store, a_job(store, job), "T")
    late = take_one(store)
    emit(store, "j", "T")
    let_time_pass(store, clock, 31)
    assert take_one(store).event.job == "k", "an unproven receiver has one place"

    assert isinstance(done(store, late, "ok", go_on=True), Released)
    assert [(taken.event.job, taken.event.seq) for taken in take(store)] == [("j", 2)]


@pytest.mark.parametrize(("verdict", "go_on"), [("ok", True), ("ok", False), ("retry", True)])
def test_a_late_report_of_a_job_that_was_parked_meanwhile_ends_its_parking(
    store, clock, verdict, go_on
):
    taken = held(store, "T")
    emit(store, a_job(store, "mate"), "X")
    emit(store, "j", "X")
    let_time_pass(store, clock, 31)
    store.outbox.tick(a_poster())
    # The mate has the receiver's only place now, and nobody is told that the lease ended.
    assert [t.event.job for t in take(store)] == ["mate"]
    assert store.outbox.told("j").parked
    done(store, taken, verdict, go_on=go_on, delay_s=5)

    assert not store.outbox.told("j").parked
    assert not store.redis.exists("limner:parked", "limner:parkedat")
    assert store.redis.zscore("limner:due", "j")


def test_a_report_of_the_event_before_is_fenced_while_the_next_is_in_hand(store):
    taken = held(store)
    following = done(store, taken, "ok", go_on=True).taken

    assert isinstance(done(store, taken, "dead", why="x"), Fenced)
    assert isinstance(done(store, following, "ok"), Released)
    assert store.outbox.dead() == []


def test_going_on_renews_the_lease(store, clock):
    taken = held(store)
    clock.pass_s(20)
    following = done(store, taken, "ok", go_on=True).taken
    assert not following.event.resent
    emit(store, a_job(store, "mate"), "X")
    clock.pass_s(20)
    store.outbox.tick(a_poster(cap=1))

    # Neither the job nor its place is free.
    assert take(store, a_poster(cap=1)) == []
    assert store.outbox.told("j").waits_for.value == "sending"
    assert isinstance(done(store, following, "ok"), Released)


@EVERY_VERDICT
def test_a_place_comes_back_however_the_attempt_ended(store, verdict):
    poster = a_poster(cap=1, places=1)
    taken = held(store, "X")
    emit(store, a_job(store, "k", "http://other/"), "X")
    assert take(store, poster) == []
    done(store, taken, verdict, poster, why="x", health="none", delay_s=60)

    assert [t.event.job for t in take(store, poster)] == ["k"]
    for name in (f"flights:ann {HOST}", f"flights:{HOST}", f"trials:{HOST}"):
        assert not store.redis.exists(f"limner:{name}")


def test_what_a_poster_puts_off_is_tried_when_it_said_and_spends_nothing(store, clock):
    done(store, held(store, "X"), "later", delay_s=1)
    store.outbox.tick(a_poster())
    assert take(store) == []
    clock.pass_s(1)
    store.outbox.tick(a_poster())

    taken = take_one(store)
    assert (taken.event.seq, taken.tried) == (1, 0)
    assert store.outbox.told("j").attempts == ()


def test_a_receiver_that_becomes_proven_leaves_the_probation_while_its_job_goes_on(store):
    poster = a_poster(cap=2, places=1)
    taken = held(store)
    emit(store, a_job(store, "mate"), "X")
    emit(store, a_job(store, "k", "http://stranger/", "bob"), "X")
    assert take(store, poster) == []
    following = done(store, taken, "ok", poster, go_on=True).taken
    assert following.event.seq == 2
    assert not store.redis.exists(f"limner:trials:{HOST}", "limner:probation:p1:ann")

    # Its own mates at once, and whoever waits for the probation at the next tick.
    assert [t.event.job for t in take(store, poster)] == ["mate"]
    store.outbox.tick(poster)
    assert [t.event.job for t in take(store, poster)] == ["k"]


def test_a_stranger_keeps_its_place_while_its_job_goes_on(store):
    poster = a_poster(cap=2, places=1)
    taken = held(store)
    assert isinstance(done(store, taken, "dead", poster, why="x", go_on=True), Next)
    emit(store, a_job(store, "k", "http://stranger/", "bob"), "X")

    assert take(store, poster) == []


def test_an_event_in_hand_has_no_more_tries_when_others_give_way_behind_it(store):
    done(store, held(store, "T"), "retry", health="none")
    store.outbox.tick(a_poster())
    taken = take_one(store)
    assert taken.tried == 1
    for _ in range(6):
        emit(store, "j", "T")
    assert [letter.event.seq for letter in store.outbox.told("j").dead] == [2, 3]
    done(store, taken, "retry", health="none")
    store.outbox.tick(a_poster())

    assert (take_one(store).tried, store.outbox.told("j").pending[0].seq) == (2, 1)


def test_what_went_well_and_what_did_not_is_counted_once_each(store, clock):
    taken = held(store, "TTTTX")
    clock.pass_s(3)
    for verdict in ("ok", "later", "retry", "dead", "drop"):
        done(store, taken, verdict, why="x", health="none")
        store.outbox.tick(a_poster())
        taken = take_one(store)

    numbers = store.numbers.read()
    tried = dict.fromkeys([("ok",), ("retry",), ("dead",), ("drop",)], 1)
    assert numbers.counts["attempts"] == tried
    assert numbers.durations["told"][("T",)].sum_ms == 3000


def test_a_resent_event_is_no_delay_of_the_gateways(store, clock):
    done(store, held(store, "X"), "dead", why="x", health="none")
    clock.pass_s(86400)
    store.outbox.resend("j")
    done(store, take_one(store), "ok")

    assert "told" not in store.numbers.read().durations


# -- resending --------------------------------------------------------------------------------


def all_dead(store, kinds="TTX"):
    taken = held(store, kinds)
    while taken:
        done(store, taken, "dead", why="x", health="none")
        taken = next(iter(take(store)), None)


def test_one_dead_letter_of_several_is_resent_and_the_others_stay(store):
    all_dead(store)
    assert store.outbox.resend("j", seq=2) == 1
    assert store.outbox.resend("j", seq=9) == 0
    taken = take_one(store)
    assert (taken.event.seq, taken.event.resent, taken.tried) == (2, True, 0)
    done(store, taken, "ok")

    assert [letter.event.seq for letter in store.outbox.dead()] == [1, 3]
    assert take(store) == []


def test_a_job_is_listed_until_its_last_dead_letter_was_taken(store):
    all_dead(store)
    store.outbox.resend("j")
    taken = take_one(store)
    for seq in (1, 2, 3):
        assert store.redis.zscore("limner:dead", "j")
        assert taken.event.seq == seq
        taken = getattr(done(store, taken, "ok", go_on=True), "taken", None)
    assert store.redis.zscore("limner:dead", "j") is None


def test_resending_anew_gives_the_tries_of_the_short_budget_back(store):
    all_dead(store, "X")
    store.outbox.resend("j")
    done(store, take_one(store), "retry", delay_s=300, health="none")
    assert take(store) == []
    # Somebody asks again: the event is on its list already, and a letter beside it is not.
    assert store.outbox.resend("j") == 0
    store.redis.delete("limner:resend:j")
    assert store.outbox.resend("j") == 1

    assert take_one(store).tried == 0


def test_resending_does_not_hurry_a_live_event_that_rests(store, clock):
    all_dead(store, "T")
    emit(store, "j", "T")
    done(store, take_one(store), "retry", delay_s=300, health="none")
    assert store.outbox.resend("j") == 1
    assert take(store) == []
    clock.pass_s(300)
    store.outbox.tick(a_poster())

    taken = take_one(store)
    assert (taken.event.seq, taken.event.resent, taken.tried) == (2, False, 1)


def test_resending_while_an_event_is_in_hand_waits_for_it(store):
    all_dead(store, "T")
    emit(store, "j", "X")
    taken = take_one(store)
    store.outbox.resend("j")
    assert take(store) == []
    following = done(store, taken, "ok", go_on=True).taken

    assert (following.event.seq, following.event.resent) == (1, True)


def test_resending_while_parked_waits_for_the_place(store):
    first = held(store, "X", "first")
    emit(store, a_job(store, "k"), "T")
    assert take(store) == []
    emit(store, "k", "X")
    # A dead letter of an earlier life of the job.
    store.redis.rpush("limner:dead:k", store.redis.lindex("limner:outq:k", 0))
    assert store.outbox.resend("k") == 1
    assert store.redis.zscore("limner:due", "k") is None
    done(store, first, "ok")

    assert take_one(store).event.job == "k"


@pytest.mark.parametrize("hinted", [True, False])
def test_a_take_that_is_asked_again_gives_the_same_jobs_and_tokens(store, hinted):
    """The answer to the first was lost with its connection, and nobody else could post these."""
    jobs = [a_job(store, f"j{n}", f"http://receiver-{n}:80/hook") for n in range(3)]
    for job in jobs:
        emit(store, job, "T")
    hint = store.outbox.wait(1) if hinted else None

    first, again = (store.outbox.take(a_poster(), 2, "t", hint) for _ in range(2))

    assert len(first) == 2
    assert again == first
    assert [claim.event.job for claim in take(store)] == [jobs[2]]
    for claim in first:
        assert isinstance(done(store, claim), Released)
    assert store.outbox.take(a_poster(), 2, "t") == [], "they are done"
