"""Notifications of progress: a job's percent, and what it waits for before there is any."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from limner.job import Job, Status
from schemas.mcp.messages import notification_body
from schemas.mcp.results import step

_TOTAL = 100
#: a job that starts, before its first percent
_STARTING = 0.75


class ProgressNotes:
    """What a call tells of its job; the protocol wants each number above the one before."""

    def __init__(self, token: Any) -> None:
        """``token``: what the caller wants repeated; None: it wants no notifications."""
        self._token = token
        self._last = -1.0

    def of(self, job: Job) -> Iterator[dict[str, Any]]:
        """Yield a notification, if there is something to tell."""
        reached = _reached(job)
        if self._token is None or job.status.ended or reached <= self._last:
            return
        self._last = reached
        told = {"progressToken": self._token, "progress": reached, "total": _TOTAL}
        yield notification_body("notifications/progress", told | {"message": step(job)})


def _reached(job: Job) -> float:
    """Return how far a job is, percent: below one while it waits, and rising from place to place."""
    if job.status is Status.WAITING:
        return round(1 / (1 + job.position), 4) if job.position else 0.0
    return max(job.progress, _STARTING)
