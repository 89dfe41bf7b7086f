"""What a tick does besides the sweep: the hour of each lane goes on."""

from __future__ import annotations

from limner.request import Lane
from limner.settings import Settings
from tests.builders import MESSAGES, an_accepted_job
from workers.runtime import CallbackRuntime


def test_a_tick_notes_how_the_lanes_are(store, redis_url, tmp_path):
    store.clients.add("ann")
    an_accepted_job(store)
    settings = Settings(
        redis_url=redis_url, data_dir=tmp_path, image_store=str(tmp_path / "images")
    )
    runtime = CallbackRuntime(settings, app=None)
    runtime.messages = lambda: MESSAGES
    try:
        runtime.tick()
        runtime.tick()

        now_ms = round(runtime.store.now().timestamp() * 1000) + 1000
        noted = runtime.store.history.last_hour(now_ms)
        assert [minute.waiting for minute in noted[Lane.FAST]][:1] == [1]
        assert len(noted[Lane.FAST]) == len(noted[Lane.RELAXED]) <= 2
    finally:
        runtime.end()
