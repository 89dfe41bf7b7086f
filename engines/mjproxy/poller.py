"""One thread that polls every drawing of an engine in this process, a hundred at a time.

A drawing's own thread sleeps meanwhile, so the cost depends on the number of polls and not of drawings.
Between two checks it sees only the newest record.
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

#: most ids in one request
BATCH = 100

Ask = Callable[[Sequence[str]], dict[str, Task]]


@dataclass(frozen=True, slots=True)
class TaskLook:
    """One poll's result for one task: its record, or None if the server does not know it."""

    task: Task | None


class Follower:
    """One drawing's subscription to the poller."""

    def __init__(self) -> None:
        self._news = threading.Event()
        self._look: TaskLook | None = None
        #: when the server last responded, in monotonic seconds
        self.heard_s = time.monotonic()
        #: why it does not respond
        self.error: EngineError | None = None

    def next_look(self, timeout_s: float) -> TaskLook | None:
        """Return the newest poll's result, once; None if there was none in time."""
        if not self._news.wait(timeout_s):
            return None
        self._news.clear()
        look, self._look = self._look, None
        return look

    def see(self, look: TaskLook) -> None:
        """Store a poll's result; called by the poller."""
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
        """Follow a task while the block runs."""
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
        """Stop the thread."""
        with self._lock:
            self._ended.set()
            self._wake.set()
        if self._thread:
            self._thread.join(5)

    def _run(self) -> None:
        while True:
            with self._lock:
                # Checked under the lock, or a call of ``close`` might go unnoticed.
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
        # A bug here must not leave all drawings of the engine without news for ever.
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
