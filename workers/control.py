"""Make Celery's remote control commands, which Flower's buttons send, do what they say for jobs.

A revoke cancels its job at once, wherever the job is; Celery alone would wait until the job's turn came.
Rate and time limits are refused: slots and gaps of engines say how often a lane starts, and threads cannot
be interrupted. Called by ``workers.app``.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable
from typing import Any

from celery.worker.control import Panel

from limner.errors import JobNotFound, StoreDown
from limner.log import event

log = logging.getLogger(__name__)

REFUSED = {
    "rate_limit": "Jobs have no rate limits: see `limner engines set` for slots and gaps.",
    "time_limit": "Jobs have no time limits in Celery: see LIMNER_DRAWING_LIMIT_S.",
}


def take_over(cancel: Callable[[str], None]) -> None:
    """Put our commands in place of Celery's; ``cancel(job_id)`` ends a job."""
    for name in ("revoke", "terminate"):
        Panel.data[name] = _cancelling(Panel.data[name], cancel)
    for name, sentence in REFUSED.items():
        Panel.data[name] = _refusing(name, sentence)


def _cancelling(command: Callable[..., Any], cancel: Callable[[str], None]) -> Callable[..., Any]:
    def cancelling(state: Any, *args: Any, task_id: Any = None, **kwargs: Any) -> Any:
        for job_id in _ids(task_id):
            # One that is unknown, or has ended, needs nothing.
            with contextlib.suppress(StoreDown, JobNotFound):
                cancel(job_id)
        return command(state, *args, task_id=task_id, **kwargs)

    return cancelling


def _refusing(name: str, sentence: str) -> Callable[..., Any]:
    def refusing(_state: Any, **_arguments: Any) -> Any:
        event(log, "control.refused", level=logging.WARNING, command=name)
        return {"error": sentence}

    return refusing


def _ids(given: Any) -> Iterable[str]:
    """Return the ids that a command names: one, or several."""
    many = given if isinstance(given, (list, tuple, set)) else [given]
    return [one for one in many if isinstance(one, str)]
