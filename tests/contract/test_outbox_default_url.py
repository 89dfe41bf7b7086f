"""A client's default URL that never answers: warned of, switched off, and used again by command."""

from __future__ import annotations

import itertools

import pytest

from tests.callback_doubles import a_job, done, emit, take_one

_names = itertools.count()


@pytest.fixture
def store(store):
    """One that knows the client; of others nothing is reckoned."""
    store.clients.add("ann")
    return store


def fails(store, times=1, verdict="dead", **report):
    """Fail so often at the client's default URL; returns what was said."""
    notes = []
    for _ in range(times):
        job = a_job(store, f"j{next(_names)}", f"http://r{next(_names)}/")
        emit(store, job, "X")
        taken = take_one(store)
        report = {"why": "exhausted", "health": "none", "default_of": "ann"} | report
        notes += done(store, taken, verdict, **report).notes
    return notes


def after_hours(store, clock, hours, *, tries, seconds=0):
    """Fail once, then ``tries`` times in all by that hour; returns what the last one says."""
    fails(store, tries - 1)
    clock.pass_s(hours * 3600 + seconds)
    return fails(store)


@pytest.mark.parametrize(
    ("hours", "tries", "seconds", "said"),
    [
        (119, 30, 3599, ["failing24", "failing72"]),
        (120, 20, 0, ["disabled"]),
        (120, 19, 0, []),
        (200, 19, 0, []),
        (200, 20, 0, ["disabled"]),
        (23, 30, 3599, []),
        (24, 2, 0, ["failing24"]),
        (71, 30, 3599, ["failing24"]),
        (72, 2, 0, ["failing24", "failing72"]),
    ],
)
def test_five_days_and_twenty_attempts_switch_a_url_off_and_both_are_needed(
    store, clock, hours, tries, seconds, said
):
    assert after_hours(store, clock, hours, tries=tries, seconds=seconds) == said
    assert (store.outbox.endpoint("ann").disabled_ms is None) is ("disabled" not in said)


def test_each_warning_is_given_once(store, clock):
    fails(store)
    clock.pass_s(25 * 3600)
    assert fails(store, 3) == ["failing24"]
    clock.pass_s(50 * 3600)
    assert fails(store, 3) == ["failing72"]
    clock.pass_s(50 * 3600)
    assert fails(store, 30) == ["disabled"]


def test_how_a_failing_url_does_is_shown(store, clock):
    began = clock.now_ms
    fails(store, 2)
    clock.pass_s(60)
    fails(store)

    found = store.outbox.endpoint("ann")
    assert (found.failing_since_ms, found.fails, found.disabled_ms) == (began, 3, None)
    clock.pass_s(120 * 3600)
    fails(store, 20)
    # Switched off at the twentieth.
    assert store.outbox.endpoint("ann").disabled_ms == clock.now_ms


def test_one_2xx_ends_the_reckoning(store, clock):
    after_hours(store, clock, 119, tries=30)
    fails(store, verdict="ok")
    assert store.outbox.endpoint("ann").failing_since_ms is None
    clock.pass_s(2 * 3600)

    assert fails(store, 30) == []


@pytest.mark.parametrize("report", [{"verdict": "later"}, {"why": "disabled"}, {"default_of": ""}])
def test_what_was_not_tried_at_the_default_url_does_not_count_against_it(store, report):
    fails(store, 3, **report)

    assert store.outbox.endpoint("ann").failing_since_ms is None


@pytest.mark.parametrize("verdict", ["retry", "dead", "drop", "gone"])
def test_every_kind_of_failure_counts(store, verdict):
    fails(store, 3, verdict=verdict)

    assert store.outbox.endpoint("ann").fails == 3


def test_a_url_that_is_used_again_begins_anew(store, clock):
    after_hours(store, clock, 121, tries=20)
    store.outbox.enable("ann")
    assert store.outbox.endpoint("ann").fails == 0

    assert fails(store, 30) == []
    clock.pass_s(25 * 3600)
    assert fails(store) == ["failing24"]


def test_one_clients_url_says_nothing_of_anothers(store, clock):
    after_hours(store, clock, 121, tries=20)

    assert store.outbox.endpoint("bob").disabled_ms is None


def test_what_a_removed_client_still_tried_is_not_held_against_the_next_one_of_its_name(
    store, clock
):
    emit(store, a_job(store, "j"), "X")
    flying = take_one(store)
    store.clients.remove("ann")
    done(store, flying, "dead", default_of="ann")
    clock.pass_s(121 * 3600)

    store.clients.add("ann")

    assert fails(store, 30) == []
