"""What a watched job is at one moment, to be compared by who waits for a change: ``api/waiting.py``."""

from __future__ import annotations

from typing import NamedTuple

from limner.job import Job


class State(NamedTuple):
    """The part of a job that changes while it is watched."""

    seq: int
    status: str
    progress: int
    url: str

    @classmethod
    def of(cls, job: Job) -> State:
        """Return the state of a job as read."""
        return cls(job.seq, job.status, job.progress, job.picture.url if job.picture else "")
