"""POST ``/v1/images/generations`` and ``/v1/images/edits``: draw, and answer when it is drawn."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response, g, request

from api import waiting
from api.access.guard import caller
from api.access.own import own_job
from api.answer import answer
from api.audience import Audience
from api.body import json_object
from api.event_stream import event_stream
from api.faces.openai.body import body_of_edit, key_of
from api.faces.openai.delivering import delivered
from api.faces.openai.drawing import call_off, jobs_for
from api.faces.openai.places import BASES, at
from api.faces.openai.refuse import failed, later
from api.faces.openai.streaming import Stream
from api.house import house
from api.places import Hold
from limner.errors import InvalidRequest
from limner.job import Job, Status
from limner.request import CELLS
from schemas.openai.answer import images_body, job_body
from schemas.openai.answer_form import NAME, AnswerForm
from schemas.openai.asked import Asked, EditSchema, GenerationSchema

#: longer than any client waits; the job goes on
WAIT_MOST_S = 3600.0
_GENERATION = GenerationSchema()
_EDIT = EditSchema()


def add_to(blueprint: Blueprint) -> None:
    """Route to these views."""
    at(blueprint, "/images/generations", ["POST"], generate)
    at(blueprint, "/images/edits", ["POST"], edit)
    at(blueprint, "/images/generations/<job_id>", ["GET"], look)


def generate() -> Response:
    """Draw a prompt."""
    body = json_object()
    return _drawn(_GENERATION.read(body), "image_generation", body)


def edit() -> Response:
    """Draw from pictures, or redraw the part of one that a mask leaves open."""
    body = body_of_edit()
    return _drawn(_EDIT.read(body), "image_edit", body)


def look(job_id: str) -> Response:
    """Show the pictures of a job that was made with ``Prefer: respond-async``, or how far it is."""
    job = own_job(job_id)
    g.job_id = job.id
    if job.status.ended:
        return _ended([job], AnswerForm.of(job))
    return _under_way(job)


def _drawn(asked: Asked, kind: str, body: dict[str, object]) -> Response:
    later_ = bool(asked.callback_url) or _prefers_async()
    if later_ and asked.count > CELLS:
        raise InvalidRequest({"n": [f"Must be at most {CELLS} unless you wait for the answer."]})
    if later_:
        job = _jobs(asked, body)[0]
        response = _under_way(job)
        response.headers["Preference-Applied"] = "respond-async"
        return response
    # Not after a job was accepted that nobody can wait for.
    held = waiting.place(caller().name)
    try:
        jobs = _jobs(asked, body)
        cancels = house().settings.face(NAME).hang_up_cancels
        audience = Audience(house(), jobs, held, cancels=cancels)
        if asked.stream:
            return _streamed(asked, kind, jobs, audience, held)
        with audience:
            now = waiting.all_ended(jobs, WAIT_MOST_S)
        return _ended(now, asked.wanted)
    except BaseException:
        held.close()
        raise


def _jobs(asked: Asked, body: dict[str, object]) -> list[Job]:
    jobs = jobs_for(asked, key_of(body))
    g.job_id = jobs[0].id
    return jobs


def _streamed(asked: Asked, kind: str, jobs: list[Job], audience: Audience, held: Hold) -> Response:
    stream = Stream(house(), kind, jobs, asked.wanted, asked.partial_images)
    return event_stream(stream.events(audience), held)


def _ended(jobs: list[Job], wanted: AnswerForm) -> Response:
    """Answer with the pictures of jobs that have ended, or say why there are none."""
    for job in jobs:
        if job.status is Status.FAILED:
            call_off(jobs)
            return failed(job)
        if not job.status.ended:
            return later("The drawing is not done. Ask again: it goes on.")
    held = house().bodies.held(jobs[0].client, 0)
    try:
        pictures = [one for job in jobs for one in delivered(house(), job, wanted, held)]
    except BaseException:
        held.close()
        raise
    response = answer(images_body(jobs, pictures, wanted))
    response.call_on_close(held.close)
    return response


def _under_way(job: Job) -> Response:
    base, path = house().settings.base_url, f"{BASES[0]}/images/generations/{job.id}"
    response = answer(job_body(job, base + path), HTTPStatus.ACCEPTED)
    response.headers["Location"] = base + path
    return response


def _prefers_async() -> bool:
    preferences = ",".join(request.headers.getlist("Prefer")).lower().split(",")
    return "respond-async" in (one.strip() for one in preferences)
