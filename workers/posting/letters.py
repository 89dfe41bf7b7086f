"""What an attempt sends and records: URL, body, signed headers, and the entry in the job's log.

Used by ``workers/posting/dispatcher.py``. Clients are looked up at most once a second; bodies are built from
the record and the event alone, so every attempt at an event sends the same bytes.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from limner.callback.policy import Event, GiveUp, Outcome, job_at
from limner.callback.signature import sign
from limner.client import Client
from limner.compact_json import compact_json
from limner.job import Job
from limner.log import event
from limner.settings import Settings
from limner.store import Store
from limner.store.outbox import Claim
from net.outgoing import Outgoing
from net.reach import Reach
from schemas.callback_shape import callback_shape

log = logging.getLogger(__name__)

BODY_MAX_BYTES = 64 * 1024
#: how long a change to a client (its secret, its allow-list) may go unnoticed
CLIENT_FRESH_S = 1.0
REPLAY_HEADER = "x-limner-replay"


@dataclass(frozen=True, slots=True)
class Letter:
    """Everything one attempt needs."""

    url: str
    body: bytes
    headers: Mapping[str, str]
    outgoing: Outgoing
    #: the client whose default URL this is, "" if it is not
    default_of: str


@dataclass(frozen=True, slots=True)
class _Known:
    client: Client | None
    disabled: bool
    fresh_until: float


class Letters:
    """Makes letters; safe to share between threads."""

    def __init__(self, store: Store, settings: Settings, clock: Callable[[], float]) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._clients: dict[str, _Known] = {}
        self._reach = Reach(settings)

    def write(self, taken: Claim) -> Letter | GiveUp:
        """Return what to send, or why nothing can be sent.

        Raises:
            StoreDown: the client cannot be looked up now.
        """
        told, record = taken.event, taken.record
        known = self._known(record["client"])
        if known.client is None or known.disabled:
            # Giving up is final, so do not decide it by a cached client.
            known = self._look_up(record["client"])
        client = known.client
        if client is None or not client.secrets:
            return GiveUp("no_client", all_of_it=True)
        try:
            job = job_of(record, told)
            body = job_bytes(job, self._settings.base_url)
        except (KeyError, TypeError, ValueError):
            event(log, "callback.broken", level=logging.ERROR, error=True, job=told.job)
            return GiveUp("broken")
        default_url = client.callback_url or self._settings.callback_url
        url = job.request.callback_url or default_url
        if url is None:
            return GiveUp("no_url", all_of_it=True)
        is_default = url == default_url
        if is_default and known.disabled and not told.resent:
            return GiveUp("disabled")
        headers = {
            "Content-Type": "application/json",
            **sign(told.id, int(self._clock()), body, client.secrets),
            **({REPLAY_HEADER: "1"} if told.resent else {}),
        }
        default_of = client.name if is_default else ""
        return Letter(url, body, headers, self._reach.of(client), default_of)

    def forget(self, client: str) -> None:
        """Drop the client from the cache."""
        self._clients.pop(client, None)

    def close(self) -> None:
        """Close the pooled connections."""
        self._reach.close()

    def _known(self, name: str) -> _Known:
        known = self._clients.get(name)
        if known is None or known.fresh_until <= time.monotonic():
            return self._look_up(name)
        return known

    def _look_up(self, name: str) -> _Known:
        fresh_until = time.monotonic() + CLIENT_FRESH_S
        client = self._store.clients.get(name)
        disabled = self._store.outbox.endpoint(name).disabled_ms is not None
        known = self._clients[name] = _Known(client, disabled, fresh_until)
        return known


def event_body(record: Mapping[str, str], told: Event, base_url: str) -> bytes:
    """Return the body of the callback that tells of an event."""
    return job_bytes(job_of(record, told), base_url)


def job_of(record: Mapping[str, str], told: Event) -> Job:
    """Return the job as it was at the event, with the event's seq."""
    return job_at(record, told.fields, told.seq)


def job_bytes(job: Job, base_url: str) -> bytes:
    """Return a callback's body for a job, without fields that would make it too long."""
    shape = callback_shape(job.request.face)
    body = shape.body(job, base_url)
    for dispensable in ((), *shape.dispensable):
        body |= dict.fromkeys(dispensable)
        encoded = _json(body)
        if len(encoded) <= BODY_MAX_BYTES:
            break
    return encoded


def attempt_record(taken: Claim, outcome: Outcome) -> dict[str, Any]:
    """Return the entry for an attempt in the job's log; the outbox adds ``at`` and ``next``."""
    told = taken.event
    facts: dict[str, Any] = {
        "seq": told.seq,
        "kind": told.kind.value,
        "id": told.id,
        "attempt": taken.tried + 1,
        "status": outcome.status,
        "error": outcome.error_class,
        "ms": outcome.took_ms,
        "address": outcome.address,
        "answer": outcome.answer.decode("utf-8", "replace") or None,
        # The redirect's target, without its query, which may contain secrets.
        "location": outcome.location.partition("?")[0][:256] if outcome.location else None,
        "resent": True if told.resent else None,
    }
    return {name: fact for name, fact in facts.items() if fact is not None}


def _json(body: Mapping[str, Any]) -> bytes:
    return compact_json(body).encode()
