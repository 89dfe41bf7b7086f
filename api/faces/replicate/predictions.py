"""Predictions: make one, in any of the three ways, look at it, list them, cancel it."""

from __future__ import annotations

import contextlib
import re
from dataclasses import replace
from http import HTTPStatus
from time import monotonic

from flask import Blueprint, Response, request

from api import waiting
from api.accept import accept
from api.access import guard
from api.access.own import cancelled, own_job
from api.answer import answer
from api.asking import lane_for, new_tag
from api.body import asked
from api.faces.replicate.at import at
from api.faces.replicate.models import model_for, model_of_version
from api.faces.replicate.pictures import with_uploads
from api.house import house
from api.peer import HungUp
from limner.errors import JobConflict, JobNotFound, StoreDown
from limner.job import Job
from schemas.replicate.asked import ListSchema, PredictionSchema, deadline_s
from schemas.replicate.echo import NAME
from schemas.replicate.prediction import page_body, prediction_body

PAGE_LENGTH = 100
WAIT_MOST_S = 60
#: libraries stop reading this long after the time that they asked for
EARLY_S = 0.5
_WAIT = re.compile(r"(?:^|[,;\s])wait(?:\s*=\s*\"?(\d{1,6})\"?)?(?=$|[,;\s])", re.IGNORECASE)
_PREDICTION = PredictionSchema()
_LIST = ListSchema()


def add_to(blueprint: Blueprint) -> None:
    """Route to these views."""
    at(blueprint, "POST", "/predictions", create)
    at(blueprint, "GET", "/predictions", listing)
    at(blueprint, "GET", "/predictions/<job_id>", look)
    at(blueprint, "POST", "/predictions/<job_id>/cancel", cancel)
    at(blueprint, "POST", "/models/<owner>/<name>/predictions", create_of_model)
    at(blueprint, "POST", "/deployments/<owner>/<name>/predictions", create_of_deployment)


def create() -> Response:
    """Make a prediction of the version or model that the body names."""
    return _created(None)


def create_of_model(owner: str, name: str) -> Response:
    """Make a prediction of an official model."""
    return _created(f"{owner}/{name}")


def create_of_deployment(owner: str, name: str) -> Response:
    """Make a prediction of a deployment: here, of the model of that name."""
    return _created(f"{owner}/{name}")


def look(job_id: str) -> Response:
    """Show a prediction."""
    return answer(prediction_body(own_job(job_id), _base()))


def listing() -> Response:
    """Show some of the caller's predictions, the newest first: its jobs, whatever face they came through."""
    cursor = _LIST.read(request.args)
    page = house().store.jobs.page(guard.caller().name, cursor=cursor, limit=PAGE_LENGTH)
    return answer(page_body(page.jobs, page.cursor, _base()))


def cancel(job_id: str) -> Response:
    """Cancel a prediction; one that ended before stays as it is."""
    try:
        job = cancelled(job_id)
    except JobConflict:
        job = own_job(job_id)
    return answer(prediction_body(job, _base()))


def _created(model: str | None) -> Response:
    wanted, key = asked(_PREDICTION)
    model, alias = model_for(model) if model else model_of_version(wanted.version, wanted.model)
    lane = lane_for(NAME, wanted.lane or alias.lane)
    drawn = with_uploads(wanted.for_model(model, alias, lane, new_tag()))
    if text := request.headers.get("Cancel-After"):
        drawn = replace(drawn, deadline_s=deadline_s(text))
    wait_s = _wait_s()
    if wait_s:
        ends = monotonic() + wait_s - EARLY_S
        # Refused before there is a job: a library would try again, and make another.
        with contextlib.closing(waiting.place(guard.caller().name, wait_s - EARLY_S)):
            job = _awaited(accept(drawn, key), ends - monotonic())
    else:
        job = accept(drawn, key)
    return answer(prediction_body(job, _base(), held=bool(wait_s)), HTTPStatus.CREATED)


def _awaited(job: Job, wait_s: float) -> Job:
    """Return the job at its end or after so long; or as it is now: there is one, whatever happens."""
    with contextlib.suppress(HungUp, StoreDown, JobNotFound):
        return waiting.all_ended([job], wait_s)[0]
    return job


def _wait_s() -> int:
    """Return how long the caller wants the answer to be held."""
    match = _WAIT.search(request.headers.get("Prefer", ""))
    if not match:
        return 0
    return min(max(1, int(match[1])), WAIT_MOST_S) if match[1] else WAIT_MOST_S


def _base() -> str:
    return house().settings.base_url
