"""``limner messages``: show foreign messages that were found on the broker's queues."""

from __future__ import annotations

import argparse

from cli import show
from limner.plural import counted
from limner.store.aside import ABOUT, Why


def listing(options: argparse.Namespace) -> int:
    """Print the messages that were set aside, newest first; long ones were truncated when they were stored."""
    found = show.open_store().aside.list(options.limit)
    if not found:
        print("No messages were set aside.")
        return 0
    for stranger in found:
        about = ABOUT[Why(stranger.why)] if stranger.why in set(Why) else stranger.why
        print(f"{show.moment(stranger.at_ms)}  {stranger.queue}  {about}")
        # As a Python literal, so that nothing in it can control the terminal.
        print(f"  {counted(stranger.size_bytes, 'byte')}: {stranger.text!a}")
    return 0


def drop(_options: argparse.Namespace) -> int:
    """Delete the messages that were set aside."""
    store = show.open_store()
    count = store.aside.drop()
    if count:
        store.levers.note(show.actor(), "messages", {"deleted": str(count)})
    print(f"{counted(count, 'message')} deleted.")
    return 0
