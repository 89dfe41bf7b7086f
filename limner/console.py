"""Terminal output: prefixed lines of several processes, colours, progress bars.

Used by ``limner up`` and ``limner demo``; each process also writes its log through an ``Outlet``
(``limner/log.py``). Colours and moving bars only on a terminal; plain lines everywhere else, and with
``NO_COLOR``.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable
from typing import Self, TextIO

from limner.plural import counted

RESET = "\x1b[0m"
BOLD = "\x1b[1m"
DIM = "\x1b[2m"
RED = "\x1b[31m"
GREEN = "\x1b[32m"
YELLOW = "\x1b[33m"
CYAN = "\x1b[36m"

#: one for each process, in the order of their first lines
PREFIX_COLOURS = (CYAN, GREEN, YELLOW, "\x1b[34m", "\x1b[35m", "\x1b[96m", "\x1b[92m", "\x1b[93m")
PREFIX_WIDTH = len("callbacks")

#: lines buffered for a reader that does not read; beyond that, the processes' lines are dropped
WAITING_MAX = 1000
#: after writing, lines are collected for this long, or until there are so many: waking the writer for
#: each costs a busy process more than the line itself
COLLECT_S = 0.01
COLLECT_LINES = 200
#: how long a slow reader gets to read the last lines
FINISH_S = 2.0


def _left_out(lines: int) -> str:
    return f"({counted(lines, 'line')} dropped unread)"


class Console:
    """One stream that several threads write whole lines to; the end of a ``with`` block flushes it.

    Writers never wait for the reader: otherwise a terminal stopped with Ctrl-S, or a pipe that nobody
    reads, would block the processes that write these lines.
    """

    def __init__(
        self, stream: TextIO | None = None, left_out: Callable[[int], str] = _left_out
    ) -> None:
        """Write to ``stream``; ``left_out`` makes the line that reports how many lines were dropped."""
        stream = stream or sys.stdout
        self._out = Outlet(stream, left_out)
        self._colours: dict[str, str] = {}
        self.is_terminal = stream.isatty()
        self.colourful = self.is_terminal and not os.environ.get("NO_COLOR")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.flush()

    def flush(self) -> None:
        """Wait until all is written, or the reader takes nothing."""
        self._out.finish(FINISH_S)

    def say(self, text: str = "", *, may_drop: bool = False) -> None:
        """Write one line, or several at once; droppable lines are dropped if nobody reads."""
        self._out.put(text + "\n", may_drop=may_drop)

    def say_as(self, name: str, text: str) -> None:
        """Write one line of the process called ``name``; skip empty ones."""
        if not text:
            return
        colour = self._colours.setdefault(
            name, PREFIX_COLOURS[len(self._colours) % len(PREFIX_COLOURS)]
        )
        self.say(f"{self.paint(colour, f'{name:{PREFIX_WIDTH}} |')} {text}", may_drop=True)

    def write(self, text: str) -> None:
        """Write ``text`` as it is."""
        self._out.put(text)

    def paint(self, colour: str, text: str) -> str:
        """Return ``text`` in a colour, if colours are on."""
        return f"{colour}{text}{RESET}" if self.colourful else text


class Outlet:
    """Writes to a stream in a thread of its own, and survives whatever happens to the stream."""

    def __init__(self, stream: TextIO, left_out: Callable[[int], str] = _left_out) -> None:
        self._stream = stream
        self._left_out = left_out
        try:
            # Bypass the stream's buffer: a blocked thread would hold its lock at our exit.
            self._descriptor: int | None = stream.fileno()
        except (OSError, ValueError):
            self._descriptor = None
        self._begin()
        _outlets.add(self)

    def _begin(self) -> None:
        """Start with an empty buffer; also in a forked child, where our thread does not exist."""
        self._waiting: deque[str] = deque()
        self._dropped = 0
        self._changed = threading.Condition()
        self._writing = False
        self._collecting = False
        self._thread: threading.Thread | None = None

    def put(self, text: str, *, may_drop: bool = False) -> None:
        """Queue ``text`` for writing; droppable text is dropped while too much is waiting."""
        with self._changed:
            if self._descriptor is None:
                self._stream.write(text)
                return
            if may_drop and len(self._waiting) >= WAITING_MAX:
                self._dropped += 1
                return
            if self._dropped:
                self._waiting.append(self._left_out(self._dropped) + "\n")
                self._dropped = 0
            self._waiting.append(text)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="outlet", daemon=True)
                self._thread.start()
            if not self._collecting or len(self._waiting) == COLLECT_LINES:
                self._changed.notify_all()

    def finish(self, limit_s: float) -> None:
        """Wait until all is written, or the reader takes nothing."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting and not self._writing, limit_s)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                text = "".join(self._waiting)
                self._waiting.clear()
                self._writing = True
            encoding = self._stream.encoding or "utf-8"
            # The reader is gone, the disk is full, the terminal was closed: work continues.
            with contextlib.suppress(OSError):
                self._write(text.encode(encoding, "backslashreplace"))
            with self._changed:
                self._writing = False
                self._changed.notify_all()
                self._collecting = True
                self._changed.wait_for(lambda: len(self._waiting) >= COLLECT_LINES, COLLECT_S)
                self._collecting = False

    def _write(self, data: bytes) -> None:
        assert self._descriptor is not None
        left = memoryview(data)
        while left:
            try:
                left = left[os.write(self._descriptor, left) :]
            except (
                BlockingIOError
            ):  # other programs on the same terminal may have set it non-blocking
                select.select([], [self._descriptor], [], 1.0)


_outlets: weakref.WeakSet[Outlet] = weakref.WeakSet()


def _begin_all() -> None:
    for outlet in list(_outlets):
        outlet._begin()


# The buffered text is the parent's to write, and its thread may have held the lock at the fork.
os.register_at_fork(after_in_child=_begin_all)


class CallHandler(logging.Handler):
    """Passes log records as lines to a function; ``written`` waits until they are written."""

    def __init__(
        self, say: Callable[[str], None], written: Callable[[], None] = lambda: None
    ) -> None:
        super().__init__()
        self._say = say
        self._written = written

    def emit(self, record: logging.LogRecord) -> None:
        self._say(self.format(record))

    def flush(self) -> None:
        """Wait briefly for what is not written yet."""
        self._written()


def bar(percent: int, width: int = 30) -> str:
    """Return a progress bar of ``width`` characters."""
    full = round(max(0, min(percent, 100)) * width / 100)
    return "━" * full + "─" * (width - full)
