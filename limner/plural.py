"""Counts in sentences for people: "1 job", "2 jobs". Used wherever a message contains a number of things."""

from __future__ import annotations


def counted(count: int, thing: str) -> str:
    """Return a count with its noun, in the plural unless the count is one; a regular noun only."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"
