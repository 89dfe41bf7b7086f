"""What the start of a worker, a changed setting and an operator's word make of an engine's health."""

from __future__ import annotations

import pytest

from limner.job import Picture
from limner.reasons import Reason
from limner.store import Trouble
from limner.store.lanes import Result
from tests.builders import MESSAGES, WORKER, a_worker, an_accepted_job, an_engine

GRID = Picture("http://limner/grid.png", 1024, 1024)
WHY = "credentials: the key is revoked"
TROUBLES = {
    "busy": Trouble(engine_state="busy", engine_why="later", pause_s=30, pause_max_s=30),
    "down": Trouble(engine_state="down", engine_why="no route", pause_s=30, pause_max_s=60),
    "refused": Trouble(engine_state="refused", engine_why=WHY, pause_s=60, pause_max_s=600),
}
BROKEN = Trouble(
    "bad_results", 1, Reason.BAD_RESULT, engine_why="black", pause_s=10, pause_max_s=300
)
OUT = ("down", "refused", "failing")
STATES = ("busy", *OUT)


def take(store, job):
    return store.lanes.take(job.id, job.id, WORKER, MESSAGES)


def now_of(store, name="stage"):
    return next(engine for engine in store.engines.all() if engine.name == name)


def health_of(store) -> dict[str, str]:
    return store.redis.hgetall("limner:engine:stage")


def bring_to(store, state, *, slots: int = 6):
    """Have the engine be in a state for what its jobs met; return them, still waiting."""
    a_worker(store, an_engine(fast=slots))
    jobs = [an_accepted_job(store) for _ in range(3)]
    for job in jobs if state == "failing" else jobs[:1]:
        assert take(store, job).state == "granted"
        store.lanes.give_back(job.id, job.id, TROUBLES.get(state, BROKEN), MESSAGES)
    assert now_of(store).state == state
    assert now_of(store).paused_s > 0
    return jobs


# -- a worker starts ------------------------------------------------------------------------------


@pytest.mark.parametrize("state", STATES)
def test_a_start_leaves_state_reason_and_rest_of_an_engine_as_they_are(store, state):
    jobs = bring_to(store, state)
    before = health_of(store)

    store.engines.register([an_engine(fast=6)])

    assert health_of(store) == before
    assert take(store, jobs[0]).state == "wait"


@pytest.mark.parametrize("state", STATES)
def test_nor_does_any_other_worker_that_comes_and_goes_change_them(store, state):
    bring_to(store, state)
    before = health_of(store)

    for number in range(5):
        a_worker(store, an_engine(fast=6), worker=f"other-{number}")

    assert health_of(store) == before


# -- its settings change --------------------------------------------------------------------------

