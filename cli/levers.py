"""``limner pause``, ``resume``, ``drain`` and ``audit``: what operators halt, and who changed what."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

from cli import show
from limner.plural import counted
from limner.printing import document, line
from limner.store.levers import Audited

#: how often ``drain --wait`` looks
LOOK_S = 0.5


def pause(options: argparse.Namespace) -> int:
    """Start nothing in a lane, on an engine or of a client until it is resumed; what runs goes on."""
    what = f"{options.subject} {options.name}"
    if changed := show.open_store().levers.halt(show.actor(), options.subject, options.name):
        sentence = f"The {what} is paused: it starts nothing until `limner resume {what}`."
    else:
        sentence = f"The {what} was paused already."
    return show.outcome(options, sentence, _body(options, "paused", changed=changed))


def resume(options: argparse.Namespace) -> int:
    """Start jobs there again: in a lane, on an engine, of a client."""
    what = f"{options.subject} {options.name}"
    changed = show.open_store().levers.resume(show.actor(), options.subject, options.name)
    sentence = f"The {what} is resumed." if changed else f"The {what} is not paused."
    return show.outcome(options, sentence, _body(options, None, changed=changed))


def _body(options: argparse.Namespace, halt: str | None, *, changed: bool) -> dict[str, object]:
    return {
        "subject": options.subject,
        "name": options.name,
        "halt": halt,
        "changed": changed,
    }


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
    if options.json:
        document({"engine": options.name, "halt": "draining", "running": running})
    else:
        line(f"The engine {options.name} starts nothing more. Left to finish there: {left}.")
        line(f"`limner resume engine {options.name}` ends that.")
    return 1 if running and options.wait else 0


def audit(options: argparse.Namespace) -> int:
    """Print what operators changed, newest first."""
    changes = show.open_store().levers.audit(options.limit)
    if options.json:
        document({"data": [change_body(change) for change in changes]})
        return 0
    if not changes:
        line("No operator has changed anything.")
        return 0
    rows = [("WHEN", "WHO", "WHAT", "CHANGE")]
    rows += [(show.moment(one.at_ms), one.who, one.what, _change(one)) for one in changes]
    show.table(rows)
    return 0


def change_body(change: Audited) -> dict[str, object]:
    """Return a line of the audit trail as JSON."""
    return {
        "at": show.wire_time(change.at_ms),
        "who": change.who,
        "what": change.what,
        "changes": [
            {"field": name, "before": before or None, "after": after or None}
            for name, before, after in _fields(change)
        ],
    }


def _change(change: Audited) -> str:
    return ", ".join(
        f"{name}: {show.or_dash(before)} → {show.or_dash(after)}"
        for name, before, after in _fields(change)
    )


def _fields(change: Audited) -> Iterator[tuple[str, str, str]]:
    """Yield each field's name and its value before and after."""
    for name in sorted({*change.before, *change.after}):
        yield name, change.before.get(name, ""), change.after.get(name, "")
