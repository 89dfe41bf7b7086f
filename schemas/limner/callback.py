"""The body of the gateway's own callbacks: the job, as look-ups show it."""

from __future__ import annotations

from typing import Any

from limner.job import Job
from schemas.callback_shape import CallbackShape
from schemas.limner.job import job_body


def _body(job: Job, _base_url: str) -> dict[str, Any]:
    return job_body(job)


SHAPE = CallbackShape(_body, (("prompt",), ("prompt", "finalPrompt"), ("extra",)))
