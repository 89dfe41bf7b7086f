"""Helpers of the commands: their answers as JSON or for people, times, and the store that they read.

JSON follows the API: one object, names in camel case, a list under ``data``, times in RFC 3339, other
durations in seconds (a name that ends in ``S``), null for what there is not.
"""

from __future__ import annotations

import argparse
import getpass
import os
import textwrap
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from limner.job import from_ms, rfc3339
from limner.printing import BAD, GOOD, NOTE, QUIET, TITLE, Part, clean, console, document, line
from limner.settings import Settings
from limner.store import Store
from limner.store.engines import EngineNow

#: what any terminal has, and what a text gets at least
WIDTH, MIN_ROOM = 80, 30

#: words that have a colour where they are all of a table's cell or of a fact
STYLES = {
    **dict.fromkeys(("ok", "done", "enabled", "well"), GOOD),
    **dict.fromkeys(
        ("busy", "disabled", "submitted", "drawing", "paused", "draining", "drained"), NOTE
    ),
    **dict.fromkeys(("down", "refused", "failing", "failed"), BAD),
}


def open_store() -> Store:
    """Return the configured store.

    Raises:
        StoreUnfit: its data are of a newer Limner.
        StoreDown: Redis cannot be reached.
    """
    store = Store.of(Settings.load())
    store.schema.check()
    return store


def actor() -> str:
    """Return who changes something, for the audit trail: `cli:USER`."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        # A container's account may have no name.
        return f"cli:{os.getuid()}"


def outcome(options: argparse.Namespace, sentence: str, body: Mapping[str, Any]) -> int:
    """Print what a command has done: a sentence for people, or ``body``; return success."""
    if options.json:
        document(body)
    else:
        line(sentence)
    return 0


def or_dash(value: object) -> str:
    """Return a value as text; a dash for None and empty values."""
    return "-" if value in (None, "") else str(value)


def table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows as a table; the first one names the columns."""
    out = console()
    if out is None:
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            line("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)))
        return
    from rich.table import Table
    from rich.text import Text

    head, *body = rows
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style=TITLE)
    for place, name in enumerate(head):
        # The first column is what other commands take: whole, or it could not be copied.
        grid.add_column(name, no_wrap=not place, overflow="fold")
    for row in body:
        grid.add_row(*(Text(clean(cell), STYLES.get(cell, "")) for cell in row))
    out.print(grid)


def facts(pairs: Mapping[str, object]) -> None:
    """Print one line per field, and more for a long text."""
    width = max(map(len, pairs))
    for name, value in pairs.items():
        text = or_dash(value)
        wrapped([(f"{name:{width}}", QUIET), "  "], text, STYLES.get(text, ""))


def wrapped(before: Sequence[Part], text: str, style: str = "") -> None:
    """Print a text behind what stands ``before`` it, in lines of at most ``WIDTH``; an address stays whole."""
    indent = sum(len(part if isinstance(part, str) else part[0]) for part in before)
    room = max(WIDTH - indent, MIN_ROOM)
    # Control characters are spelled out before they are counted.
    lines = textwrap.wrap(clean(text), room, break_long_words=False, break_on_hyphens=False)
    line(*before, (lines[0] if lines else "", style))
    for more in lines[1:]:
        line(" " * indent, (more, style))


def moment(at_ms: float) -> str:
    """Return a time in UTC for people, to the millisecond."""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S.%f}"[:-3] + "Z"


def seconds_of(at_ms: float) -> str:
    """Return a time in UTC for people, to the second."""
    return f"{moment(at_ms)[:19]}Z"


def wire_time(at_ms: float | None) -> str | None:
    """Return a time as JSON has it."""
    return None if at_ms is None else rfc3339(from_ms(at_ms))


def duration(seconds: float) -> str:
    """Return a duration in readable form: `0.4 s`, `12 s`, `3 min`, `5 h`, `2 d`."""
    for unit, length in (("d", 86_400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"


def engine_state(now: EngineNow | None) -> tuple[str, str]:
    """Return an engine's state and why, or what is wrong besides, for a table."""
    if now is None:
        return "-", ""
    if not now.workers:
        return "-", "no running worker has it"
    why = now.why
    if now.paused_s:
        rest = f"tried again in {duration(now.paused_s)}"
        why = f"{why}; {rest}" if why else rest
    if not now.halt:
        return now.state, why
    by = f"by an operator: `limner resume engine {now.name}`"
    drained = now.halt == "draining" and not any(now.leased.values())
    state = "drained" if drained else now.halt
    return state, by if now.state == "ok" else f"{by}; {now.state}: {why}"
