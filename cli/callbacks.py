"""``limner callbacks``: list and resend dead letters, test receivers, and enable them again."""

from __future__ import annotations

import argparse

from cli import show
from cli.processes import become
from limner.errors import ConfigError, LimnerError
from limner.plural import counted
from limner.settings import Settings
from stack import processes

KINDS = {"T": "transition", "P": "progress", "X": "end"}


def dead(options: argparse.Namespace) -> int:
    """Print one line per dead letter, newest jobs first."""
    letters = show.open_store().outbox.dead(options.limit)
    if not letters:
        print("There are no dead letters.")
        return 0
    rows = [("JOB", "SEQ", "WHAT", "HAPPENED", "GIVEN UP", "WHY")]
    rows += [
        (
            letter.event.job,
            str(letter.event.seq),
            letter.event.fields.get("status", KINDS[letter.event.kind.value]),
            show.moment(letter.event.at_ms),
            show.moment(letter.dead_ms),
            letter.why,
        )
        for letter in letters
    ]
    show.table(rows)
    return 0


def resend(options: argparse.Namespace) -> int:
    """Resend dead letters: of one job, or of every job that has any.

    Raises:
        LimnerError: there is nothing to resend.
    """
    outbox = show.open_store().outbox
    if options.all == bool(options.job):
        raise ConfigError("callbacks resend", "name one job, or --all")
    if not options.all:
        count = outbox.resend(options.job, options.seq)
        if not count:
            raise LimnerError(f"{options.job} has no such callback to resend.")
        print(f"{counted(count, 'callback')} will be resent.")
        return 0
    jobs = dict.fromkeys(letter.event.job for letter in outbox.dead(options.limit))
    count = sum(outbox.resend(job) for job in jobs)
    print(f"{counted(count, 'callback')} of {counted(len(jobs), 'job')} will be resent.")
    return 0


def try_url(options: argparse.Namespace) -> int:
    """Replace this process by the command that posts one signed test event, step by step."""
    arguments = ["--client", _client(options.client), *([options.url] if options.url else [])]
    return _trial(*arguments)


def enable(options: argparse.Namespace) -> int:
    """Enable a client's default URL again, if it accepts a test event (or without one)."""
    name = _client(options.client)
    if options.untested:
        show.open_store().outbox.enable(name)
        print(f"The default URL of {name} is used again.")
        return 0
    return _trial("--client", name, "--enable")


def _trial(*arguments: str) -> int:
    command = processes.python("workers.posting.trial", *arguments)
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
