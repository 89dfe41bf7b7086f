"""``limner callbacks``: list and resend dead letters, test receivers, and enable them again."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace

from cli import many, show
from cli.jobs import error_of
from cli.processes import a_child, become
from limner.callback.policy import DeadLetter
from limner.errors import ConfigError, LimnerError
from limner.plural import counted
from limner.printing import document, line
from limner.settings import Settings
from limner.store import Store
from stack import processes

#: dead letters that are looked through by a filter
DEAD_SCAN = 10_000
#: why a dead letter was given up
WHYS = (
    "exhausted",
    "rejected",
    "gone",
    "expired",
    "superseded",
    "disabled",
    "broken",
    "not_allowed",
)
KINDS = {"T": "transition", "P": "progress", "X": "end"}


def dead(options: argparse.Namespace) -> int:
    """Print each dead letter, newest jobs first: whose it is, where it was to go, and what went wrong."""
    store = show.open_store()
    letters = dead_letters(store, options)
    told = [_seen(store, letter) for letter in letters]
    if options.json:
        found = zip(bodies(store, letters), told, strict=True)
        document({"data": [body | facts for body, facts in found]})
        return 0
    if not letters:
        line("There are no dead letters.")
    for letter, facts in zip(letters, told, strict=True):
        event = letter.event
        line(f"{event.job}  seq {event.seq} {_what(letter)}  {letter.why}")
        error = facts["error"] or "not tried"
        place = f"{facts['client'] or 'a client that was removed'} at {facts['destination'] or 'no URL'}"
        show.wrapped(["    "], f"{place}: {error}; given up {show.seconds_of(letter.dead_ms)}")
    return 0


def _seen(store: Store, letter: DeadLetter) -> dict[str, object]:
    """Return whose a dead letter is, where it was to go, and how its last attempt failed."""
    record = store.numbers.look(letter.event.job).record
    return {
        "client": record.get("client"),
        "destination": record.get("dest"),
        "error": error_of(store.outbox.told(letter.event.job), letter.event.seq),
    }


def resend(options: argparse.Namespace) -> int:
    """Resend dead letters: of one job, of every job that has any, or those that the filter names.

    Raises:
        LimnerError: there is nothing to resend.
    """
    store = show.open_store()
    chosen = letter_filters(options)
    if [options.all, bool(options.job), bool(chosen)].count(True) != 1:
        raise ConfigError("callbacks resend", "name one job, or --all, or filters")
    if options.job:
        count = resend_one(store, show.actor(), options.job, options.seq)
        if not count:
            raise LimnerError(f"{options.job} has no such callback to resend.")
        sentence = f"{counted(count, 'callback')} will be resent."
        return show.outcome(options, sentence, {"found": count, "callbacks": count, "jobs": 1})
    letters = dead_letters(store, options)
    jobs = dict.fromkeys(letter.event.job for letter in letters)
    if chosen:
        about = f"{counted(len(letters), 'dead letter')} of {counted(len(jobs), 'job')}"
        found = {"found": len(letters), "callbacks": 0, "jobs": len(jobs)}
        if not many.confirmed(options, len(letters), about, found):
            return 1 if letters else 0
        count = resend_these(store, show.actor(), letters, chosen)
    else:
        count = sum(store.outbox.resend(job) for job in jobs)
        _note(store, show.actor(), count, chosen)
    sentence = f"{counted(count, 'callback')} of {counted(len(jobs), 'job')} will be resent."
    return show.outcome(
        options, sentence, {"found": len(letters), "callbacks": count, "jobs": len(jobs)}
    )


def dead_letters(store: Store, options: argparse.Namespace) -> list[DeadLetter]:
    """Return the dead letters that the options name, newest jobs first; ``--since``: given up since."""
    chosen = letter_filters(options)
    if not chosen:
        return store.outbox.dead(options.limit)
    letters = store.outbox.dead(DEAD_SCAN)
    jobs = store.search.these(list(dict.fromkeys(letter.event.job for letter in letters)))
    wanted = many.wanted(options)
    since_ms = wanted.since.timestamp() * 1000 if wanted.since else 0
    found = [
        letter
        for letter in letters
        if (job := jobs.get(letter.event.job))
        and replace(wanted, since=None).fits(job)
        and letter.dead_ms >= since_ms
        and options.why in (None, letter.why)
    ]
    return found[: options.limit]


def letter_filters(options: argparse.Namespace) -> dict[str, str]:
    """Return the filters that the options name, as they were written."""
    return many.filters(options) | ({"why": options.why} if options.why else {})


def resend_one(store: Store, who: str, job: str, seq: int | None) -> int:
    """Resend a job's dead letters, or its last event, and return how many will be posted; ``seq``: only that."""
    count = store.outbox.resend(job, seq)
    _note(store, who, count, {"job": job})
    return count


