"""The body of callbacks of jobs that came through midjourney-proxy's protocol: the task."""

from __future__ import annotations

from typing import Any

from limner.job import Job
from schemas.callback_shape import CallbackShape
from schemas.mjproxy.task import task_body


def _body(job: Job, _base_url: str) -> dict[str, Any]:
    return task_body(job)


# The state stays: clients find their own record by it.
SHAPE = CallbackShape(_body, (("prompt",), ("prompt", "description"), ("promptEn", "properties")))
