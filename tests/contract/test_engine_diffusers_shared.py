"""All workers of a machine share one drawing process: whoever starts it, and however a worker ends.

The processes are real, and cannot draw here where torch is not installed; then that is what they say. What
happens at the counter of such a process is tried in this one, with a painter that does as it is told.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import psutil
import pytest

import engines
from engines.diffusers import counter
from engines.diffusers.child import Desk, serve
from engines.diffusers.config import PipelineConfig
from engines.diffusers.counter import Counter
from engines.diffusers.engine import Diffusers
from engines.diffusers.meeting import MeetingPoint, meeting_point
from engines.diffusers.process import PainterProcess
from limner.engine import Finished, Progress, Queued
from limner.errors import EngineDown, EngineError, EngineStuck, Refused
from tests.conftest import wait_until
from tests.contract.test_engine_diffusers import (
    BRIEF,
    a_pipeline_folder,
    drawing_processes,
    drawn,
    settings,
    source,
)

__all__ = ["source"]


@pytest.fixture
def place(tmp_path_factory, monkeypatch):
    """A folder of this test's own in which workers meet; short, as sockets' paths are."""
    with tempfile.TemporaryDirectory(prefix="lim") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.setattr(tempfile, "tempdir", None)
        yield Path(folder) / f"limner-{os.getuid()}"
    monkeypatch.undo()


# -- real processes -------------------------------------------------------------------------------


@pytest.fixture
def model_folder(tmp_path):
    """A pipeline without parts; nobody can draw with it."""
    return a_pipeline_folder(tmp_path / "p", _class_name="StableDiffusionPipeline")


def try_to_draw(engine) -> None:
    """Reach the drawing process, which says that it cannot draw."""
    with pytest.raises(Refused, match="cannot be"):
        drawn(engine, BRIEF)


def who_listens(place: Path) -> int:
    (note,) = place.glob("*.pid")
    return int(note.read_text())


def is_gone(pid: int) -> bool:
    """Whether a process ended; one that nobody reaps ended as well."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


