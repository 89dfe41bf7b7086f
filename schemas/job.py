"""The one shape in which a job is shown: answers, look-ups and callback bodies (DESIGN 2.2).

``job_body`` is called by the API's views and by the callbacks' poster. It is a plain function: every
value comes from our own record, so there is nothing to check, and it runs once for every callback.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from limner.job import Job, Picture, Status

STATUS_CODE: Mapping[Status, int] = {
    Status.WAITING: -2,
    Status.SUBMITTED: -1,
    Status.DRAWING: 0,
    Status.DONE: 1,
    Status.FAILED: 2,
}
STATUS_OF: Mapping[int, Status] = {code: status for status, code in STATUS_CODE.items()}

#: the follow-ups, each 1 once it was used
MARKS = ("u1", "u2", "u3", "u4", "r", "v1", "v2", "v3", "v4")


def job_body(job: Job) -> dict[str, Any]:
    """Return the job as callers see it, ready for JSON."""
    request, picture = job.request, job.picture
    return {
        "id": job.id,
        "messageId": job.id,
        "tag": request.tag,
        "status": STATUS_CODE[job.status],
        "progress": job.progress,
        "prompt": request.prompt,
        "promptEn": request.prompt_en,
        "finalPrompt": job.final_prompt,
        "fast": request.lane == "fast",
        "drawType": job.draw_type,
        "ar": job.ar,
        "arRequested": job.ar_requested,
        "url": picture.url if picture else None,
        "width": picture.width if picture else None,
        "height": picture.height if picture else None,
        "images": [_picture(cell) for cell in job.cells],
        **{mark: int(mark in job.marks) for mark in MARKS},
        "reason": job.reason,
        "reasonCode": job.reason_code,
        "engine": job.engine,
        "position": job.position,
        "notes": dict(job.notes),
        "extra": request.extra,
        "createdAt": rfc3339(job.created_at),
        "startedAt": rfc3339(job.started_at) if job.started_at else None,
        "finishedAt": rfc3339(job.finished_at) if job.finished_at else None,
        "seq": job.seq,
    }


def rfc3339(moment: datetime) -> str:
    """Return an aware UTC moment with milliseconds and a ``Z``."""
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _picture(picture: Picture) -> dict[str, Any]:
    return {"url": picture.url, "width": picture.width, "height": picture.height}
