"""What clients of the web UI look at before and while it draws, and how they interrupt it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from flask import Response, request

from api.access.guard import caller
from api.answer import answer
from api.body import json_object
from api.faces.sdapi.entry import guarded
from api.faces.sdapi.models import choose, chosen, names
from api.house import house
from limner.compact_json import compact_json
from limner.errors import ImagesDown, JobNotFound
from limner.job import Job, Status
from schemas.sdapi.answer import (
    MEMORY,
    SAMPLERS,
    SCHEDULERS,
    UPSCALERS,
    model_body,
    options_body,
    progress_body,
)
from schemas.sdapi.asked import FACE, OptionsSchema

looking = guarded("sdapi_looking")

#: a client's newest jobs, among which the one that is shown is looked for
_LOOK_AT = 50
_OPTIONS = OptionsSchema()


@looking.route("/internal/ping", methods=["GET", "OPTIONS"])
def ping() -> Response:
    """Say that somebody is there: SillyTavern asks before anything else."""
    return answer({})


@looking.route("/sdapi/v1/options", methods=["GET", "OPTIONS"])
def options() -> Response:
    """Show the settings that clients look for."""
    return answer(options_body(chosen()))


@looking.route("/sdapi/v1/options", methods=["POST"])
def set_options() -> Response:
    """Let the caller's next drawings be of another model; the other settings are those of a program here unknown."""
    if name := _OPTIONS.read(json_object()):
        choose(name)
    return Response("null", mimetype="application/json")


@looking.route("/sdapi/v1/sd-models", methods=["GET", "OPTIONS"])
def models() -> Response:
    """List the models."""
    return _listed([model_body(name) for name in names()])


@looking.route("/sdapi/v1/memory", methods=["GET", "OPTIONS"])
def memory() -> Response:
    """Say that there is nothing to say of memory."""
    return answer(MEMORY)


@looking.route("/sdapi/v1/progress", methods=["GET", "OPTIONS"])
def progress() -> Response:
    """Show how far the caller's job of this face is: the one that is drawn, or the next."""
    jobs = _under_way()
    job = jobs[0] if jobs else None
    skips = request.args.get("skip_current_image", "").lower() in ("true", "1")
    image = None if skips or job is None else _preview(job)
    return answer(progress_body(job, len(jobs), image, house().now()))


@looking.route("/sdapi/v1/interrupt", methods=["POST", "OPTIONS"])
def interrupt() -> Response:
    """Cancel the job that progress shows."""
    for job in _under_way()[:1]:
        with suppress(JobNotFound):
            house().store.lanes.cancel(job.id)
    return answer({})


looking.add_url_rule("/sdapi/v1/skip", "skip", interrupt, methods=["POST", "OPTIONS"])


def _always(things: Sequence[dict[str, Any]]) -> Callable[[], Response]:
    return lambda: _listed(things)


_LISTS: dict[str, Sequence[dict[str, Any]]] = {
    "samplers": SAMPLERS,
    "schedulers": SCHEDULERS,
    "upscalers": UPSCALERS,
    "latent-upscale-modes": (),
    "sd-vae": (),
    "loras": (),
}
for _name, _things in _LISTS.items():
    looking.add_url_rule(f"/sdapi/v1/{_name}", _name, _always(_things), methods=["GET", "OPTIONS"])


def _listed(things: Sequence[dict[str, Any]]) -> Response:
    return Response(compact_json(list(things)), mimetype="application/json")


def _under_way() -> list[Job]:
    """Return the caller's jobs of this face that have not ended: those being drawn first, then the oldest."""
    jobs = house().store.jobs.page(caller().name, limit=_LOOK_AT).jobs
    # The page has the newest first.
    mine = [job for job in reversed(jobs) if job.request.face == FACE and not job.status.ended]
    return sorted(mine, key=lambda job: (job.status is Status.WAITING, job.created_at))


def _preview(job: Job) -> str | None:
    if job.picture is None:
        return None
    images = house().images
    with suppress(KeyError, ImagesDown):
        return base64.b64encode(images.get(images.key_of(job.picture.url))).decode()
    return None