A_WORKER = """
import sys
from pathlib import Path
import pytest
from engines.diffusers import library, model
from tests.contract.test_engine_diffusers import engines, settings
from tests.contract.test_engine_diffusers_shared import try_to_draw
from tests.standins import diffusers_source

model.NEEDED = ()
source = diffusers_source.write(Path(sys.argv[2]))
library._folder = lambda: source
engine = engines.load(settings(model=sys.argv[1]))
try_to_draw(engine)
print("drawn", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other_worker(place, model_folder, tmp_path):
    """Another worker, of the other lane, which has drawn and waits."""
    with subprocess.Popen(
        [sys.executable, "-c", A_WORKER, model_folder, str(tmp_path / "source")],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout.readline() == b"drawn\n"
        yield process
        process.kill()


@pytest.mark.slow
def test_workers_share_one_process_that_outlives_whoever_started_it(
    source, place, model_folder, other_worker
):
    earlier = drawing_processes()
    engine = engines.load(settings(model=model_folder))
    painter = who_listens(place)
    with contextlib.closing(engine):
        try_to_draw(engine)
        assert who_listens(place) == painter
        assert drawing_processes() <= earlier

        other_worker.send_signal(signal.SIGKILL)
        other_worker.wait()
        try_to_draw(engine)

        assert who_listens(place) == painter
    wait_until(lambda: is_gone(painter), what="the end of the process that nobody uses")
    # Nothing of it is left but the lock that all share.
    assert [path.name for path in place.iterdir()] == ["lock"]
    with pytest.raises(EngineDown):
        drawn(engine, BRIEF)


@pytest.mark.slow
def test_a_worker_that_is_killed_alone_takes_its_process_along(place, other_worker):
    painter = who_listens(place)
    assert not is_gone(painter)

    other_worker.send_signal(signal.SIGKILL)

    wait_until(lambda: is_gone(painter), what="the end of the process that nobody uses")


@pytest.mark.slow
def test_a_killed_process_is_replaced_by_one(source, place, model_folder):
    earlier = drawing_processes()
    with contextlib.closing(engines.load(settings(model=model_folder))) as engine:
        try_to_draw(engine)
        first = who_listens(place)
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: is_gone(first), what="the end of the first process")

        try_to_draw(engine)

        assert who_listens(place) != first
        started = drawing_processes() - earlier
        assert [each.pid for each in started] == [who_listens(place)]


# -- where they meet ------------------------------------------------------------------------------


def test_a_folder_that_others_can_write_to_is_refused(place):
    place.mkdir(mode=0o777)
    place.chmod(0o777)
    with pytest.raises(Refused, match="mode 700"):
        meeting_point("easel", PipelineConfig("m"))


@pytest.mark.parametrize("variable", ["HF_TOKEN", "CUDA_DEVICE_ORDER", "PYTHONPATH"])
def test_a_process_of_another_environment_is_not_shared(place, monkeypatch, variable):
    before = meeting_point("easel", PipelineConfig("m")).key
    monkeypatch.setenv(variable, "another")
    assert meeting_point("easel", PipelineConfig("m")).key != before


def test_each_configuration_and_engine_has_a_process_of_its_own(place):
    plain = meeting_point("easel", PipelineConfig("m")).key
    assert meeting_point("easel", PipelineConfig("m")).key == plain
    assert meeting_point("other", PipelineConfig("m")).key != plain
    assert meeting_point("easel", PipelineConfig("m", device="cuda:1")).key != plain


def test_a_socket_that_nobody_answers_is_replaced_and_one_in_use_is_not(place):
    point = meeting_point("easel", PipelineConfig("m"))
    with point.locked():
        point.listen().close()
        assert point.socket.exists()
        assert point.call() is None
        assert point.listener() is None
        with point.listen() as listener:
            point.note(4711)
            assert point.listener() == 4711
            listener.accept()[0].close()
        # Whoever starts the next one may die before it has noted which: nobody else is to be killed for it.
        with point.listen():
            assert point.listener() is None


# -- the counter ----------------------------------------------------------------------------------


class PainterOnWord:
    """Draws one picture of nothing each time it is told to."""

    def __init__(self) -> None:
        self.words: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.stopped: list[str] = []

    def draw(self, values, tell, ends):
        tell("begun")
        while not ends():
            with contextlib.suppress(queue.Empty):
                word = self.words.get(timeout=0.02)
                if word == "done":
                    return [b"picture"] * len(values["seeds"])
                tell(word, done=0.5)
        self.stopped.append(values["prompts"][0])
        raise RuntimeError("stopped")


@pytest.fixture
def painter():
    return PainterOnWord()


@pytest.fixture
def by_word(place, source, model_folder, painter, monkeypatch):
    """An engine on a drawing process that is a thread, and draws at a word."""

    def start(process, point: MeetingPoint) -> None:
        served = Counter(point.listen(), 600.0, 0.0)
        desk = Desk(process._config, alone=False)
        desk._painter = painter
        serving = threading.Thread(target=serve, args=(desk, served, lambda: False), daemon=True)
        serving.start()

    monkeypatch.setattr(PainterProcess, "_start", start)
    with contextlib.closing(engines.load(settings(model=model_folder, silent_s=1))) as engine:
        yield engine


class Watched:
    """A drawing that is watched in a thread of its own."""

    def __init__(self, engine: Diffusers, words: str) -> None:
        self.events: list = []
        self.stop = threading.Event()
        brief = dataclasses.replace(BRIEF, job_id=words[0] * 32, prompt=words, seeds=(1,))
        self._thread = threading.Thread(target=self._watch, args=(engine, brief), daemon=True)
        self._thread.start()

    def _watch(self, engine, brief) -> None:
        try:
            for event in engine.watch(engine.submit(brief), brief, self.stop):
                self.events.append(event)
        except EngineError as error:
            self.events.append(error)

    def saw(self, *kinds) -> bool:
        return any(isinstance(event, kinds) for event in self.events)


def test_drawings_take_turns_and_are_told_their_place(by_word, painter):
    first = Watched(by_word, "first")
    wait_until(lambda: first.saw(Progress), what="the first at work")
    second = Watched(by_word, "second")
    wait_until(lambda: Queued(1) in second.events, what="the second in line")
    third = Watched(by_word, "third")
    wait_until(lambda: Queued(2) in third.events, what="the third in line")

    painter.words.put("done")
    wait_until(lambda: first.saw(Finished), what="the first picture")
    wait_until(lambda: Queued(1) in third.events, what="the third moving up")
    assert not second.saw(Finished)
    for waiting in (second, third):
        painter.words.put("done")
        wait_until(lambda waiting=waiting: waiting.saw(Finished), what="its picture")


def test_who_waits_in_line_hears_that_the_one_ahead_goes_on(by_word, painter, monkeypatch):
    """So it knows that the process does not hang, which nobody else might notice."""
    monkeypatch.setattr(counter, "AGAIN_S", 0.0)
    first = Watched(by_word, "first")
    wait_until(lambda: first.saw(Progress), what="the first at work")
    with contextlib.closing(by_word._process.draw({"prompts": ["2"], "seeds": [1]})) as second:
        heard = []

        def hear() -> bool:
            message = second.hear(0.02)
            heard.extend([message.header] if message else [])
            return bool(heard) and heard[-1]["event"] == "queued"

        wait_until(hear, what="its place")
        for _ in range(3):
            heard.clear()
            painter.words.put("step")
            wait_until(hear, what="news of the first")
            assert heard[-1] == {"event": "queued", "ahead": 1, "loads": False}
    painter.words.put("done")
    wait_until(lambda: first.saw(Finished), what="the first picture")


def test_a_worker_that_is_gone_makes_room_for_the_next(by_word, painter):
    first = Watched(by_word, "first")
    wait_until(lambda: first.saw(Progress), what="the first at work")
    second = Watched(by_word, "second")
    wait_until(lambda: second.saw(Queued), what="the second in line")

    first.stop.set()

    wait_until(lambda: painter.stopped == ["first"], what="the end of the first")
    painter.words.put("done")
    wait_until(lambda: second.saw(Finished), what="the second picture")
    assert not first.saw(Finished)


def test_a_silent_drawing_is_stuck(by_word, painter, monkeypatch):
    killed = []
    monkeypatch.setattr(PainterProcess, "kill", lambda process: killed.append(process))
    with pytest.raises(EngineStuck):
        drawn(by_word, BRIEF)
    assert len(killed) == 1


def test_a_worker_that_takes_no_news_keeps_nobody_waiting(by_word, painter, monkeypatch):
    monkeypatch.setattr(counter, "GUEST_S", 1.0)
    line = by_word._process._line(meeting_point("easel", by_word._config))
    with line, contextlib.closing(socket.socket()):
        from engines.diffusers.process import Conversation

        deaf = Conversation(line.dup())
        order = {"prompts": ["deaf"], "seeds": [1]}
        deaf.say({"order": order})
        wait_until(lambda: deaf.hear(0.01) is None, what="the silence after the first news")
        for _ in range(20_000):
            painter.words.put("step")
        wait_until(lambda: painter.stopped == ["deaf"], what="the end of the deaf one's")
        while not painter.words.empty():
            painter.words.get()
        after = Watched(by_word, "after")
        painter.words.put("done")
        wait_until(lambda: after.saw(Finished), what="the next picture")
        deaf.close()
