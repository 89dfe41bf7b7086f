"""POST ``/sdapi/v1/txt2img`` and ``img2img``: draw, and answer when it is drawn."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace

from flask import Response

from api import waiting
from api.accept import accept
from api.access.guard import caller
from api.answer import answer
from api.asking import lane_for, new_tag
from api.audience import Audience
from api.body import json_object
from api.faces.sdapi.entry import guarded
from api.faces.sdapi.models import alias_for
from api.house import house
from api.inline_pictures import inline_picture
from api.places import Hold
from limner.errors import LimnerError, ParentGone
from limner.job import Job, Picture, Status
from limner.pictures.conversion import PictureForm
from limner.pictures.decoding import UnreadablePictureError
from limner.reasons import Reason
from limner.store import Idempotency
from schemas.sdapi.answer import error_body, images_body
from schemas.sdapi.asked import FACE, AskedPictures, ImageToImage, TextToImage

drawing = guarded("sdapi_drawing")

#: longer than any client waits; the job goes on
WAIT_MOST_S = 3600.0
_TEXT = TextToImage()
_IMAGE = ImageToImage()


@drawing.route("/sdapi/v1/txt2img", methods=["POST", "OPTIONS"])
def txt2img() -> Response:
    """Draw a prompt."""
    return _drawn(_TEXT)


@drawing.route("/sdapi/v1/img2img", methods=["POST", "OPTIONS"])
def img2img() -> Response:
    """Draw from a picture, or redraw a part of it."""
    return _drawn(_IMAGE)


def _drawn(schema: TextToImage) -> Response:
    body = json_object()
    asked = schema.read(body, lane_for(FACE), new_tag())
    # Not after a job was accepted that nobody can wait for.
    with closing(waiting.place(caller().name)) as held:
        jobs = _accepted(asked)
        cancels = house().settings.face(FACE).hang_up_cancels
        with Audience(house(), jobs, held, cancels=cancels):
            jobs = waiting.all_ended(jobs, WAIT_MOST_S)
    stopped = next((job for job in jobs if job.status is not Status.DONE), None)
    if stopped is None:
        return _delivered(asked, body, jobs)
    if not stopped.status.ended:
        return _goes_on(stopped)
    _call_off(jobs)
    if stopped.reason_code == Reason.CANCELLED:
        # As after the web UI's interrupt: what there is, which here is nothing.
        return answer(images_body(asked, body, jobs, []))
    return _failed(stopped)


def _accepted(asked: AskedPictures) -> list[Job]:
    """Accept all that is asked for, or nothing.

    Raises:
        RequestError: it is refused, as ``accept`` says; or there is no such model.
    """
    alias = alias_for(asked.model)
    jobs: list[Job] = []
    try:
        for number, request in enumerate(asked.requests()):
            request = replace(
                request,
                lane=alias.lane or request.lane,
                engine=alias.engine,
                version=alias.version,
            )
            jobs.append(accept(request, _key(asked, number)))
    except LimnerError:
        _call_off(jobs)
        raise
    return jobs


def _key(asked: AskedPictures, number: int) -> Idempotency | None:
    """Return the key of a job: who sends the same task again waits for the same job."""
    if asked.task is None:
        return None
    same = repr(replace(asked.request, tag="", echo=None)).encode()
    key = f"{FACE} {asked.task} {number}"
    return Idempotency(key, hashlib.sha256(same).hexdigest())


def _call_off(jobs: Sequence[Job]) -> None:
    for job in jobs:
        house().store.lanes.cancel(job.id)


def _goes_on(job: Job) -> Response:
    """Say that this process ends, or that the drawing takes longer than anybody waits."""
    message = f"The drawing is not done. Job {job.id} goes on."
    response = answer(error_body("RuntimeError", message, {}), 503)
    response.headers["Retry-After"] = "5"
    return response


def _failed(job: Job) -> Response:
    mine = job.reason_code in (Reason.MODERATED, Reason.PARAMETER, Reason.REFERENCE)
    kind = "OutOfMemoryError" if job.reason_code == Reason.OUT_OF_MEMORY else "RuntimeError"
    message = job.reason or "The drawing failed."
    return answer(error_body(kind, message, {}), 400 if mine else 500)


def _delivered(asked: AskedPictures, body: dict[str, object], jobs: Sequence[Job]) -> Response:
    held = house().bodies.held(jobs[0].client, 0)
    form = PictureForm("png", size=asked.size)
    try:
        pictures = [one for job in jobs for one in job.pictures] if asked.sends_images else []
        images = [_inline(picture, form, held) for picture in pictures]
    except BaseException:
        held.close()
        raise
    response = answer(images_body(asked, body, jobs, images))
    response.call_on_close(held.close)
    return response


def _inline(picture: Picture, form: PictureForm, held: Hold) -> str:
    try:
        return inline_picture(house().images, picture.url, form, held).base64
    except (KeyError, UnreadablePictureError):
        raise ParentGone from None
