"""Test events: one signed POST to a client's receiver, in a job's shape, which tells of no job that there is.

``TrialPoster`` posts those that clients ask for in the API, from where callbacks are posted; ``limner callbacks try``
(``workers/posting/trial.py``) posts the same.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from limner.callback.policy import Outcome
from limner.callback.signature import sign
from limner.client import Client
from limner.compact_json import sendable_json
from limner.errors import StoreDown
from limner.ids import new_id
from limner.job import Job, Status
from limner.log import event
from limner.request import CELLS, Lane, Request
from limner.settings import Settings
from limner.store import Store
from limner.store.trials import Trial
from net.reach import Reach
from schemas.limner.job import job_body

log = logging.getLogger(__name__)

#: of a whole attempt: somebody waits for it
TEST_S = 10.0
#: how soon it notices that it shall end, and tries again after an outage
WAIT_S = 1.0


def a_test_event(client: Client) -> tuple[bytes, Mapping[str, str]]:
    """Return the body and the headers of a test event, signed as the client's callbacks are.

    A receiver reads it as it reads any callback: it is the first event of a job that was just submitted, but for
    ``test``, which is true. No such job exists, so that nothing of a real one is told or missed.
    """
    now = datetime.now(UTC)
    request = Request(prompt_en="A test callback of Limner.", lane=Lane.FAST, tag="0" * 32)
    job = Job(
        id=new_id(),
        client=client.name,
        request=request,
        final_prompt=request.prompt_en,
        draw_type="draw",
        seeds=(0,) * CELLS,
        created_at=now,
        started_at=now,
        status=Status.SUBMITTED,
        seq=1,
    )
    body = sendable_json(job_body(job) | {"test": True}).encode()
    signed = sign(f"msg_test_{job.id}", int(now.timestamp()), body, client.secrets)
    return body, {"Content-Type": "application/json", **signed}


class TrialPoster:
    """Posts the test events that are asked for, one after the other."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._limit_s = min(TEST_S, settings.callback_limit_s)
        self._reach = Reach(settings)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="callbacks-tester", daemon=True)

    def start(self) -> None:
        """Start; return at once."""
        self._thread.start()

    def stop(self) -> None:
        """Take no more."""
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                trial = self._store.trials.take(WAIT_S)
                if trial:
                    self._see_to(trial)
            except StoreDown:
                self._stopping.wait(WAIT_S)
            except Exception:  # noqa: BLE001 - no bug may end the loop
                event(log, "trial.broken", level=logging.ERROR, error=True)
                self._stopping.wait(WAIT_S)
        self._reach.close()

    def _see_to(self, trial: Trial) -> None:
        """Post a test event that somebody waits for, and tell of it, though Redis be away for a moment."""
        outcome = None
        while not self._stopping.is_set():
            try:
                if not self._store.trials.awaited(trial):
                    return
                # Once: it is the answer that may have to be told again.
                outcome = outcome or self._tried(trial)
                self._store.trials.answer(trial, outcome)
            except StoreDown:
                self._stopping.wait(WAIT_S)
            else:
                return
        if outcome is None:
            # Whoever asked waits for another worker.
            self._store.trials.give_back(trial)

    def _tried(self, trial: Trial) -> dict[str, Any]:
        client = self._store.clients.get(trial.client)
        if client is None or not client.secrets:
            return told(Outcome(error="no_client"))
        body, headers = a_test_event(client)
        outcome = self._reach.of(client).post(trial.url, body, headers, self._limit_s)
        event(
            log,
            "trial.posted",
            client=trial.client,
            status=outcome.status,
            fault=outcome.error_class,
            ms=outcome.took_ms,
        )
        return told(outcome)


def told(outcome: Outcome) -> dict[str, Any]:
    """Return what a client may know of an attempt: nothing of the network."""
    return {
        "delivered": outcome.delivered,
        "status": outcome.status,
        "error": outcome.error_class,
        "ms": outcome.took_ms,
        "answer": outcome.answer.decode("utf-8", "replace") or None,
    }
