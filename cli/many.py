"""``limner jobs``: list, cancel or submit again the jobs that a filter names; and what other commands need for that.

Nothing is changed before the count was shown and ``--yes`` was given.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cli import show
from cli.processes import a_child, become
from limner.errors import ConfigError
from limner.job import Job, Status
from limner.plural import counted
from limner.printing import document, line
from limner.request import Lane
from limner.settings import Settings
from limner.store import Store
from limner.store.jobs.search import Wanted
from stack import processes

UNFINISHED = frozenset(status for status in Status if not status.ended)
UNITS_S = {"s": 1, "min": 60, "h": 3600, "d": 86_400}
#: clients, lanes and the like that a count names
NAMED = 8


@dataclass(frozen=True, slots=True)
class Filter:
    """An option that names jobs."""

    name: str
    metavar: str
    about: str
    choices: tuple[str, ...] = ()


FILTERS = (
    Filter("lane", "LANE", "fast or relaxed", tuple(lane.value for lane in Lane)),
    Filter("engine", "NAME", "that draws or drew them"),
    Filter("client", "NAME", "whose jobs"),
    Filter(
        "status", "STATUS", "waiting, submitted, drawing, done, failed", tuple(map(str, Status))
    ),
    Filter("reason", "CODE", "why they failed: engine_down"),
    Filter("since", "WHEN", "accepted since: 30min, 2h, 3d or a time"),
    Filter("tag", "TAG", "with this tag"),
    Filter("id", "ID", "this one alone"),
)


def add_filters(parser: argparse.ArgumentParser) -> None:
    """Add the options that name jobs; for a process that a command becomes."""
    for one in FILTERS:
        parser.add_argument(f"--{one.name}", choices=one.choices or None)


def wanted(options: argparse.Namespace, statuses: Iterable[Status] = ()) -> Wanted:
    """Return what the options name; ``statuses``: those that are meant if none is named.

    Raises:
        ConfigError: nothing is named, or the status is not one of ``statuses``.
    """
    most = frozenset(statuses)
    named = frozenset({Status(options.status)}) if options.status else most
    if most and not named <= most:
        raise ConfigError("--status", f"must be one of {', '.join(sorted(most))}")
    return Wanted(
        lane=Lane(options.lane) if options.lane else None,
        engine=options.engine,
        client=options.client,
        statuses=named,
        reason=options.reason,
        since=moment_of(options.since, datetime.now(UTC)) if options.since else None,
        tag=options.tag,
        id=options.id,
    )


def filters(options: argparse.Namespace) -> dict[str, str]:
    """Return the filters that the options name, as they were written."""
    return {one.name: given for one in FILTERS if (given := getattr(options, one.name))}


def moment_of(text: str, now: datetime) -> datetime:
    """Return the moment that `2h` (ago) or a time in ISO 8601 names, in UTC if it names no zone.

    Raises:
        ConfigError: it is neither.
    """
    digits = text.rstrip("smindh")
    unit = text[len(digits) :]
    try:
        if unit in UNITS_S:
            return now - timedelta(seconds=float(digits) * UNITS_S[unit])
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ConfigError("--since", f"must be like 30min, 2h, 3d or a time ({text!r})") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def about(jobs: Sequence[Job]) -> str:
    """Return how many jobs these are, and by status, lane and client."""
    parts = (
        _counts(job.status.value for job in jobs),
        _counts(job.lane.value for job in jobs),
        _counts(job.client for job in jobs),
    )
    return f"{counted(len(jobs), 'job')}: {'; '.join(parts)}" if jobs else "0 jobs"


def _counts(words: Iterable[str]) -> str:
    counts = Counter(words).most_common()
    named = [f"{count} {word}" for word, count in counts[:NAMED]]
    return ", ".join([*named, *(["…"] if len(counts) > NAMED else [])])


def confirmed(
    options: argparse.Namespace, count: int, sentence: str, body: Mapping[str, object]
) -> bool:
    """Show what is meant, and say whether to go on; ``body``: the JSON of an end here."""
    go_on = bool(count and options.yes)
    if not options.json:
        line(sentence)
        if count and not go_on:
            line("Nothing is changed without --yes.")
    elif not go_on:
        document(body)
    return go_on


def listing(options: argparse.Namespace) -> int:
    """Print one line per job, newest first."""
    jobs = show.open_store().search.find(wanted(options), options.limit)
    if options.json:
        # Not above: marshmallow takes longer to load than most commands take.
        from schemas.limner.job import job_body

        document({"data": [job_body(job) | {"client": job.client} for job in jobs]})
        return 0
    if not jobs:
        line("There are no such jobs.")
        return 0
    rows = [("JOB", "CLIENT", "LANE", "STATUS", "ENGINE", "ACCEPTED", "WHY")]
    rows += [
        (
            job.id,
            job.client,
            job.lane.value,
            job.status.value,
            show.or_dash(job.engine),
            show.moment(job.created_at.timestamp() * 1000),
            job.reason_code or "",
        )
        for job in jobs
    ]
    show.table(rows)
    return 0


def cancel(options: argparse.Namespace) -> int:
    """Cancel the unfinished jobs that the filter names; exit code 1 if ``--yes`` is missing."""
    _some(options)
    store = show.open_store()
    jobs = store.search.find(wanted(options, UNFINISHED), options.limit)
    if not confirmed(options, len(jobs), about(jobs), {"found": len(jobs), "cancelled": 0}):
        return 1 if jobs else 0
    done = cancel_these(store, show.actor(), jobs, filters(options))
    body = {"found": len(jobs), "cancelled": done}
    return show.outcome(options, f"{counted(done, 'job')} cancelled.", body)


def cancel_these(store: Store, who: str, jobs: Sequence[Job], chosen: Mapping[str, str]) -> int:
    """Cancel jobs, found by the filters ``chosen``, and return how many had not ended before."""
    store.levers.note(who, "jobs", {"cancelled": str(len(jobs)), **chosen})
    # Those that wait first, or they would be given the slots of the others.
    waiting_first = sorted(jobs, key=lambda job: job.status is not Status.WAITING)
    return sum(store.lanes.cancel(job.id, operator=True) for job in waiting_first)


def _some(options: argparse.Namespace) -> None:
    if not filters(options):
        raise ConfigError(f"jobs {options.action}", "name at least one of the filters")


def again(options: argparse.Namespace) -> int:
    """Replace this process by the command that submits failed jobs again."""
    _some(options)
    wanted(options, {Status.FAILED})
    arguments = [part for name, given in filters(options).items() for part in (f"--{name}", given)]
    arguments += ["--limit", str(options.limit), *(["--yes"] if options.yes else [])]
    arguments += ["--json"] if options.json else []
    command = a_child("api.again", *arguments)
    return become(command, processes.environment(Settings.load()))


#: why a job was not moved to the front
NOT_MOVED = {
    "unknown": "There is no such job.",
    "running": "That job is submitted or drawing: it does not wait.",
    "ended": "That job has ended: it does not wait.",
}


def front(options: argparse.Namespace) -> int:
    """Move a waiting job, or those that the filter names, to the front; exit code 1 if it does not wait."""
    if bool(options.job) == bool(filters(options)):
        raise ConfigError("jobs front", "name one job, or filters")
    if not options.job:
        return _many_to_front(options)
    answer = show.open_store().lanes.to_front(options.job, show.actor())
    sentence = NOT_MOVED.get(answer, "The job is at the front of its lane.")
    show.outcome(options, sentence, {"job": options.job, "answer": answer})
    return 0 if answer == "moved" else 1


def _many_to_front(options: argparse.Namespace) -> int:
    store = show.open_store()
    jobs = store.search.find(wanted(options, {Status.WAITING}), options.limit)
    if not confirmed(options, len(jobs), about(jobs), {"found": len(jobs), "moved": 0}):
        return 1 if jobs else 0
    done = front_these(store, show.actor(), jobs, filters(options))
    sentence = f"{counted(done, 'job')} moved to the front."
    return show.outcome(options, sentence, {"found": len(jobs), "moved": done})


def front_these(store: Store, who: str, jobs: Sequence[Job], chosen: Mapping[str, str]) -> int:
    """Move waiting jobs, the newest of which comes first, to the front; return how many were moved."""
    store.levers.note(who, "jobs", {"moved to the front": str(len(jobs)), **chosen})
    # The oldest last: so it is the first, and they keep their order.
    return sum(store.lanes.to_front(job.id, "") == "moved" for job in jobs)
