"""One thread that asks about every drawing of an engine in this process, a hundred at a time.

A drawing's thread follows its task and sleeps meanwhile: so it is the number of polls that costs, and
not the number of drawings. Between two looks it sees only the newest record.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from engines.mjproxy.task import Task
from limner.errors import EngineError
from limner.log import event

log = logging.getLogger(__name__)

#: as many ids as these servers are asked about at once
BATCH = 100

Ask = Callable[[Sequence[str]], dict[str, Task]]


@dataclass(frozen=True, slots=True)
class TaskLook:
    """What one poll brought for one task: its record, or None if the server does not know it."""

    task: Task | None


class Follower:
    """One drawing's place at the poller."""

    def __init__(self) -> None:
        self._news = threading.Event()
        self._look: TaskLook | None = None
        #: when the server last answered, in monotonic seconds
        self.heard_s = time.monotonic()
        #: why it does not answer
        self.error: EngineError | None = None

    def next_look(self, timeout_s: float) -> TaskLook | None:
        """Return what the newest poll brought, once; None if there was none within the time."""
        if not self._news.wait(timeout_s):
            return None
        self._news.clear()
        look, self._look = self._look, None
        return look

    def see(self, look: TaskLook) -> None:
        """Take a poll's answer in; called by the poller."""
        self._look, self.error = look, None
        self.heard_s = time.monotonic()
        self._news.set()


class Poller:
    """The polling thread; it runs from the first follower until ``close``."""

    def __init__(self, ask: Ask, poll_s: float) -> None:
        self._ask = ask
        self._poll_s = poll_s
        self._followers: dict[str, list[Follower]] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def following(self, task: str) -> Iterator[Follower]:
        """Follow a task as long as the block runs."""
        follower = Follower()
        with self._lock:
            self._followers.setdefault(task, []).append(follower)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="mjproxy", daemon=True)
                self._thread.start()
        self._wake.set()
        try:
            yield follower
        finally:
            with self._lock:
                self._followers[task].remove(follower)
                if not self._followers[task]:
                    del self._followers[task]

    def close(self) -> None:
        """End the thread."""
        with self._lock:
            self._ended.set()
            self._wake.set()
        if self._thread:
            self._thread.join(5)

    def _run(self) -> None:
        while True:
            with self._lock:
                # Looked at under the lock, or a call of ``close`` might be slept through.
                if self._ended.is_set():
                    return
                tasks = list(self._followers)
                if not tasks:
                    self._wake.clear()
            if not tasks:
                self._wake.wait()
                continue
            for start in range(0, len(tasks), BATCH):
                self._poll(tasks[start : start + BATCH])
            self._ended.wait(self._poll_s)

    def _poll(self, tasks: Sequence[str]) -> None:
        try:
            known = self._ask(tasks)
        except EngineError as error:
            self._fail(tasks, error)
        # A bug in here must not leave every drawing of the engine without news for ever.
        except Exception:  # noqa: BLE001
            event(log, "poll.failed", level=logging.ERROR, error=True)
            self._fail(tasks, EngineError("the poll failed"))
        else:
            for task, follower in self._followers_of(tasks):
                follower.see(TaskLook(known.get(task)))

    def _fail(self, tasks: Sequence[str], error: EngineError) -> None:
        for _task, follower in self._followers_of(tasks):
            follower.error = error

    def _followers_of(self, tasks: Sequence[str]) -> list[tuple[str, Follower]]:
        with self._lock:
            return [(task, f) for task in tasks for f in self._followers.get(task, ())]
