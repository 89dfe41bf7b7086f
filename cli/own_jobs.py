"""``limner jobs``, ``cancel`` and ``status`` over HTTP: a client's own jobs, or with an operator's token all jobs."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from cli import many, show
from cli.caller import OPERATORS, calling, is_elsewhere, token_of
from cli.drawing import API, find
from cli.watching import JOBS
from limner.errors import ConfigError
from limner.job import Status
from limner.printing import document, line
from net.calling import CallRefused, Calls
from schemas.status import STATUS_CODE
from stack.receiver import WORDS

#: what a client's own list can be asked for
OWN = ("status", "tag")
#: entries of a page; the API gives no more to a client
PAGE = 100


def listing(options: argparse.Namespace) -> int:
    """Print one line per job, newest first: from the store, or over HTTP if a gateway or a token is named."""
    if not is_elsewhere(options):
        return many.listing(options)
    with calling(options) as calls:
        if token_of(options).startswith(OPERATORS):
            jobs = _pages(calls, "/ops/jobs", many.filters(options), options.limit)
        else:
            jobs = _pages(calls, JOBS, _own(options), options.limit)
    if options.json:
        document({"data": jobs})
        return 0
    if not jobs:
        line("There are no such jobs.")
        return 0
    rows = [("JOB", "LANE", "STATUS", "ENGINE", "ACCEPTED", "WHY")]
    rows += [
        (
            job["id"],
            "fast" if job["fast"] else "relaxed",
            WORDS[job["status"]],
            show.or_dash(job["engine"]),
            job["createdAt"][:19].replace("T", " "),
            job["reasonCode"] or "",
        )
        for job in jobs
    ]
    show.table(rows)
    return 0


def _own(options: argparse.Namespace) -> dict[str, Any]:
    asked = many.filters(options)
    if others := [f"--{name}" for name in asked if name not in OWN]:
        known = ", ".join(f"--{name}" for name in OWN)
        raise ConfigError(", ".join(others), f"a client's own jobs are listed by {known}")
    if options.status:
        asked["status"] = str(STATUS_CODE[Status(options.status)])
    return asked


def _pages(calls: Calls, path: str, asked: Mapping[str, Any], most: int) -> list[dict[str, Any]]:
    """Return the newest ``most`` of these jobs."""
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while len(found) < most:
        query = {**asked, "limit": min(PAGE, most - len(found))}
        page = calls.get(path, query | ({"cursor": cursor} if cursor else {}))
        found += page["data"]
        cursor = page["cursor"]
        if not cursor:
            break
    return found


def cancel(options: argparse.Namespace) -> int:
    """Cancel jobs, waiting or drawing; exit code 1 if one had ended otherwise before."""
    done: list[dict[str, Any]] = []
    with calling(options) as calls:
        for name in options.jobs:
            job = calls.delete(f"{JOBS}/{find(calls, name)['id']}")
            done.append({"id": job["id"], "reasonCode": job["reasonCode"]})
            if not options.json:
                line(f"{job['id']} is cancelled.")
    if options.json:
        document({"data": done})
    return 0


def status(options: argparse.Namespace) -> int:
    """Tell whether the gateway accepts and draws jobs, and how many of the caller's wait and run; exit code 1 if not."""
    with calling(options) as calls:
        ready, why = _ready(calls)
        own = not token_of(options).startswith(OPERATORS)
        waiting = calls.post(f"{API}/waiting", {})["data"] if own else None
        running = calls.post(f"{API}/pending", {})["data"] if own else None
    if options.json:
        counts = {"waiting": waiting, "running": running}
        document({"url": calls.url, "ready": why is None, "why": why, **ready, **counts})
        return 1 if why else 0
    show.facts(
        {
            "gateway": calls.url,
            "state": f"not ready: {why}" if why else "ok",
            "workers": _listed(ready["workers"]),
            "engines": _listed(ready["engines"]),
            **({"your jobs": f"{waiting} waiting, {running} running"} if own else {}),
        }
    )
    for warning in ready["warnings"]:
        line(warning)
    return 1 if why else 0


def _ready(calls: Calls) -> tuple[dict[str, Any], str | None]:
    """Return what `/readyz` tells, and why the gateway is not ready, if it is not."""
    try:
        body = calls.get("/readyz")
    except CallRefused as error:
        return {"workers": {}, "engines": {}, "warnings": []}, error.message
    return {name: body[name] for name in ("workers", "engines", "warnings")}, None


def _listed(found: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in found.items())
