"""What Limner says on a terminal: prefixed lines of several processes, colours, progress bars.

Used by ``limner up`` and ``limner demo``. Colours and bars that move only on a terminal; plain lines
everywhere else, and with ``NO_COLOR``.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
from collections.abc import Callable
from typing import TextIO

RESET = "\x1b[0m"
BOLD = "\x1b[1m"
DIM = "\x1b[2m"
RED = "\x1b[31m"
GREEN = "\x1b[32m"
YELLOW = "\x1b[33m"
CYAN = "\x1b[36m"

#: one for each process, in the order they first speak
PREFIX_COLOURS = (CYAN, GREEN, YELLOW, "\x1b[34m", "\x1b[35m", "\x1b[96m", "\x1b[92m", "\x1b[93m")
PREFIX_WIDTH = len("callbacks")


class Console:
    """One stream that several threads write whole lines to."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._lock = threading.Lock()
        self._colours: dict[str, str] = {}
        self.is_terminal = self._stream.isatty()
        self.colourful = self.is_terminal and not os.environ.get("NO_COLOR")

    def say(self, text: str = "") -> None:
        """Write one line, or several at once."""
        # Whoever read us is gone (`limner up | head`): the work goes on.
        with self._lock, contextlib.suppress(OSError, ValueError):
            self._stream.write(text + "\n")
            self._stream.flush()

    def say_as(self, name: str, text: str) -> None:
        """Write one line of the process called ``name``; empty ones are left out."""
        if not text:
            return
        colour = self._colours.setdefault(
            name, PREFIX_COLOURS[len(self._colours) % len(PREFIX_COLOURS)]
        )
        self.say(f"{self.paint(colour, f'{name:{PREFIX_WIDTH}} |')} {text}")

    def write(self, text: str) -> None:
        """Write ``text`` as it is."""
        with self._lock, contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()

    def paint(self, colour: str, text: str) -> str:
        """Return ``text`` in a colour, where there are colours."""
        return f"{colour}{text}{RESET}" if self.colourful else text


class CallHandler(logging.Handler):
    """Log records as lines given to a function."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__()
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        self._say(self.format(record))


def bar(percent: int, width: int = 30) -> str:
    """Return a progress bar of ``width`` characters."""
    full = round(max(0, min(percent, 100)) * width / 100)
    return "━" * full + "─" * (width - full)
