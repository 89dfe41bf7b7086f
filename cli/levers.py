"""``limner pause``, ``resume``, ``drain`` and ``audit``: what operators halt, and who changed what."""

from __future__ import annotations

import argparse
import time

from cli import show
from limner.plural import counted
from limner.store.levers import Audited

#: how often ``drain --wait`` looks
LOOK_S = 0.5


def pause(options: argparse.Namespace) -> int:
    """Start nothing in a lane, on an engine or of a client until it is resumed; what runs goes on."""
    what = f"{options.subject} {options.name}"
    if show.open_store().levers.halt(show.actor(), options.subject, options.name):
        print(f"The {what} is paused: it starts nothing until `limner resume {what}`.")
    else:
        print(f"The {what} was paused already.")
    return 0


def resume(options: argparse.Namespace) -> int:
    """Start jobs there again: in a lane, on an engine, of a client."""
    what = f"{options.subject} {options.name}"
    if show.open_store().levers.resume(show.actor(), options.subject, options.name):
        print(f"The {what} starts jobs again.")
    else:
        print(f"The {what} is not paused.")
    return 0


def drain(options: argparse.Namespace) -> int:
    """Start nothing on an engine any more; exit code 1 if drawings still run after ``--wait`` seconds."""
    store = show.open_store()
    store.levers.halt(show.actor(), "engine", options.name, "draining")
    until = time.monotonic() + options.wait
    while True:
        running = sum(
            sum(engine.leased.values())
            for engine in store.engines.all()
            if engine.name == options.name
        )
        if not running or time.monotonic() >= until:
            break
        time.sleep(LOOK_S)
    left = counted(running, "drawing") if running else "nothing"
    print(f"The engine {options.name} starts nothing more. Left to finish there: {left}.")
    print(f"`limner resume engine {options.name}` ends that.")
    return 1 if running and options.wait else 0


def audit(options: argparse.Namespace) -> int:
    """Print what operators changed, newest first."""
    lines = show.open_store().levers.audit(options.limit)
    if not lines:
        print("No operator has changed anything.")
        return 0
    rows = [("WHEN", "WHO", "WHAT", "CHANGE")]
    rows += [(show.moment(line.at_ms), line.who, line.what, _change(line)) for line in lines]
    show.table(rows)
    return 0


def _change(line: Audited) -> str:
    names = sorted({*line.before, *line.after})
    return ", ".join(
        f"{name}: {show.or_dash(line.before.get(name))} → {show.or_dash(line.after.get(name))}"
        for name in names
    )
