"""A job's status as the number that callers know it by: the one table."""

from __future__ import annotations

from collections.abc import Mapping

from limner.job import Status

STATUS_CODE: Mapping[Status, int] = {
    Status.WAITING: -2,
    Status.SUBMITTED: -1,
    Status.DRAWING: 0,
    Status.DONE: 1,
    Status.FAILED: 2,
}
STATUS_OF: Mapping[int, Status] = {code: status for status, code in STATUS_CODE.items()}
