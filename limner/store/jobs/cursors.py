"""Where a page of a client's jobs ends, and the next one begins; used by ``Jobs.page``."""

from __future__ import annotations

from typing import Any


def cursor_of(job_id: str, created_ms: float) -> str:
    """Return the cursor after which come the jobs that are older than this one."""
    return f"{int(created_ms)}-{job_id}"


def rank_after(redis: Any, index: str, cursor: str | None) -> int:
    """Return the rank of the first job after the cursor, also if its job is gone meanwhile.

    Raises:
        ValueError: it is none of ours.
    """
    if cursor is None:
        return 0
    created, _, job_id = cursor.partition("-")
    if not created.isdigit() or not job_id:
        raise ValueError("not a cursor")
    rank = redis.zrevrank(index, job_id)
    return int(rank) + 1 if rank is not None else int(redis.zcount(index, f"({created}", "+inf"))