def resend_these(
    store: Store, who: str, letters: Sequence[DeadLetter], chosen: dict[str, str]
) -> int:
    """Resend dead letters, found by the filters ``chosen``, and return how many will be posted."""
    count = sum(store.outbox.resend(one.event.job, one.event.seq) for one in letters)
    _note(store, who, count, chosen)
    return count


def _note(store: Store, who: str, count: int, chosen: dict[str, str]) -> None:
    if count:
        store.levers.note(who, "callbacks", {"resent": str(count), **chosen})


def try_url(options: argparse.Namespace) -> int:
    """Replace this process by the command that posts one signed test event, step by step."""
    arguments = ["--client", _client(options.client), *([options.url] if options.url else [])]
    return _trial(options, *arguments)


def enable(options: argparse.Namespace) -> int:
    """Enable a client's default URL again, if it accepts a test event (or without one)."""
    name = _client(options.client)
    if options.untested:
        enable_url(show.open_store(), show.actor(), name)
        sentence = f"The default URL of {name} is used again."
        return show.outcome(options, sentence, {"client": name, "enabled": True})
    return _trial(options, "--client", name, "--enable")


def enable_url(store: Store, who: str, name: str) -> None:
    """Use a client's default URL again, as if it had never failed."""
    store.outbox.enable(name)
    store.levers.note(who, f"client {name}", {"default URL": "enabled"})


def _what(letter: DeadLetter) -> str:
    return letter.event.fields.get("status", KINDS[letter.event.kind.value])


def bodies(store: Store, letters: Sequence[DeadLetter]) -> list[dict[str, object]]:
    """Return dead letters as JSON, each with its job's client."""
    jobs = store.search.these(list(dict.fromkeys(letter.event.job for letter in letters)))
    return [
        body(letter) | {"client": job.client if (job := jobs.get(letter.event.job)) else None}
        for letter in letters
    ]


def body(letter: DeadLetter) -> dict[str, object]:
    """Return a dead letter as JSON."""
    return {
        "job": letter.event.job,
        "seq": letter.event.seq,
        "id": letter.event.id,
        "what": _what(letter),
        "at": show.wire_time(letter.event.at_ms),
        "givenUpAt": show.wire_time(letter.dead_ms),
        "why": letter.why,
    }


def _trial(options: argparse.Namespace, *arguments: str) -> int:
    arguments = (*arguments, "--json") if options.json else arguments
    command = a_child("workers.posting.trial", *arguments)
    return become(command, processes.environment(Settings.load()))


def _client(name: str | None) -> str:
    """Return the client's name; if none is given, the only client's.

    Raises:
        ConfigError: there is no such client, or it is not clear which.
    """
    clients = show.open_store().clients
    names = clients.names()
    if name is None and len(names) == 1:
        return names[0]
    if name is None:
        raise ConfigError("--client", f"must name one of {', '.join(names) or 'no clients yet'}")
    if name not in names:
        raise ConfigError("client", f"there is no client called {name!r}")
    return name
