"""How the outbox behaves: order, leases, replacing, dead letters, resending; against a real server."""

from __future__ import annotations

from limner.callback.policy import CHANGING
from limner.store.outbox import Fenced, Next
from limner.store.scripts import _read
from tests.callback_doubles import a_job, a_poster, done, emit, take, take_one, tell_all


def queue(store, job):
    return [(e.seq, e.kind.value) for e in store.outbox.told(job).pending]


def test_the_python_and_the_lua_list_of_changing_fields_are_one():
    listed = _read("lib_outbox").partition("CHANGING = {")[2].partition("}")[0]

    assert {word.strip(" \n'") for word in listed.split(",") if word.strip()} == CHANGING


def test_events_are_handed_out_one_at_a_time_in_their_order(store):
    a_job(store, "j")
    for kind in "TTX":
        emit(store, "j", kind)

    taken = take_one(store)

    assert take(store) == []
    assert taken.event.seq == 1
    result = done(store, taken, "ok", go_on=True)
    assert isinstance(result, Next)
    assert result.taken.event.seq == 2
    done(store, result.taken, "ok")
    assert take_one(store).event.seq == 3


def test_an_event_shows_the_job_as_it_was_when_it_happened(store):
    a_job(store, "j")
    emit(store, "j", "T", "submitted")
    emit(store, "j", "T", "drawing", 0)
    emit(store, "j", "P", "drawing", 40)

    assert take_one(store).event.fields["status"] == "submitted"
    assert store.redis.hget("limner:job:j", "progress") == "40"


def test_progress_that_nobody_saw_gives_way_to_newer_and_keeps_its_seq(store):
    a_job(store, "j")
    emit(store, "j", "T")
    seqs = [emit(store, "j", "P", progress=p) for p in (10, 20, 30)]

    assert seqs == [2, 2, 2]
    assert queue(store, "j") == [(1, "T"), (2, "P")]
    assert store.outbox.told("j").pending[-1].fields["progress"] == "30"


def test_progress_in_flight_is_not_replaced(store):
    a_job(store, "j")
    emit(store, "j", "P", progress=10)
    flying = take_one(store)
    emit(store, "j", "P", progress=20)

    assert queue(store, "j") == [(1, "P"), (2, "P")]
    done(store, flying)
    assert tell_all(store) == [2]


def test_progress_that_failed_is_replaced_under_a_new_seq(store):
    a_job(store, "j")
    emit(store, "j", "P", progress=10)
    done(store, take_one(store), "retry", delay_s=5)

    assert emit(store, "j", "P", progress=20) == 2
    assert queue(store, "j") == [(2, "P")]


def test_progress_that_failed_is_dropped_if_newer_waits_behind_it(store):
    a_job(store, "j")
    emit(store, "j", "P", progress=10)
    flying = take_one(store)
    emit(store, "j", "P", progress=20)
    done(store, flying, "retry", delay_s=5)

    assert queue(store, "j") == [(2, "P")]
    assert take_one(store).tried == 0


def test_nothing_follows_the_terminal_event(store):
    a_job(store, "j")
    emit(store, "j", "T")
    emit(store, "j", "X")
    emit(store, "j", "P")
    emit(store, "j", "T")

    assert queue(store, "j") == [(1, "T"), (2, "X")]
    assert store.redis.hget("limner:job:j", "seq") == "2"


def test_a_poster_that_lost_its_lease_changes_nothing(store, clock):
    a_job(store, "j")
    emit(store, "j", "T")
    old = take_one(store)
    for _ in range(4):
        clock.pass_s(10)
        store.outbox.tick(a_poster())
    new = take_one(store)

    assert isinstance(done(store, old, "dead"), Fenced)
    assert new.event == old.event
    done(store, new)
    assert queue(store, "j") == []


def test_a_hint_that_was_lost_is_found_again(store, clock):
    a_job(store, "j")
    emit(store, "j", "T")
    assert store.outbox.wait(1) == "j"

    clock.pass_s(2)
    store.outbox.tick(a_poster())

    assert take_one(store).event.seq == 1


def test_more_jobs_than_hints_are_kept_are_all_found(store, clock):
    for n in range(1100):
        emit(store, a_job(store, f"j{n}", f"http://r{n}/"), "X")
    found = 0
    for _ in range(300):
        clock.pass_s(0.1)
        store.outbox.tick(a_poster())
        found += len(tell_all(store))

    assert found == 1100


def test_a_job_that_returns_to_its_lane_again_and_again_keeps_a_short_queue(store):
    a_job(store, "j")
    for _ in range(20):
        for kind, status in (("T", "submitted"), ("T", "drawing"), ("P", ""), ("T", "waiting")):
            emit(store, "j", kind, status)
            assert len(queue(store, "j")) <= 6
    emit(store, "j", "P")
    emit(store, "j", "X")

    told = store.outbox.told("j")
    assert len(told.pending) <= 6
    assert {letter.why for letter in told.dead} == {"superseded"}
    # Nothing is gone: what is not in the queue is listed, in order.
    seqs = [letter.event.seq for letter in told.dead] + [e.seq for e in told.pending]
    assert seqs == sorted(seqs)
    assert len(seqs) == 61


