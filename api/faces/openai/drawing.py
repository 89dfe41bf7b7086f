"""Turn a body into jobs: the model's lane and engine, the region of an edit, as many jobs as it takes."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from api.accept import accept
from api.asking import lane_for, new_tag
from api.faces.openai.body import of_part
from api.faces.openai.models import alias_for
from api.house import house
from limner.canvas import Size, drawable
from limner.errors import InvalidRequest, LimnerError
from limner.job import Job
from limner.pictures.decoding import (
    REFERENCE_FORMATS,
    UnreadablePictureError,
    open_picture,
    size_of,
)
from limner.pictures.editing import region_of
from limner.pictures.inline import decode
from limner.ratios import nearest_ratio
from limner.request import Request
from limner.store import Idempotency, Try
from schemas.openai.answer_form import NAME
from schemas.openai.asked import Asked
from schemas.references import is_inline

#: longest side of the picture that is edited
REGION_SIDE_PX = 2048


def jobs_for(asked: Asked, key: Idempotency | Try | None) -> list[Job]:
    """Accept what is asked for, all of it or nothing, and return its jobs.

    Raises:
        RequestError: it is refused, as ``accept`` says; or there is no such model, or the mask is none.
    """
    jobs: list[Job] = []
    try:
        for number, request in enumerate(_requests(asked)):
            jobs.append(accept(request, of_part(key, number)))
    except LimnerError:
        call_off(jobs)
        raise
    return jobs


def call_off(jobs: Sequence[Job]) -> None:
    """Cancel jobs of a request that comes to nothing."""
    for job in jobs:
        house().store.lanes.cancel(job.id)


def _requests(asked: Asked) -> Sequence[Request]:
    alias = alias_for(asked.model)
    lane = lane_for(NAME, asked.lane or alias.lane)
    if asked.mask:
        return asked.requests(alias, lane, new_tag(), region=_region(asked.images[0], asked.mask))
    ar = house().images.aside(_ratio, asked.images)
    return asked.requests(alias, lane, new_tag(), ar=ar)


def _ratio(images: Sequence[str]) -> str | None:
    """Return the nearest ratio to that of the first picture, if it was sent along."""
    if not images or not is_inline(images[0]):
        return None
    size = size_of(decode(images[0]))
    return nearest_ratio(*size) if size and all(size) else None


def _region(image: str, mask: str) -> tuple[str, Size]:
    """Return a mask that is white where to draw, and the size to draw the picture under it.

    Raises:
        InvalidRequest: one of them cannot be used.
    """
    for name, given in (("image", image), ("mask", mask)):
        if not is_inline(given):
            raise InvalidRequest(
                {name: ["Must be sent along, not as a URL, where there is a mask."]}
            )
    aside = house().images.aside
    try:
        white = aside(region_of, decode(mask), REGION_SIDE_PX)
    except UnreadablePictureError as error:
        raise InvalidRequest({"mask": [f"The mask {error}."]}) from None
    try:
        picture = aside(open_picture, decode(image), REFERENCE_FORMATS, REGION_SIDE_PX)
    except UnreadablePictureError as error:
        raise InvalidRequest({"image": [f"The image {error}."]}) from None
    return base64.b64encode(white).decode(), drawable(picture.size)
