"""Keys pressed at the terminal, without waiting for Enter."""

from __future__ import annotations

import os
import select
import sys
import termios
import time
import tty
from typing import Any, Self


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
        ready, _, _ = select.select([self._descriptor], [], [], seconds)
        if not ready:
            return None
        text = os.read(self._descriptor, 1)
        if not text:
            # The terminal is gone.
            raise KeyboardInterrupt
        return text.decode("ascii", "replace")
