"""The rounds of a keeper's thread: how often it beats and sweeps, and the clocks that it watches."""

from __future__ import annotations

import contextlib
import logging

import pytest

from limner.errors import StoreDown
from limner.request import Lane
from tests.builders import an_accepted_job, an_engine, messages_in
from tests.conftest import wait_until
from tests.workers.beating import a_keeper
from workers.drawing.keeper import Drawing


class Failing:
    """Counts its calls, and raises or returns the same each time."""

    def __init__(self, error: Exception | None, answer: object = None) -> None:
        self.error, self.answer, self.calls = error, answer, 0

    def __call__(self, *_args: object) -> object:
        self.calls += 1
        if self.error:
            raise self.error
        return self.answer


def test_what_shows_no_progress_and_what_takes_too_long_is_told_to_stop_and_nothing_else(
    store, ticking
):
    keeper = a_keeper(store, progress_limit_s=120, drawing_limit_s=300)
    silent, slow, waiting, drawn = (Drawing(f"job-{n}", "t") for n in range(4))
    for drawing in (silent, slow, drawn):
        drawing.began()
    drawn.over()
    stopped_s = {}

    def each_second() -> None:
        slow.moved()
        for drawing in (silent, slow, waiting, drawn):
            if drawing.is_set():
                stopped_s.setdefault(drawing.job_id, (drawing.stop_reason, ticking.now_s))

    with contextlib.ExitStack() as kept:
        for drawing in (silent, slow, waiting, drawn):
            kept.enter_context(keeper.keeping(drawing))
        ticking.run(keeper, 400, each_second)

    beat_s = keeper._beat_s
    assert {name: why for name, (why, _) in stopped_s.items()} == {
        "job-0": "stuck",
        "job-1": "late",
    }
    assert 120 < stopped_s["job-0"][1] <= 120 + 2 * beat_s
    assert 300 < stopped_s["job-1"][1] <= 300 + 2 * beat_s


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"progress_limit_s": 100, "drawing_limit_s": 900}, "stuck"),
        ({"progress_limit_s": 900, "drawing_limit_s": 100}, "late"),
    ],
)
def test_a_drawing_may_use_its_time_up_to_the_limit_and_is_stopped_beyond_it(
    store, ticking, limits, reason
):
    keeper = a_keeper(store, **limits)
    drawing = Drawing("a-job", "t")
    drawing.began()

    with keeper.keeping(drawing):
        ticking.pass_s(100)
        keeper._check_clocks()
        assert not drawing.is_set()
        ticking.pass_s(0.5)
        keeper._check_clocks()

    assert drawing.stop_reason == reason


def test_clocks_are_watched_also_while_redis_is_away(store, ticking, monkeypatch):
    keeper = a_keeper(store, progress_limit_s=120)
    drawing = Drawing("a-job", "t")
    drawing.began()
    monkeypatch.setattr(store.lanes, "renew", Failing(StoreDown()))

    with keeper.keeping(drawing):
        ticking.run(keeper, 200)

    assert drawing.stop_reason == "stuck"


def test_it_beats_before_its_thread_does(store, clock):
    store.engines.register([an_engine(fast=1)])
    keeper = a_keeper(store, lease_s=3600)

    keeper.start()
    keeper.end()

    assert store.lanes.workers_seen(Lane.FAST, clock.now_ms) == 1


def test_it_beats_four_times_a_lease_and_sweeps_with_each_tick(store, ticking, monkeypatch):
    keeper = a_keeper(store, lease_s=4, tick_s=5)
    beats, sweeps = Failing(None, set()), Failing(None, 0)
    monkeypatch.setattr(store.lanes, "renew", beats)
    monkeypatch.setattr(store.lanes, "sweep", sweeps)
    ticking.pass_s(1000)

    ticking.run(keeper, 60)

    assert beats.calls == 60 * len(Lane)
    assert sweeps.calls == 12


@pytest.mark.parametrize("error", [StoreDown(), RuntimeError("a bug")])
@pytest.mark.parametrize("at", ["renew", "sweep"])
def test_a_heart_that_meets_an_outage_or_a_bug_goes_on_beating(
    store, ticking, monkeypatch, clock, caplog, error, at
):
    keeper = a_keeper(store, tick_s=1)
    failing = Failing(error)
    real = getattr(store.lanes, at)
    monkeypatch.setattr(store.lanes, at, failing)
    ticking.pass_s(1000)

    def mend() -> None:
        if failing.calls >= 3:
            setattr(store.lanes, at, real)

    with caplog.at_level(logging.WARNING):
        ticking.run(keeper, 60, mend)

    assert failing.calls == 3
    said = "store.missed" if isinstance(error, StoreDown) else "keeper.failed"
    assert [record.getMessage() for record in caplog.records] == [said] * 3
    assert store.lanes.workers_seen(Lane.FAST, clock.now_ms) == 1


def test_the_thread_sweeps_so_that_lost_messages_are_found_without_beat(store, clock):
    job = an_accepted_job(store)
    store.redis.delete("fast")
    keeper = a_keeper(store, lease_s=0.2, tick_s=0.1)
    keeper.start()
    try:
        wait_until(
            lambda: store.redis.hexists("limner:messages", "fast_since"), what="a first look"
        )
        clock.pass_s(5)
        wait_until(lambda: messages_in(store) == [job.id], what="the message sent again")
    finally:
        keeper.end()


def test_the_thread_shows_that_it_runs_while_the_store_is_away(store, monkeypatch):
    keeper, rounds = a_keeper(store), []
    keeper.start(lambda: rounds.append(keeper))
    for name in ("renew", "sweep", "pass_deadlines"):
        monkeypatch.setattr(keeper._store.lanes, name, Failing(StoreDown()))

    wait_until(lambda: len(rounds) > 2, what="rounds")
    keeper.end()
