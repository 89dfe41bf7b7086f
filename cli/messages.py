"""``limner messages``: show foreign messages that were found on the broker's queues."""

from __future__ import annotations

import argparse

from cli import show
from limner.plural import counted
from limner.printing import document, line
from limner.store.aside import ABOUT, Stranger, Why


def listing(options: argparse.Namespace) -> int:
    """Print the messages that were set aside, newest first; long ones were truncated when they were stored."""
    found = show.open_store().aside.list(options.limit)
    if options.json:
        document({"data": [_body(stranger) for stranger in found]})
        return 0
    if not found:
        line("No messages were set aside.")
    for stranger in found:
        line(f"{show.moment(stranger.at_ms)}  {stranger.queue}  {_about(stranger)}")
        # As a Python literal, so that what is no text at all can be read as well.
        line(f"  {counted(stranger.size_bytes, 'byte')}: {stranger.text!a}")
    return 0


def drop(options: argparse.Namespace) -> int:
    """Delete the messages that were set aside."""
    store = show.open_store()
    count = store.aside.drop()
    if count:
        store.levers.note(show.actor(), "messages", {"deleted": str(count)})
    return show.outcome(options, f"{counted(count, 'message')} deleted.", {"deleted": count})


def _about(stranger: Stranger) -> str:
    return ABOUT[Why(stranger.why)] if stranger.why in set(Why) else stranger.why


def _body(stranger: Stranger) -> dict[str, object]:
    return {
        "at": show.wire_time(stranger.at_ms),
        "queue": stranger.queue,
        "why": stranger.why,
        "about": _about(stranger),
        "sizeBytes": stranger.size_bytes,
        "text": stranger.text,
    }
