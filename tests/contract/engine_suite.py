"""What every engine must do; each driver's test file subclasses ``EngineSuite`` and says how to start.

What only some engines can do is proved by ``applied_suite``.

A subclass gives the fixture ``engine`` (a running engine, over a stand-in server where it has one), and
changes ``brief`` if its engine needs smaller pictures. Faults are each driver's own tests:
``assert_raises`` reads best there.
"""

from __future__ import annotations

import dataclasses
import io
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from limner.engine import Brief, Engine, Finished, Handle, Preview, Progress, Queued


def a_brief(**changes: Any) -> Brief:
    """What is drawn; small, so that a slow engine is quick."""
    words = "a lighthouse at dusk"
    brief = Brief("0123456789abcdef" * 2, words, words, "", 128, 192, (11, 22, 33, 44))
    return dataclasses.replace(brief, **changes)


def drawn_to_the_end(engine: Engine, brief: Brief, handle: Handle | None = None) -> Finished:
    """Return what a drawing ends in; with ``handle`` of one that was submitted before."""
    *_, last = engine.watch(handle or engine.submit(brief), brief, threading.Event())
    assert isinstance(last, Finished)
    return last


class EngineSuite:
    """The contract of ``limner.engine``, as tests."""

    @pytest.fixture
    def engine(self) -> Iterator[Engine]:
        raise NotImplementedError

    @pytest.fixture
    def brief(self) -> Brief:
        """What is drawn; small, so that a slow engine is quick."""
        return a_brief()

    def test_a_submitted_brief_ends_in_four_pictures_of_its_size(self, engine, brief):
        steps = list(engine.watch(engine.submit(brief), brief, threading.Event()))

        finished = steps[-1]
        assert isinstance(finished, Finished)
        assert len(finished.cells) == 4
        # None: the engine cannot tell which it used.
        told = (4,) if engine.capabilities().seed == "exact" else (0, 4)
        assert len(finished.seeds) in told
        for cell in finished.cells:
            assert Image.open(io.BytesIO(cell)).size == (brief.width, brief.height)
        assert all(isinstance(s, Queued | Progress | Preview) for s in steps[:-1])

    def test_the_handle_is_plain_json(self, engine, brief):
        handle = engine.submit(brief)

        assert json.loads(json.dumps(handle)) == handle
        engine.cancel(handle)

    def test_progress_never_falls_and_stays_within_bounds(self, engine, brief):
        steps = list(engine.watch(engine.submit(brief), brief, threading.Event()))

        fractions = [step.fraction for step in steps if isinstance(step, Progress)]
        assert fractions == sorted(fractions)
        assert all(0 <= fraction <= 1 for fraction in fractions)

    def test_previews_are_pictures_if_the_engine_promises_any(self, engine, brief):
        steps = list(engine.watch(engine.submit(brief), brief, threading.Event()))

        previews = [step for step in steps if isinstance(step, Preview)]
        assert bool(previews) == engine.capabilities().previews
        for preview in previews:
            assert preview.cell in (None, 0, 1, 2, 3)
            Image.open(io.BytesIO(preview.image)).load()

    def test_a_stopped_watch_returns_without_a_result(self, engine, brief):
        stop = threading.Event()
        handle = engine.submit(brief)
        watching = engine.watch(handle, brief, stop)
        stop.set()

        steps = list(watching)

        assert not any(isinstance(step, Finished) for step in steps)
        engine.cancel(handle)

    def test_a_handle_may_be_watched_again(self, engine, brief):
        stop = threading.Event()
        handle = json.loads(json.dumps(engine.submit(brief)))
        stop.set()
        list(engine.watch(handle, brief, stop))

        again = list(engine.watch(handle, brief, threading.Event()))

        assert isinstance(again[-1], Finished)

    def test_cancelling_twice_or_after_the_end_is_no_error(self, engine, brief):
        handle = engine.submit(brief)
        engine.cancel(handle)
        engine.cancel(handle)
        other = engine.submit(brief)
        list(engine.watch(other, brief, threading.Event()))
        engine.cancel(other)

    def test_it_says_that_it_is_well(self, engine):
        assert engine.health().state == "ok"

    def test_two_drawings_at_once_keep_apart(self, engine, brief):
        harbour = "a quiet harbour"
        size = (brief.width, brief.height)
        other = Brief("f" * 32, harbour, harbour, "", *size, seeds=(91, 92, 93, 94))
        results: dict[str, Finished] = {}

        def draw(mine: Brief) -> None:
            results[mine.job_id] = drawn_to_the_end(engine, mine)

        threads = [threading.Thread(target=draw, args=(b,)) for b in (brief, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

        assert set(results) == {brief.job_id, other.job_id}
        assert results[brief.job_id].cells != results[other.job_id].cells
