"""Builders of what tests arrange: requests, jobs in the store, engines' settings, messages."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest

from limner.client import Budgets
from limner.errors import JobConflict
from limner.followup import FollowUp
from limner.job import Job
from limner.message import Messages, _Template
from limner.request import Lane, Request
from limner.settings import EngineSettings, LaneLimits
from limner.store import Charge, Store

#: a message reduced to what the scripts read of it
MESSAGES = Messages(
    {
        lane: _Template(
            text=json.dumps(
                {"body": "", "headers": {"id": "0f0f0f0f-1d1d-4d1d-8d1d-1d1d0f0f0f0f"}}
            ),
            body='[["0f0f0f0f-1d1d-4d1d-8d1d-1d1d0f0f0f0f"], {}, {}]',
        )
        for lane in Lane
    }
)

WORKER = "worker-1"
NOTHING = Charge()
UNLIMITED = Budgets()


def a_request(**changes) -> Request:
    """A plain fast request; name fields to change them."""
    request = Request(prompt_en="a lighthouse", lane=Lane.FAST, tag=uuid.uuid4().hex)
    return replace(request, **changes)


def an_accepted_job(
    store: Store,
    *,
    client: str = "ann",
    waiting_cap: int = 1000,
    destination: str | None = "http://receiver:80",
    charge: Charge = NOTHING,
    budgets: Budgets = UNLIMITED,
    follow_up: FollowUp | None = None,
    job_id: str = "",
    **request,
) -> Job:
    """A job that waits in its lane, with its message."""
    request.setdefault("callback_url", "http://receiver/hook")
    asked = a_request(**request)
    # As the API gives them: they follow each other.
    first = 1 if asked.seed is None else asked.seed
    return store.jobs.accept(
        job_id or uuid.uuid4().hex,
        client,
        asked,
        tuple(range(first, first + (asked.count or 4))),
        MESSAGES,
        waiting_cap=waiting_cap,
        destination=destination,
        charge=charge,
        budgets=budgets,
        follow_up=follow_up,
    ).job


def an_upload(name: str) -> dict[str, str]:
    """What is recorded of an upload."""
    kept = {"type": "image/png", "size": "9", "sha256": "0"}
    return {"id": name, "key": f"{name}.b64", "name": "a.png", **kept}


def an_engine(
    name: str = "stage",
    *,
    fast: int = 2,
    relaxed: int = 1,
    fast_gap_s: float = 0.0,
    relaxed_gap_s: float = 0.0,
    clients: tuple[str, ...] = (),
    weight: float = 1.0,
    price: int | None = None,
    **options,
) -> EngineSettings:
    """A rehearsal engine with so many slots a lane."""
    return EngineSettings(
        name=name,
        driver="rehearsal",
        fast=LaneLimits(fast, fast_gap_s),
        relaxed=LaneLimits(relaxed, relaxed_gap_s),
        clients=clients,
        weight=weight,
        price=price,
        options=options,
    )


def a_worker(store: Store, *engines: EngineSettings, worker: str = WORKER) -> str:
    """A worker of both lanes that has these engines (default: one with 2 fast slots)."""
    engines = engines or (an_engine(),)
    store.engines.register(engines)
    for lane in Lane:
        store.lanes.renew(worker, lane, [engine.name for engine in engines], {})
    return worker


def messages_in(store: Store, lane: Lane = Lane.FAST) -> list[str]:
    """Job ids of the messages on a lane's list, the next one first."""
    return [json.loads(m)["headers"]["id"] for m in reversed(store.redis.lrange(lane.value, 0, -1))]


@contextlib.contextmanager
def conflict(code: str, words: str | None = None) -> Iterator[None]:
    """Expect that the job's state does not allow it, for that reason."""
    with pytest.raises(JobConflict, match=words) as caught:
        yield
    assert caught.value.code == code
