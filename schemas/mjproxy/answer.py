"""SubmitResult: how midjourney-proxy answers whatever is submitted, accepted or refused.

One code of its servers is never given: 3, which lets a relay switch its whole channel off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from limner.draft import Draft
from limner.job import Job
from limner.plural import counted
from schemas.mjproxy.task import STATUS_OF, ahead_of, window_of

ACCEPTED, WINDOW, QUEUED, FULL, BANNED, REFUSED, FAILED = 1, 21, 22, 23, 24, 4, 9


def result_body(
    code: int, description: str, result: str | None, properties: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return a SubmitResult. ``result``: None if refused, since some clients take any other for accepted."""
    return {
        "code": code,
        "description": description,
        "result": result,
        "properties": dict(properties or {}),
    }


def submitted_body(job: Job) -> dict[str, Any]:
    """Return the answer for a job that was accepted, now or before."""
    ahead = ahead_of(job)
    url = job.picture.url if job.picture else None
    properties: dict[str, Any] = {"status": STATUS_OF[job.status], "imageUrl": url}
    if not ahead:
        return result_body(ACCEPTED, "Submitted.", job.id, properties)
    properties["numberOfQueues"] = ahead
    return result_body(QUEUED, f"Queued, {counted(ahead, 'job')} ahead.", job.id, properties)


def window_body(draft: Draft, parent: Job) -> dict[str, Any]:
    """Return the answer for a button that opens a window."""
    return result_body(WINDOW, "Waiting for window confirm.", draft.id, window_of(parent))


def refused_body(
    code: int, message: str, fields: Mapping[str, Sequence[str]] | None = None
) -> dict[str, Any]:
    """Return a refusal; what is wrong with the fields is in its sentence: clients show nothing else."""
    wrong = [f"{name}: {' '.join(sentences)}" for name, sentences in (fields or {}).items()]
    said = " ".join([message, *wrong])
    return result_body(code, said, None) | {"error": said}


def banned_body(
    message: str, fields: Mapping[str, Sequence[str]], prompt: str, word: str | None
) -> dict[str, Any]:
    """Return the refusal of words that may not be drawn; ``word``: of the operator's list."""
    properties = {"promptEn": prompt, "bannedWord": word}
    return refused_body(BANNED, message, fields) | {"properties": properties}
