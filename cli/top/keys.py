"""Keys pressed at the terminal, without waiting for Enter."""

from __future__ import annotations

import os
import select
import sys
import termios
import time
import tty
from typing import Any, Self

#: how long the rest of a key's sequence may take to come, over a slow line
SEQUENCE_S = 0.05
ESCAPE = "\x1b"
#: right and down, left and up, also as some terminals send them; Tab
NEXT = ("\x1b[C", "\x1b[B", "\x1bOC", "\x1bOB", "\t")
PREVIOUS = ("\x1b[D", "\x1b[A", "\x1bOD", "\x1bOA", "\x1b[Z")
ENTER = ("\r", "\n")
BACKSPACE = ("\x7f", "\b")


class Keys:
    """Reads single keys while the ``with`` block lasts; no terminal: no keys."""

    def __init__(self) -> None:
        self._descriptor: int | None = None
        self._before: list[Any] = []

    def __enter__(self) -> Self:
        if sys.stdin is not None and sys.stdin.isatty():
            self._descriptor = sys.stdin.fileno()
            self._before = termios.tcgetattr(self._descriptor)
            # Ctrl-C and Ctrl-Z keep their meaning.
            tty.setcbreak(self._descriptor)
        return self

    def __exit__(self, *error: object) -> None:
        if self._descriptor is not None:
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._before)

    def pressed_within(self, seconds: float) -> str | None:
        """Wait for a key, and return it; None: there was none."""
        if self._descriptor is None:
            time.sleep(seconds)
            return None
        if not _is_ready(self._descriptor, seconds):
            return None
        key = _read(self._descriptor)
        if key == ESCAPE and _is_ready(self._descriptor, SEQUENCE_S):
            key += _read(self._descriptor)
            if key[-1] in "[O":
                key += _read(self._descriptor)
        return key


def _is_ready(descriptor: int, seconds: float) -> bool:
    return bool(select.select([descriptor], [], [], seconds)[0])


def _read(descriptor: int) -> str:
    text = os.read(descriptor, 1)
    if not text:
        # The terminal is gone.
        raise KeyboardInterrupt
    return text.decode("ascii", "replace")
