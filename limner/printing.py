"""What commands print: JSON for programs, colours on a terminal, plain lines anywhere else.

Used by ``cli/`` and by the commands that become another process (``engines/check.py``,
``workers/posting/trial.py``). rich is loaded only where there is a terminal.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console

#: a text, or a text and the style that it has on a terminal
Part = str | tuple[str, str]

BAD, GOOD, NOTE, QUIET, TITLE = "bold red", "green", "yellow", "dim", "bold"

#: prompts and engines' own words are printed, and nothing in them may control the terminal
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}


def console() -> Console | None:
    """Return rich's view of standard output; None: it is not a terminal."""
    if not sys.stdout.isatty():
        return None
    from rich.console import Console

    # Given the file and not left to find it: whether there is a terminal was just decided.
    return Console(file=sys.stdout, force_terminal=True, markup=False, highlight=False, emoji=False)


def clean(text: str) -> str:
    """Return ``text`` with its control characters, line ends included, spelled out."""
    return text.translate(_CONTROLS)


def line(*parts: Part) -> None:
    """Print one line."""
    styled = [(part, "") if isinstance(part, str) else part for part in parts]
    texts = [(clean(text), style) for text, style in styled]
    out = console()
    if out is None:
        sys.stdout.write("".join(text for text, _ in texts).rstrip() + "\n")
        return
    from rich.text import Text

    # The terminal wraps it, so that it is copied as one line.
    out.print(Text.assemble(*texts), soft_wrap=True)


def document(body: Mapping[str, Any]) -> None:
    """Print the whole answer of a command as JSON; ASCII, so that any stream can carry it."""
    sys.stdout.write(json.dumps(body, indent=2) + "\n")


def record(body: Mapping[str, Any]) -> None:
    """Print one of a command's reports as a line of JSON, at once."""
    sys.stdout.write(json.dumps(body) + "\n")
    sys.stdout.flush()


def silence(stream: TextIO) -> None:
    """Write to nowhere from now on: the reader is gone, and Python would complain at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class Steps:
    """The steps of a test as they are made: one line each."""

    def __init__(self, width: int, *, as_json: bool) -> None:
        self._width = width
        self._as_json = as_json

    def say(self, step: str, good: bool, detail: str) -> None:
        """Report one step; if nobody reads any more, the test goes on, and its exit code says the end."""
        try:
            self._print(step, good, detail)
        except BrokenPipeError:
            silence(sys.stdout)

    def _print(self, step: str, good: bool, detail: str) -> None:
        if self._as_json:
            record({"step": step, "ok": good, "text": detail})
            return
        mark = ("ok  ", GOOD) if good else ("FAIL", BAD)
        line(mark, f"  {step:{self._width}} {detail}")
        sys.stdout.flush()
