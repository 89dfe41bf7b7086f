"""The screen of ``limner top``: as many rows of each table as fit. Loaded only on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from cli import show
from cli.top.look import Snapshot
from cli.top.sections import Section, sections
from limner.printing import BAD, QUIET, TITLE, clean


def screen(snapshot: Snapshot, trouble: str, hint: str, columns: int, lines: int) -> Group:
    """Return the whole screen; ``trouble``: why it is not of now; ``hint``: what keys do, or did."""
    found = sections(snapshot)
    kept = share_lines([len(section.rows) for section in found], lines - 1)
    parts: list[Text | Table] = [_title(snapshot, trouble, hint)]
    for section, count in zip(found, kept, strict=False):
        parts += [Text(""), _table(section, count, columns)]
    return Group(*parts)


def share_lines(wanted: Sequence[int], lines: int) -> list[int]:
    """Return how many rows the first tables get, and none for those that find no place at all.

    Each takes two lines more than it has rows. They get one row more in turns, from the first on.
    """
    shown = min(len(wanted), lines // 3)
    kept = [1] * shown
    left = lines - 3 * shown
    while left > 0 and kept != list(wanted[:shown]):
        for place in range(shown):
            if kept[place] < wanted[place] and left > 0:
                kept[place] += 1
                left -= 1
    return kept


def _title(snapshot: Snapshot, trouble: str, hint: str) -> Text:
    at = show.moment(snapshot.numbers.at_ms)[:19]
    if trouble:
        text = Text.assemble(("Limner", TITLE), f"  {at} UTC  ", (clean(trouble), BAD))
    else:
        text = Text.assemble(("Limner", TITLE), f"  {at} UTC  ", (clean(hint), QUIET))
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def _table(section: Section, count: int, columns: int) -> Table:
    first, *others = section.head
    if count < len(section.rows):
        first = f"{first} ({count} of {len(section.rows)})"
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style=TITLE, width=columns)
    for place, name in enumerate((first, *others)):
        # The last column takes what is left, so that the others do not move from second to second.
        last = place == len(others)
        grid.add_column(name, no_wrap=True, overflow="ellipsis", ratio=1 if last else None)
    for row in section.rows[:count]:
        grid.add_row(*(Text(clean(cell), show.STYLES.get(cell, "")) for cell in row))
    return grid
