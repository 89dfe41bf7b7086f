"""``python -m api.again``: submit failed jobs again as operators ask; ``limner jobs again`` becomes this.

Here, because the new jobs go through ``accept`` like any other.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from flask import Flask, g

from api import create_app
from api.followups import submit_copy
from api.house import house
from cli import show
from cli.many import about, add_filters, confirmed, filters, wanted
from limner.client import Budgets
from limner.errors import LimnerError, RequestError
from limner.job import Job, Status
from limner.plural import counted
from limner.printing import document, line
from limner.settings import Settings
from limner.store import Idempotency


def main(arguments: Sequence[str] | None = None) -> int:
    """Submit the failed jobs that the filters name; exit code 1 if ``--yes`` is missing or some were refused."""
    parser = argparse.ArgumentParser(prog="limner jobs again")
    add_filters(parser)
    parser.add_argument("--limit", type=int, default=10_000)
    parser.add_argument("--yes", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    try:
        return run(create_app(Settings.load()), options)
    except LimnerError as error:
        print(error.message, file=sys.stderr)
        return 2


def run(app: Flask, options: argparse.Namespace) -> int:
    """Do that with the parts of an application."""
    with app.app_context():
        store = house().store
        jobs = store.search.find(wanted(options, {Status.FAILED}), options.limit)
        nothing = _body(jobs, Counter(), 0, 0)
        if not confirmed(options, len(jobs), about(jobs), nothing):
            return 1 if jobs else 0
        chosen = filters(options)
        store.levers.note(show.actor(), "jobs", {"submitted again": str(len(jobs)), **chosen})
        # The oldest first: so they keep their order.
        outcomes = Counter(_outcome(job) for job in reversed(jobs))
    done, before = outcomes.pop("", 0), outcomes.pop("before", 0)
    if options.json:
        document(_body(jobs, outcomes, done, before))
        return 1 if outcomes else 0
    line(f"{counted(done, 'job')} submitted again.")
    if before:
        line(f"{counted(before, 'job')} had been submitted again before.")
    for why, count in outcomes.most_common():
        line(f"{counted(count, 'job')} refused: {why}")
    return 1 if outcomes else 0


def _body(
    jobs: Sequence[Job], refused: Mapping[str, int], done: int, before: int
) -> dict[str, object]:
    return {
        "found": len(jobs),
        "submitted": done,
        "submittedBefore": before,
        "refused": [{"why": why, "jobs": count} for why, count in refused.items()],
    }


def _outcome(job: Job) -> str:
    """Submit a job again: return "", or why not; "before": that was done in the last 24 hours."""
    store = house().store
    client = store.clients.get(job.client)
    if client is None:
        return "There is no such client any more."
    # It was counted when it was accepted first.
    g.client = replace(client, budgets=Budgets())
    key = Idempotency(f"limner jobs again {job.id}", job.id)
    try:
        if store.jobs.earlier(client.name, key):
            return "before"
        submit_copy(job, key)
    except RequestError as error:
        return error.message
    return ""


if __name__ == "__main__":
    sys.exit(main())
