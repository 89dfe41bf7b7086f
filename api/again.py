"""``python -m api.again``: submit failed jobs again as operators ask; ``limner jobs again`` becomes this."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from flask import Flask

from api import create_app
from api.house import house
from api.resubmission import Resubmitted, submit_these
from cli import show
from cli.many import about, add_filters, confirmed, filters, wanted
from limner.exits import exit_code
from limner.job import Status
from limner.plural import counted
from limner.printing import document, line
from limner.settings import Settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Submit the failed jobs that the filters name; exit code 1 if ``--yes`` is missing or some were refused.

    Raises:
        ConfigError: a filter is wrong.
        StoreDown: Redis cannot be reached.
    """
    parser = argparse.ArgumentParser(prog="limner jobs again")
    add_filters(parser)
    parser.add_argument("--limit", type=int, default=10_000)
    parser.add_argument("--yes", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    return run(create_app(Settings.load()), options)


def run(app: Flask, options: argparse.Namespace) -> int:
    """Do that with the parts of an application."""
    with app.app_context():
        house().store.schema.check()
        jobs = house().store.search.find(wanted(options, {Status.FAILED}), options.limit)
        if not confirmed(options, len(jobs), about(jobs), Resubmitted().body(len(jobs))):
            return 1 if jobs else 0
        outcome = submit_these(show.actor(), jobs, filters(options))
    if options.json:
        document(outcome.body(len(jobs)))
        return 1 if outcome.refused else 0
    line(f"{counted(outcome.done, 'job')} submitted again.")
    if outcome.before:
        line(f"{counted(outcome.before, 'job')} had been submitted again before.")
    for why, count in outcome.refused.items():
        line(f"{counted(count, 'job')} refused: {why}")
    return 1 if outcome.refused else 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
