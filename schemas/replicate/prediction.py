"""A job as Replicate's clients see it: a prediction. Used by the face's views and its callbacks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from limner.job import Job, Status, rfc3339
from limner.reasons import Reason
from schemas.replicate.echo import Echo, shortened

#: of official models, which have no versions that one could name
NO_VERSION = "hidden"
#: the model of jobs that came through other faces
OTHER_MODEL = "limner/limner"
STARTING, PROCESSING, SUCCEEDED = "starting", "processing", "succeeded"
FAILED, CANCELED, ABORTED = "failed", "canceled", "aborted"
STATUSES = (STARTING, PROCESSING, SUCCEEDED, FAILED, CANCELED, ABORTED)
_BY_STATUS = {
    Status.WAITING: STARTING,
    Status.SUBMITTED: STARTING,
    Status.DRAWING: PROCESSING,
    Status.DONE: SUCCEEDED,
}
_BAR = 20


def prediction_body(job: Job, base_url: str, *, held: bool = False) -> dict[str, Any]:
    """Return the job as a prediction.

    ``held``: as the answer to a caller that was to wait for the end. Until then it is starting: of any other
    status, Replicate's library for JavaScript takes an answer with none of the output for the whole.
    """
    echo = Echo.of(job) or _echo_of_other(job)
    status = status_of(job)
    if held and status == PROCESSING:
        status = STARTING
    url = f"{base_url}/v1/predictions/{job.id}"
    body = {
        "id": job.id,
        "model": echo.model or OTHER_MODEL,
        "version": echo.version or NO_VERSION,
        "status": status,
        "input": dict(echo.input),
        "output": _output(job),
        "error": job.reason or "The drawing failed." if status == FAILED else None,
        "logs": "\n".join(_logs(job, echo)),
        "metrics": _metrics(job),
        "created_at": rfc3339(job.created_at),
        "started_at": rfc3339(job.started_at) if job.started_at else None,
        "completed_at": rfc3339(job.finished_at) if job.finished_at else None,
        "data_removed": False,
        "source": "api",
        "urls": {"get": url, "cancel": f"{url}/cancel"},
    }
    if job.request.deadline_s is not None:
        body["deadline"] = rfc3339(job.created_at + timedelta(seconds=job.request.deadline_s))
    return body


def page_body(jobs: Sequence[Job], cursor: str | None, base_url: str) -> dict[str, Any]:
    """Return some predictions, and where the next ones are."""
    return {
        "previous": None,
        "next": f"{base_url}/v1/predictions?cursor={cursor}" if cursor else None,
        "results": [prediction_body(job, base_url) for job in jobs],
    }


def status_of(job: Job) -> str:
    """Return a job's status in Replicate's words."""
    if job.status is not Status.FAILED:
        return _BY_STATUS[job.status]
    if job.reason_code == Reason.CANCELLED:
        return CANCELED
    if job.reason_code == Reason.DEADLINE_PASSED:
        return CANCELED if job.started_at else ABORTED
    return FAILED


def _echo_of_other(job: Job) -> Echo:
    """Return what a caller of Replicate's would have sent for a job of another face."""
    request = job.request
    said = {
        "negative_prompt": request.negative,
        "aspect_ratio": None if request.size else request.ar_requested or request.ar,
        "width": request.size[0] if request.size else None,
        "height": request.size[1] if request.size else None,
        "seed": request.seed,
    }
    kept = shortened({name: value for name, value in said.items() if value is not None})
    return Echo(OTHER_MODEL, input={"prompt": request.prompt_en, "num_outputs": job.count} | kept)


def _output(job: Job) -> list[str] | None:
    if job.status is not Status.DONE:
        return None
    return [*job.prompts] or [picture.url for picture in job.pictures]


def _logs(job: Job, echo: Echo) -> Iterator[str]:
    """Yield what is worth telling, the progress last, as libraries look for it."""
    yield from echo.notes
    for name, level in job.applied.items():
        if level == "none":
            yield f"Not used by this engine: {name}."
    if job.waits_for:
        yield f"Waiting: {job.waits_for}."
    elif job.position:
        yield f"Waiting: position {job.position}."
    if job.reason:
        yield job.reason
    if job.status.running or job.status is Status.DONE:
        bar = "█" * (_BAR * job.progress // 100)
        yield f"{job.progress:3}%|{bar:<{_BAR}}| {job.progress}/100"


def _metrics(job: Job) -> dict[str, float]:
    if not job.finished_at:
        return {}
    found = {"total_time": (job.finished_at - job.created_at).total_seconds()}
    if job.started_at:
        found["predict_time"] = (job.finished_at - job.started_at).total_seconds()
    return {name: max(0.0, round(seconds, 3)) for name, seconds in found.items()}
