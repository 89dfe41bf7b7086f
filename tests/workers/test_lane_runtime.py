"""A lane worker's process: what it tells the store of itself, and what its consumer's thread does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from api.producer import messages_of
from limner.request import Lane
from limner.settings import Settings
from limner.store import Store
from tests.builders import an_accepted_job, an_engine
from tests.conftest import wait_until
from workers.drawing.keeper import Drawing
from workers.runtime import LaneRuntime


@pytest.fixture
def live(redis_url) -> Iterator[Store]:
    store = Store(redis_url)
    store.redis.flushall()
    yield store
    store.close()


@pytest.fixture
def runtime(live, redis_url, tmp_path) -> Iterator[LaneRuntime]:
    settings = Settings(redis_url=redis_url, data_dir=tmp_path, lease_s=4).with_engines(
        (an_engine(fast=3),)
    )
    made = LaneRuntime(settings, [Lane.FAST], app=None)
    made.messages._messages = messages_of(settings, live)()
    yield made
    made.drain()
    made.end()


def is_known(store: Store) -> bool:
    """Whether an engine's settings are known, and what it can do."""
    engines = store.redis.hgetall("limner:settings:stage")
    return engines.get("fast_slots") == "3" and store.redis.hexists("limner:engine:stage", "levels")


def test_a_store_that_has_lost_a_worker_s_engines_learns_them_again(live, runtime):
    runtime.start()
    wait_until(lambda: is_known(live), what="the engine")

    live.redis.flushall()

    wait_until(lambda: is_known(live), what="the engine, again")
    assert [engine.name for engine in live.engines.all()] == ["stage"]


def test_a_worker_that_retires_tells_nobody_its_settings_any_more(live, runtime):
    runtime.start()
    wait_until(lambda: is_known(live), what="the engine")
    runtime.retire()

    live.redis.flushall()
    runtime._announce()

    assert not live.redis.exists("limner:settings:stage")


def test_a_worker_that_retires_keeps_its_jobs_and_has_no_engines_any_more(live, runtime):
    """They may be engines that the settings have no more: a job for one would wait for nobody."""
    runtime.start()
    wait_until(lambda: is_known(live), what="the engine")
    claimed = runtime.claim(Lane.FAST, an_accepted_job(live).id)
    drawing = Drawing(claimed.job_id, claimed.token)
    drawing.taken = True

    def lease() -> float:
        return live.redis.zscore("limner:leases", claimed.job_id)

    def workers() -> list[int]:
        return [engine.workers for engine in live.engines.all()]

    assert workers() == [1]
    with runtime._keeper.keeping(drawing):
        runtime.retire()
        wait_until(lambda: workers() == [0], what="a heartbeat without engines")
        before = lease()
        wait_until(lambda: lease() > before, what="the next one")

    assert drawing.stop_reason is None


def test_what_is_lost_the_moment_after_the_start_is_told_again(live, runtime):
    """No heartbeat of the thread's has come yet, by which a loss could be noticed."""
    runtime.start()
    live.redis.flushall()

    wait_until(lambda: is_known(live), what="the engine")


def test_a_claim_renders_no_messages_and_waits_for_nobody_who_does(live, runtime):
    """It is made in the consumer's thread, where the broker's connection is, too."""
    job = an_accepted_job(live)
    runtime.start()
    runtime.messages._messages = None

    with runtime.messages._lock:
        claimed = runtime.claim(Lane.FAST, job.id)

    assert claimed.job_id == job.id
