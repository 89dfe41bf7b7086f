"""Answers of OpenAI's images API, from jobs: pictures, events of a stream, models, a job that is not done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from limner.canvas import Size
from limner.job import Job, Status
from schemas.openai.answer_form import AnswerForm
from schemas.openai.size import AUTO, in_words

#: whole, because the SDKs' types require every part; nothing is counted in tokens here
USAGE = {
    "input_tokens": 0,
    "input_tokens_details": {"image_tokens": 0, "text_tokens": 0},
    "output_tokens": 0,
    "total_tokens": 0,
}
_STATUS = {
    Status.WAITING: "queued",
    Status.SUBMITTED: "in_progress",
    Status.DRAWING: "in_progress",
    Status.DONE: "completed",
    Status.FAILED: "failed",
}


@dataclass(frozen=True, slots=True)
class GivenPicture:
    """One picture as its caller wants it: a URL or base64."""

    size: Size | None
    url: str | None = None
    b64_json: str | None = None
    seed: int | None = None

    def item(self) -> dict[str, Any]:
        """Return its entry in an answer."""
        found = {"url": self.url, "b64_json": self.b64_json, "seed": self.seed}
        return {name: value for name, value in found.items() if value is not None}


def images_body(jobs: Sequence[Job], pictures: Sequence[GivenPicture], wanted: AnswerForm) -> Any:
    """Return the answer of ``generations`` and ``edits``."""
    first = jobs[0]
    return {
        "created": int((first.finished_at or first.created_at).timestamp()),
        "data": [picture.item() for picture in pictures],
        **_about(wanted, pictures[0].size if pictures else None),
        "usage": USAGE,
        "id": first.id,
    }


def partial_event(
    kind: str, wanted: AnswerForm, picture: GivenPicture, place: int, created_at: int
) -> dict[str, Any]:
    """Return the event of an unfinished picture; ``kind``: ``image_generation`` or ``image_edit``."""
    return {
        "type": f"{kind}.partial_image",
        "b64_json": picture.b64_json,
        "partial_image_index": place,
        "created_at": created_at,
        **_about(wanted, picture.size),
    }


def completed_event(
    kind: str, wanted: AnswerForm, picture: GivenPicture, created_at: int
) -> dict[str, Any]:
    """Return the event of a finished picture."""
    return {
        "type": f"{kind}.completed",
        "b64_json": picture.b64_json,
        "created_at": created_at,
        **_about(wanted, picture.size),
        "usage": USAGE,
    }


def job_body(job: Job, path: str) -> dict[str, Any]:
    """Return a job that is not done, with where to ask again."""
    return {
        "id": job.id,
        "object": "image.generation",
        "created": int(job.created_at.timestamp()),
        "status": _STATUS[job.status],
        "progress": job.progress,
        "position": job.position,
        "url": path,
    }


def model_body(name: str) -> dict[str, Any]:
    """Return one model."""
    return {"id": name, "object": "model", "created": LISTED_SINCE, "owned_by": "limner"}


#: models have no age here, but the SDKs require one
LISTED_SINCE = 1_767_225_600


def models_body(names: Iterable[str]) -> dict[str, Any]:
    """Return the list of models."""
    return {"object": "list", "data": [model_body(name) for name in names]}


def _about(wanted: AnswerForm, size: Size | None) -> dict[str, Any]:
    return {
        "background": "opaque",
        "output_format": wanted.output_format,
        "quality": wanted.quality,
        "size": in_words(size) if size else AUTO,
    }