def test_an_event_given_up_is_a_dead_letter_and_the_next_one_goes_on(store):
    a_job(store, "j")
    emit(store, "j", "T")
    emit(store, "j", "X")
    done(store, take_one(store), "dead", why="rejected")

    assert [(d.event.seq, d.why) for d in store.outbox.dead()] == [(1, "rejected")]
    assert tell_all(store) == [2]


def test_a_gone_receiver_gets_nothing_more_and_all_of_it_is_listed(store):
    a_job(store, "j")
    for kind in "TTP":
        emit(store, "j", kind)
    done(store, take_one(store), "gone", why="gone")

    assert queue(store, "j") == []
    assert [d.event.seq for d in store.outbox.told("j").dead] == [1, 2]


def test_what_happens_after_a_410_is_a_dead_letter_at_once(store, clock):
    a_job(store, "j")
    emit(store, "j", "T")
    done(store, take_one(store), "gone", why="gone")
    for kind in "TPX":
        emit(store, "j", kind)

    assert take(store) == []
    letters = [(d.event.seq, d.event.kind.value, d.why) for d in store.outbox.told("j").dead]
    assert letters == [(1, "T", "gone"), (2, "T", "gone"), (4, "X", "gone")]
    # The outbox of the ended job is closed all the same.
    assert store.redis.pttl("limner:out:j") > 0
    assert store.redis.pttl("limner:dead:j") > 0
    assert not store.redis.exists("limner:due")
    assert store.outbox.resend("j") == 3
    assert tell_all(store) == [1, 2, 4]
    assert store.outbox.dead() == []


def test_a_410_to_what_is_resent_ends_the_live_events_too(store):
    a_job(store, "j")
    emit(store, "j", "T")
    done(store, take_one(store), "dead", why="exhausted")
    store.outbox.resend("j")
    again = take_one(store)
    emit(store, "j", "T")
    done(store, again, "gone", why="gone")
    emit(store, "j", "T")

    assert take(store) == []
    letters = [(d.event.seq, d.why) for d in store.outbox.told("j").dead]
    assert letters == [(1, "exhausted"), (2, "gone"), (3, "gone")]


def test_a_resent_event_that_fails_after_a_410_changes_nothing(store):
    a_job(store, "j")
    emit(store, "j", "T")
    done(store, take_one(store), "gone", why="gone")
    store.outbox.resend("j")
    done(store, take_one(store), "dead", why="exhausted", health="none")
    emit(store, "j", "X")

    assert take(store) == []
    letters = [(d.event.seq, d.why) for d in store.outbox.told("j").dead]
    assert letters == [(1, "gone"), (2, "gone")]


def test_a_receiver_that_takes_a_resent_event_after_a_410_hears_of_the_job_again(store):
    a_job(store, "j")
    emit(store, "j", "T")
    done(store, take_one(store), "gone", why="gone")
    store.outbox.resend("j")
    assert tell_all(store) == [1]
    emit(store, "j", "X")

    assert tell_all(store) == [2]


def test_dead_letters_are_resent_behind_live_events_with_the_same_id(store):
    a_job(store, "j")
    emit(store, "j", "T")
    emit(store, "j", "T")
    first = take_one(store)
    done(store, first, "dead", why="exhausted")

    assert store.outbox.resend("j") == 1
    assert store.outbox.resend("j") == 0

    live = take_one(store)
    assert live.event.seq == 2
    assert not live.event.resent
    again = done(store, live, go_on=True).taken
    assert again.event.resent
    assert (again.event.id, again.event.fields) == (first.event.id, first.event.fields)
    done(store, again)
    assert store.outbox.dead() == []


def test_a_resent_event_that_fails_again_stays_a_dead_letter(store):
    a_job(store, "j")
    emit(store, "j", "X")
    done(store, take_one(store), "dead", why="exhausted")
    store.outbox.resend("j")
    done(store, take_one(store), "dead", why="exhausted")

    assert [d.event.seq for d in store.outbox.dead()] == [1]
    assert store.outbox.resend("j") == 1


def test_without_dead_letters_the_terminal_event_is_resent(store):
    a_job(store, "j")
    emit(store, "j", "T")
    emit(store, "j", "X")
    assert store.outbox.resend("j", seq=1) == 0
    tell_all(store)

    assert store.outbox.resend("j") == 1
    taken = take_one(store)
    assert taken.event.seq == 2
    assert taken.event.id.startswith("msg_j_2_")
    assert taken.event.resent


def test_a_hundred_attempts_of_a_job_are_kept(store, clock):
    a_job(store, "j")
    emit(store, "j", "X")
    for n in range(120):
        done(store, take_one(store), "retry", attempt={"n": n}, health="none")
        store.outbox.tick(a_poster())

    attempts = store.outbox.told("j").attempts
    assert [attempt["n"] for attempt in attempts] == list(range(20, 120))
    assert attempts[0]["next"] == clock.now_ms


def test_an_event_older_than_92_hours_is_given_up_untried(store, clock):
    a_job(store, "j")
    emit(store, "j", "T")
    clock.pass_s(92 * 3600 + 1)
    emit(store, "j", "X")

    assert take_one(store).event.seq == 2
    assert [(d.event.seq, d.why) for d in store.outbox.dead()] == [(1, "expired")]
