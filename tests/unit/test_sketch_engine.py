"""Sketch as an engine: events in order, processes that stop, crash, and never outlive their parent."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from PIL import Image

from engines import load
from limner.engine import Brief, Finished, Parent, Preview, Progress, Queued
from limner.errors import ConfigError, EngineDown, Rejected
from limner.settings import EngineSettings, LaneLimits

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def engine():
    engine = load(EngineSettings("sketch", "sketch", fast=LaneLimits(2, 0.0)))
    yield engine
    engine.close()


def a_brief(**changes) -> Brief:
    values = {
        "job_id": "0f",
        "prompt": "a black cat under the full moon",
        "final_prompt": "a black cat under the full moon",
        "negative": "",
        "width": 64,
        "height": 64,
        "seeds": (1, 2, 3, 4),
    }
    return Brief(**(values | changes))


def a_slow_brief() -> Brief:
    """A drawing of which one piece alone takes seconds."""
    return a_brief(width=2048, height=2048)


def watch(engine, brief, stop=None):
    return engine.watch(engine.submit(brief), brief, stop or threading.Event())


def a_second_passes_until(condition, timeout_s=10.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


def painters() -> list[psutil.Process]:
    found = []
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):  # it has just ended
            if "engines.sketch.child" in child.cmdline():
                found.append(child)
    return found


def test_a_drawing_goes_from_coarse_previews_to_four_cells(engine):
    brief = a_brief()

    events = list(watch(engine, brief))

    fractions = [event.fraction for event in events if isinstance(event, Progress)]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    previews = [event for event in events if isinstance(event, Preview)]
    assert len(previews) == 7
    with Image.open(io.BytesIO(previews[0].image)) as preview:
        assert preview.size == (64, 64)
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.seeds == brief.seeds
    for cell in finished.cells:
        with Image.open(io.BytesIO(cell)) as picture:
            assert picture.size == (64, 64)
    assert len(set(finished.cells)) == 4


def test_the_first_preview_comes_before_a_tenth_of_the_work(engine):
    done = 0.0
    for event in watch(engine, a_brief()):
        if isinstance(event, Preview):
            break
        if isinstance(event, Progress):
            done = event.fraction
    assert done < 0.1


def test_the_notes_say_what_it_is_and_what_it_understood(engine):
    *_, finished = watch(engine, a_brief(prompt="a cat and a frobnicator"))

    assert "cat" in finished.notes["understood"]
    assert "frobnicator" in finished.notes["ignored"]
    assert "not a neural model" in finished.notes["painter"]


def test_the_same_brief_gives_the_same_bytes_whoever_watches(engine):
    brief = a_brief()
    handle = engine.submit(brief)
    other = load(
        EngineSettings("other", "sketch", options={"processes": 1}, fast=LaneLimits(1, 0.0))
    )
    try:
        *_, first = engine.watch(handle, brief, threading.Event())
        *_, second = other.watch(handle, brief, threading.Event())
    finally:
        other.close()
    assert first.cells == second.cells


def test_stop_ends_a_drawing_without_waiting_for_a_piece(engine):
    stop = threading.Event()
    events = watch(engine, a_slow_brief(), stop)
    next(events)

    stop.set()
    rest = list(events)

    # Two processes paint it: the other one's piece may have been done at the same moment.
    assert sum(isinstance(event, Progress) for event in rest) <= 1
    assert not any(isinstance(event, Finished) for event in rest)


def test_cancel_ends_a_drawing_and_may_be_called_again(engine):
    brief = a_slow_brief()
    handle = engine.submit(brief)
    events = engine.watch(handle, brief, threading.Event())
    next(events)

    engine.cancel(handle)

    assert not any(isinstance(event, Finished) for event in events)
    engine.cancel(handle)
    engine.cancel({"drawing": "never heard of"})


def test_a_closed_generator_frees_its_processes(engine):
    events = watch(engine, a_slow_brief())
    next(events)
    events.close()

    *_, finished = watch(engine, a_brief())
    assert isinstance(finished, Finished)


def test_a_painter_that_is_killed_is_replaced_and_the_drawing_ends_well(engine):
    events = watch(engine, a_brief(width=512, height=512))
    next(events)

    painters()[0].kill()

    *_, finished = events
    assert isinstance(finished, Finished)


def test_painters_that_keep_dying_are_engine_down():
    engine = load(
        EngineSettings("frail", "sketch", options={"processes": 1}, fast=LaneLimits(1, 0.0))
    )
    before = {child.pid for child in painters()}
    ended = threading.Event()

    def kill_every_painter() -> None:
        while not ended.wait(0.01):
            for child in painters():
                if child.pid not in before:
                    with contextlib.suppress(psutil.Error):
                        child.kill()

    killer = threading.Thread(target=kill_every_painter)
    killer.start()
    try:
        with pytest.raises(EngineDown):
            list(watch(engine, a_slow_brief()))
    finally:
        ended.set()
        killer.join()
        engine.close()


def test_more_drawings_than_processes_wait_their_turn():
    engine = load(
        EngineSettings("narrow", "sketch", options={"processes": 1}, fast=LaneLimits(1, 0.0))
    )
    try:
        first = watch(engine, a_slow_brief())
        next(first)
        second = watch(engine, a_brief())
        assert next(second) == Queued(1)
        first.close()
        *_, finished = second
        assert isinstance(finished, Finished)
    finally:
        engine.close()


def test_a_reference_that_cannot_be_read_is_the_callers_fault(engine, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")

    with pytest.raises(Rejected) as rejected:
        list(watch(engine, a_brief(references=(broken,))))
    assert rejected.value.kind == "reference"


def test_a_variation_starts_from_its_parents_picture(engine, tmp_path):
    *_, first = watch(engine, a_brief())
    picture = tmp_path / "parent.png"
    picture.write_bytes(first.cells[1])

    *_, varied = watch(engine, a_brief(seeds=(9, 8, 7, 6), parent=Parent(picture, 1, 0.4)))

    assert len(set(varied.cells) | set(first.cells)) == 8


def test_the_engine_process_never_loads_numpy():
    code = (
        "import sys, engines\n"
        "from limner.settings import EngineSettings, LaneLimits\n"
        "engine = engines.load(EngineSettings('s', 'sketch', fast=LaneLimits(1, 0.0)))\n"
        "engine.capabilities(), engine.health(), engine.close()\n"
        "sys.exit('numpy' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_painters_die_with_a_parent_that_was_killed(tmp_path):
    code = (
        "import sys, threading, engines\n"
        "from limner.engine import Brief\n"
        "from limner.settings import EngineSettings, LaneLimits\n"
        "engine = engines.load(EngineSettings('s', 'sketch', fast=LaneLimits(2, 0.0)))\n"
        "brief = Brief('1', 'a cat', 'a cat', '', 2048, 2048, (1, 2, 3, 4))\n"
        "for event in engine.watch(engine.submit(brief), brief, threading.Event()):\n"
        "    print('painting', flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        assert parent.stdout.readline() == b"painting\n"
        children = psutil.Process(parent.pid).children()
        assert children
        os.kill(parent.pid, signal.SIGKILL)
    assert a_second_passes_until(lambda: not any(_runs(child) for child in children))


def _runs(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_close_ends_every_painter():
    before = {child.pid for child in painters()}
    engine = load(EngineSettings("brief", "sketch", fast=LaneLimits(1, 0.0)))
    list(watch(engine, a_brief()))
    mine = [child for child in painters() if child.pid not in before]
    assert mine

    engine.close()

    assert not any(_runs(child) for child in mine)
    with pytest.raises(EngineDown):
        list(watch(engine, a_brief()))


@pytest.mark.parametrize("options", [{"processes": 0}, {"processes": "two"}, {"model": "big"}])
def test_a_wrong_option_is_named(options):
    with pytest.raises(ConfigError, match="engine sketch"):
        load(EngineSettings("sketch", "sketch", options=options, fast=LaneLimits(1, 0.0)))