CHANGED = {
    "slots": an_engine(fast=2),
    "gap": an_engine(fast=6, fast_gap_s=1),
    "weight": an_engine(fast=6, weight=2.0),
    "clients": an_engine(fast=6, clients=("ann",)),
    "an option of its driver": an_engine(fast=6, base_url="http://other"),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("changed", CHANGED.values(), ids=CHANGED)
def test_an_engine_of_other_settings_begins_as_a_well_one(store, changed, state):
    bring_to(store, state)

    store.engines.register([changed])

    now = now_of(store)
    assert (now.state, now.why, now.paused_s) == ("ok", "", 0)
    assert store.redis.hmget("limner:engine:stage", "struck", "fails") == ["", "0"]


def test_a_new_key_in_the_same_variable_is_another_setting(store, monkeypatch):
    engine = an_engine(fast=6, api_key_env="A_KEY")
    monkeypatch.setenv("A_KEY", "revoked")
    bring_to(store, "refused")
    store.engines.register([engine])
    store.redis.hset("limner:engine:stage", mapping={"state": "refused", "why": WHY})

    store.engines.register([engine])
    assert now_of(store).state == "refused"
    monkeypatch.setenv("A_KEY", "fresh")
    store.engines.register([engine])

    assert now_of(store).state == "ok"


def test_no_key_can_be_read_from_what_is_kept_of_the_settings(store, monkeypatch):
    monkeypatch.setenv("A_KEY", "sk-very-secret")

    store.engines.register([an_engine(api_key_env="A_KEY", password="also secret")])

    kept = " ".join(store.redis.hgetall("limner:settings:stage").values())
    assert "secret" not in kept
    assert len(store.redis.hget("limner:settings:stage", "mark")) == 8


def test_what_is_set_and_what_was_observed_are_in_keys_of_their_own(store):
    bring_to(store, "refused")
    store.engines.abilities("stage", ["tile"])

    settings = store.redis.hgetall("limner:settings:stage")

    assert set(settings) == {
        *("driver", "weight", "clients", "versions", "price", "mark"),
        *("fast_slots", "fast_gap_ms", "relaxed_slots", "relaxed_gap_ms"),
    }
    assert not set(settings) & set(health_of(store))


def test_a_client_whose_name_looks_like_a_number_is_drawn_for(store):
    a_worker(store, an_engine(clients=("007",)))

    assert take(store, an_accepted_job(store, client="007")).state == "granted"
    assert now_of(store).clients == ("007",)


def test_settings_that_a_release_before_wrote_into_the_health_count_until_the_next_start(store):
    """Its workers may go on for a while beside ours, and Redis may be older than both."""
    bring_to(store, "refused", slots=3)
    old = store.redis.hgetall("limner:settings:stage")
    del old["mark"]
    store.redis.hset("limner:engine:stage", mapping=old)
    store.redis.delete("limner:settings:stage")
    before = now_of(store)
    assert (before.driver, before.slots["fast"], before.state) == ("rehearsal", 3, "refused")

    store.engines.register([an_engine(fast=3)])

    assert now_of(store) == before
    store.engines.register([an_engine(fast=4)])
    assert (now_of(store).slots["fast"], now_of(store).state) == (4, "ok")


# -- an operator asks -----------------------------------------------------------------------------


@pytest.mark.parametrize("state", OUT)
def test_an_operator_has_an_engine_that_is_out_tried_at_once_by_one_job(store, state):
    jobs = bring_to(store, state)
    why = now_of(store).why

    assert store.engines.retry("stage") == "tried"

    now = now_of(store)
    assert (now.state, now.why, now.paused_s) == (state, why, 0)
    fresh = [an_accepted_job(store) for _ in range(2)]
    assert [take(store, job).state for job in fresh] == ["granted", "wait"]
    store.lanes.free_slot(fresh[0].id, fresh[0].id, checked=True)
    assert now_of(store).state == "ok"
    assert take(store, jobs[2]).state == "granted"


def test_a_trial_that_an_operator_asked_for_and_that_fails_makes_the_rest_longer(store):
    jobs = bring_to(store, "refused")
    store.engines.retry("stage")
    assert take(store, jobs[1]).state == "granted"

    store.lanes.give_back(jobs[1].id, jobs[1].id, TROUBLES["refused"], MESSAGES)

    assert (now_of(store).state, now_of(store).paused_s) == ("refused", 120)


def test_to_ask_for_a_trial_of_an_engine_that_does_not_rest_changes_nothing(store):
    a_worker(store)
    before = health_of(store)

    assert store.engines.retry("stage") == "open"
    assert store.engines.retry("nobody") == "unknown"

    assert health_of(store) == before
    assert not store.redis.exists("limner:engine:nobody")


# -- what was begun before the engine was refused ---------------------------------------------------


def two_begun(store):
    """Two drawings on one engine; the first is refused for the engine's credentials."""
    a_worker(store, an_engine(fast=4))
    refused, other = an_accepted_job(store), an_accepted_job(store)
    for job in (refused, other):
        assert take(store, job).state == "granted"
        store.lanes.begin(job.id, job.id)
    store.lanes.give_back(refused.id, refused.id, TROUBLES["refused"], MESSAGES)
    return refused, other


def is_refused(store, paused_s: float = 60) -> bool:
    now = now_of(store)
    return (now.state, now.why, now.paused_s) == ("refused", WHY, paused_s)


def test_a_moderated_drawing_leaves_a_refused_engine_refused(store):
    refused, other = two_begun(store)

    store.lanes.failed(other.id, other.id, "No.", "moderated", answered=True)

    assert is_refused(store)
    assert take(store, refused).state == "wait"


AFTER = {
    "busy": TROUBLES["busy"],
    "down": TROUBLES["down"],
    "down, counted": Trouble("downs", 5, Reason.ENGINE_DOWN, "down", "no route", 1, 60),
    "failed": BROKEN,
    "stopped": Trouble(),
}


@pytest.mark.parametrize("trouble", AFTER.values(), ids=AFTER)
def test_no_other_end_of_what_it_had_begun_hides_the_refusal_or_ends_its_rest_sooner(
    store, trouble
):
    refused, other = two_begun(store)

    store.lanes.give_back(other.id, other.id, trouble, MESSAGES)

    assert is_refused(store)
    assert take(store, refused).state == "wait"


def test_three_failures_of_what_it_had_begun_do_not_hide_it_either(store):
    a_worker(store, an_engine(fast=4))
    refused, *others = (an_accepted_job(store) for _ in range(4))
    for job in (refused, *others):
        assert take(store, job).state == "granted"
    store.lanes.give_back(refused.id, refused.id, TROUBLES["refused"], MESSAGES)

    for job in others:
        store.lanes.give_back(job.id, job.id, BROKEN, MESSAGES)

    assert is_refused(store)


def test_a_refusal_shows_through_whatever_an_engine_was_out_for(store):
    a_worker(store, an_engine(fast=4))
    jobs = [an_accepted_job(store) for _ in range(4)]
    for job in jobs:
        assert take(store, job).state == "granted"
    for job in jobs[:3]:
        store.lanes.give_back(job.id, job.id, BROKEN, MESSAGES)
    assert now_of(store).state == "failing"

    store.lanes.give_back(jobs[3].id, jobs[3].id, TROUBLES["refused"], MESSAGES)

    assert (now_of(store).state, now_of(store).why) == ("refused", WHY)


def test_a_refused_engine_whose_trial_finds_it_down_is_down(store, clock):
    refused, other = two_begun(store)
    store.lanes.cancel(other.id)
    clock.pass_s(60)
    assert take(store, refused).state == "granted"

    store.lanes.give_back(refused.id, refused.id, TROUBLES["down"], MESSAGES)

    assert (now_of(store).state, now_of(store).why) == ("down", "no route")


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("said", ["moderated", "drawn", "busy", "down", "failed", "well", "away"])
def test_whatever_happens_an_engine_that_is_ok_does_not_rest(store, state, said):
    """State, reason and pause are written together, or not at all."""
    a_worker(store, an_engine(fast=6))
    other = an_accepted_job(store)
    take(store, other)
    store.lanes.begin(other.id, other.id)
    bring_to(store, state)

    match said:
        case "moderated":
            store.lanes.failed(other.id, other.id, "No.", "moderated", answered=True)
        case "drawn":
            store.lanes.done(other.id, other.id, Result(GRID, [GRID] * 4, {}))
        case "well" | "away":
            store.engines.probed("stage", said == "well", "away", 5)
        case _:
            trouble = TROUBLES.get(said, BROKEN)
            store.lanes.give_back(other.id, other.id, trouble, MESSAGES)

    now = now_of(store)
    assert (now.paused_s, now.why) == (0, "") if now.state == "ok" else now.why
