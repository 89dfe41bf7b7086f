"""GET ``/ops/…``: lanes, engines, workers, clients, jobs, dead letters, the audit trail; for operators."""

from __future__ import annotations

from dataclasses import replace

from flask import Response, request

import cli.callbacks
import cli.clients
import cli.engines
import cli.jobs
import cli.levers
from api.answer import answer
from api.house import house
from api.ops.entry import a_room, as_options
from cli import many
from limner.store.jobs.spending import by_client, by_engine
from limner.version import version
from schemas.limner.job import job_body
from schemas.ops.asked import AuditQuery, JobsQuery, LettersQuery
from schemas.ops.openapi import ops_document

looking = a_room("looking")

_JOBS, _LETTERS, _AUDIT = JobsQuery(), LettersQuery(), AuditQuery()


@looking.get("/openapi.json")
def ops_openapi() -> Response:
    """Return the operators' OpenAPI document."""
    return answer(ops_document(house().settings.base_url, version()))


@looking.get("/overview")
def overview() -> Response:
    """Show the whole gateway at one moment."""
    return answer(house().overview.body())


@looking.get("/lanes")
def lanes() -> Response:
    """Show the lanes."""
    numbers = house().store.numbers.read()
    found = [
        {
            "name": lane.value,
            "waiting": now.waiting,
            "oldestS": now.oldest_s,
            "workers": now.workers,
            "stalledS": now.stalled_s,
            "halt": numbers.halted.lanes.get(lane),
        }
        for lane, now in numbers.lanes.items()
    ]
    return answer({"data": found})


@looking.get("/engines")
def engines() -> Response:
    """Show the engines."""
    numbers = house().store.numbers.read()
    spent = by_engine(numbers.counts)
    return answer(
        {
            "data": [cli.engines.body(now, spent) for now in numbers.engines],
            "currency": house().settings.currency,
        }
    )


@looking.get("/workers")
def workers() -> Response:
    """Count the living workers of each lane."""
    numbers = house().store.numbers.read()
    found = [{"lane": lane.value, "workers": now.workers} for lane, now in numbers.lanes.items()]
    return answer({"data": found})


@looking.get("/clients")
def clients() -> Response:
    """Show the clients, with what they use."""
    store = house().store
    paused = store.levers.halted().clients
    found = [client for name in store.clients.names() if (client := store.clients.get(name))]
    spent = by_client(store.numbers.read().counts)
    rows = [
        cli.clients.body(one, paused) | cli.clients.state_body(store, one, spent.get(one.name, {}))
        for one in found
    ]
    return answer({"data": rows, "currency": house().settings.currency})


@looking.get("/jobs")
def jobs() -> Response:
    """Show a page of the jobs of all clients, newest first."""
    asked = _JOBS.read(request.args.to_dict())
    wanted = replace(many.wanted(as_options(asked.filters)), before=asked.before)
    found = house().store.search.find(wanted, asked.limit + 1)
    page = found[: asked.limit]
    last = page[-1] if len(found) > asked.limit else None
    cursor = f"{round(last.created_at.timestamp() * 1000)}-{last.id}" if last else None
    return answer(
        {"data": [job_body(job) | {"client": job.client} for job in page], "cursor": cursor}
    )


@looking.get("/jobs/<job_id>")
def job(job_id: str) -> Response:
    """Show all that is known about a job, and why it waits."""
    store = house().store
    return answer(cli.jobs.body(store, store.jobs.get(job_id)))


@looking.get("/dead-letters")
def dead_letters() -> Response:
    """Show dead letters, those of the newest jobs first."""
    options = as_options(_LETTERS.fields_of(request.args.to_dict()))
    store = house().store
    letters = cli.callbacks.dead_letters(store, options)
    return answer({"data": cli.callbacks.bodies(store, letters)})


@looking.get("/audit")
def audit() -> Response:
    """Show what operators changed, newest first."""
    limit = _AUDIT.fields_of(request.args.to_dict())["limit"]
    changes = house().store.levers.audit(limit)
    return answer({"data": [cli.levers.change_body(change) for change in changes]})
