"""What is made again when a key was lost is what it was: ids, places, turns, and what has no other half."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from limner.draft import Draft
from limner.followup import Press
from limner.job import Picture
from limner.request import Lane
from limner.store.lanes import Result
from limner.store.operators import Role
from tests.builders import MESSAGES, WORKER, a_worker, an_accepted_job, an_engine, messages_in
from tests.callback_doubles import done, take, take_one
from tests.contract.lanes_view import is_about

GRID = Picture("http://limner/grid.png", 1024, 1024)


def sweep(store, clock, times: int = 4) -> None:
    """Sweeps in which the walk comes round at least once."""
    for _ in range(times):
        clock.pass_s(1)
        store.lanes.sweep(MESSAGES)


def a_drawn_job(store):
    a_worker(store)
    job = an_accepted_job(store)
    store.lanes.take(job.id, "t1", WORKER, MESSAGES)
    store.lanes.begin(job.id, "t1")
    store.lanes.done(job.id, "t1", Result(GRID, [GRID] * 4, {}))
    return job


def test_an_end_that_is_told_again_has_the_same_id_and_the_same_content(store, clock):
    job = a_drawn_job(store)
    end = store.outbox.told(job.id).pending[-1]
    # A follow-up leaves a mark on a job that has ended.
    store.redis.hset(f"limner:job:{job.id}", "marks", "u1")
    store.redis.delete(f"limner:outq:{job.id}")

    sweep(store, clock)

    assert store.outbox.told(job.id).pending == (end,)
    assert take_one(store).event == end


def test_an_end_that_is_lost_while_its_receiver_goes_away_is_listed_and_can_be_resent(store, clock):
    job = a_drawn_job(store)
    taken = take_one(store)
    store.redis.rpop(f"limner:outq:{job.id}")
    done(store, taken, "gone")

    sweep(store, clock)

    told = store.outbox.told(job.id)
    assert told.pending == ()
    assert [letter.why for letter in told.dead][-1] == "gone"
    assert told.dead[-1].event.fields["status"] == "done"
    sweep(store, clock)
    assert store.outbox.told(job.id).dead == told.dead


def test_an_end_that_was_delivered_is_told_once_more_only_if_nobody_knows_of_that(store, clock):
    job = a_drawn_job(store)
    while taken := take(store):
        done(store, *taken)
    sweep(store, clock)
    assert take(store) == []

    store.redis.delete(f"limner:out:{job.id}")
    sweep(store, clock)
    taken = take_one(store)
    assert taken.event.id == f"msg_{job.id}_{taken.event.seq}_{taken.event.id.rpartition('_')[2]}"
    done(store, taken)
    sweep(store, clock)

    assert take(store) == []
    assert store.redis.pttl(f"limner:out:{job.id}") > 0


def test_an_end_that_would_have_been_given_up_by_now_is_not_told_again(store, clock):
    job = a_drawn_job(store)
    while taken := take(store):
        done(store, *taken)
    clock.pass_s(91 * 3600)
    store.redis.delete(f"limner:out:{job.id}")

    sweep(store, clock)

    assert store.outbox.told(job.id).pending == ()


def test_who_comes_after_a_lost_count_of_places_waits_behind_those_that_came_before(store):
    before = [an_accepted_job(store) for _ in range(3)]
    store.redis.delete("limner:places:fast")

    after = an_accepted_job(store)

    assert store.jobs.get(after.id).standing.position == 4
    assert [store.jobs.get(job.id).standing.position for job in before] == [1, 2, 3]


def test_a_newcomer_is_not_first_for_long_because_the_virtual_time_was_lost(store):
    a_worker(store, an_engine(fast=0))
    for _ in range(6):
        an_accepted_job(store)
    for _ in range(3):
        store.lanes.claim(Lane.FAST, "t", WORKER, messages_in(store)[0], MESSAGES)
    store.redis.delete("limner:virtual:fast")

    for _ in range(3):
        an_accepted_job(store, client="bob")

    # They take turns, as they would have.
    turns = []
    for number in range(6):
        claimed = store.lanes.claim(Lane.FAST, f"n{number}", WORKER, "", MESSAGES)
        turns.append(store.jobs.get(claimed[0]).client)
    assert sorted(turns[:2]) == sorted(turns[2:4]) == sorted(turns[4:]) == ["ann", "bob"]


def test_turns_go_on_after_those_that_were_given_when_their_count_is_lost(store):
    a_worker(store, an_engine(fast=0))
    jobs = [an_accepted_job(store) for _ in range(3)]
    for job in jobs[:2]:
        store.lanes.take(job.id, "t", WORKER, MESSAGES)
    store.redis.delete("limner:virtual:fast")

    store.lanes.take(jobs[2].id, "t", WORKER, MESSAGES)

    assert store.redis.zrange("limner:ready:fast", 0, -1) == [job.id for job in jobs]


def test_half_a_draft_is_forgotten_with_the_next_one(store, clock):
    now = datetime.fromtimestamp(clock.now_ms / 1000, UTC)
    press = Press("region", "0" * 32, Lane.FAST, "1" * 32)
    store.drafts.keep("ann", Draft("a", press, now))
    store.redis.delete("limner:drafts:ann")

    store.drafts.keep("ann", Draft("b", press, now))

    assert store.drafts.find("ann", ["a", "b"]).keys() == {"b"}


def test_a_token_opens_again_when_the_list_of_tokens_was_lost_and_a_former_one_does_not(
    store, clock
):
    former = store.clients.add("ann").token
    token = store.clients.rotate_token("ann")
    store.redis.delete("limner:tokens")
    assert store.clients.by_token(token) is None

    sweep(store, clock)

    assert store.clients.by_token(token).name == "ann"
    assert store.clients.by_token(former) is None


def test_a_token_that_an_older_release_made_is_noted_in_its_client_s_record(store, clock):
    token = store.clients.add("ann").token
    store.redis.hdel("limner:client:ann", "digest")
    sweep(store, clock)
    store.redis.delete("limner:tokens")

    sweep(store, clock)

    assert store.clients.by_token(token).name == "ann"


@pytest.mark.parametrize(
    ("record", "tokens"),
    [("client:ann", "tokens"), ("operator:ann", "operator_tokens")],
    ids=["client", "operator"],
)
def test_a_token_that_an_older_release_replaced_stays_replaced(store, clock, record, tokens):
    """0.1.0 changes the list of tokens alone, and leaves the digest in the record as it was."""
    redis = store.redis
    store.clients.add("ann")
    store.operators.add("cli:x", "ann", Role.STEER)
    # Another one's, so that the list is never empty.
    store.clients.add("bob")
    store.operators.add("cli:x", "bob", Role.STEER)
    former = redis.hget(f"limner:{record}", "digest")
    redis.hdel(f"limner:{tokens}", former)
    redis.hset(f"limner:{tokens}", "new", "ann")

    sweep(store, clock)

    assert redis.hget(f"limner:{tokens}", former) is None
    assert redis.hget(f"limner:{record}", "digest") == "new"
    redis.delete(f"limner:{tokens}")
    sweep(store, clock)
    found = redis.hgetall(f"limner:{tokens}")
    assert sorted(found.values()) == ["ann", "bob"]
    assert found["new"] == "ann"


def test_what_is_left_of_a_job_without_a_record_is_kept_no_longer_than_a_job(store, clock):
    job = a_drawn_job(store)
    store.redis.delete(f"limner:job:{job.id}")
    assert store.redis.keys(f"limner:*:{job.id}")

    sweep(store, clock, 8)

    assert take(store) == []
    left = [store.redis.pttl(name) for name in store.redis.keys(f"limner:*:{job.id}")]
    assert all(0 < ms <= 30 * 86_400_000 for ms in left)


@pytest.mark.parametrize("kind", ["out", "resend", "dead", "log", "story"])
def test_what_would_be_kept_for_ever_of_a_job_without_a_record_is_kept_as_long_as_a_job(
    store, clock, kind
):
    job = a_drawn_job(store)
    name = f"limner:{kind}:{job.id}"
    for other in ("resend", "dead", "log"):
        store.redis.rpush(f"limner:{other}:{job.id}", '{"s": 1, "c": "T", "dead": 1800000000000}')
    store.redis.persist(name)
    store.redis.delete(f"limner:job:{job.id}")

    sweep(store, clock, 8)

    assert is_about(store.redis.pttl(name), 30 * 86_400_000)


def test_a_walk_that_finds_much_missing_hurries(store, clock):
    a_worker(store, an_engine(fast=0))
    for _ in range(300):
        an_accepted_job(store)
    store.redis.delete("limner:waiting:fast", "limner:waits:ann")

    sweep(store, clock, 3)

    assert store.redis.zcard("limner:waiting:fast") == store.jobs.waiting_count("ann") == 300


def test_what_is_not_as_the_store_writes_it_is_told_and_keeps_the_walk_from_nothing_else(
    store, clock, caplog
):
    redis = store.redis
    job = an_accepted_job(store)
    store.clients.add("ann")
    redis.lpush("limner:job:x", "no hash")
    redis.set("limner:client:x", "no hash")
    redis.rpush("limner:dead:x", "no JSON")
    redis.zadd("limner:waits:x", {"no": 1})
    hurried = an_accepted_job(store, deadline_s=60)
    redis.hset(f"limner:job:{hurried.id}", "deadline_ms", "soon")
    redis.delete("limner:waiting:fast", "limner:waits:ann", "limner:clients", "limner:tokens")

    sweep(store, clock, 8)

    assert redis.zrange("limner:waiting:fast", 0, -1) == [job.id, hurried.id]
    assert redis.smembers("limner:waits:ann") == {job.id, hurried.id}
    assert store.clients.names() == ["ann"]
    assert redis.hvals("limner:tokens") == ["ann"]
    assert "key.malformed" in caplog.messages


@pytest.mark.parametrize("name", ["mended", "mending"])
def test_the_rest_of_a_sweep_goes_on_when_the_walk_cannot(store, clock, caplog, name):
    an_accepted_job(store)
    store.redis.delete(f"limner:{name}")
    store.redis.set(f"limner:{name}", "of another type")

    sweep(store, clock, 2)

    assert "key.malformed" in caplog.messages


def test_lost_callbacks_of_many_clients_are_due_again_long_before_the_walk_comes_round(
    store, clock
):
    jobs = [an_accepted_job(store, client=f"c{number}") for number in range(60)]
    for job in jobs:
        store.lanes.cancel(job.id)
        store.redis.sadd("limner:clients", job.client)
    # Older keys, of which the walk looks at a hundred or so at a time.
    with store.redis.pipeline(transaction=False) as pipe:
        for number in range(8000):
            pipe.hset(f"limner:upload:{number}", "client", "old")
        pipe.execute()
    sweep(store, clock)
    before = set(store.redis.zrange("limner:due", 0, -1))
    assert {job.id for job in jobs} <= before
    store.redis.delete("limner:due")

    sweep(store, clock, 1)

    assert set(store.redis.zrange("limner:due", 0, -1)) == before
    # It goes on with its own pace after that.
    walked = store.redis.hget("limner:mended", "cursor")
    assert walked != "0"
    assert store.redis.hget("limner:mended", "hurry") is None


def test_a_set_that_is_emptied_again_and_again_makes_no_hurry_each_time(store, clock):
    job = an_accepted_job(store)
    hurried = set()
    for _ in range(6):
        store.redis.zadd("limner:due", {job.id: clock.now_ms})
        sweep(store, clock, 1)
        store.redis.delete("limner:due", f"limner:outq:{job.id}")
        sweep(store, clock, 1)
        hurried.add(store.redis.hget("limner:mended", "hurried"))

    assert len(hurried) == 1
    assert None not in hurried
