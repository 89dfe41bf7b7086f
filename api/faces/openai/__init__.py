"""OpenAI's images API: what programs that draw with OpenAI speak; see docs/faces/openai.md."""

from __future__ import annotations

from flask import Blueprint, Response, g, request

from api.access import guard
from api.cors import allow_browsers
from api.face import Face
from api.faces.openai import images, models
from api.faces.openai.places import PATHS
from api.faces.openai.refuse import refuse
from schemas.openai.answer_form import NAME
from schemas.openai.openapi import document

openai = Blueprint(NAME, __name__)
allow_browsers(openai)


@openai.before_request
def _let_in() -> None:
    """Identify the caller by a bearer token, or as Azure's clients of the same API send it."""
    guard.admit(guard.bearer() or request.headers.get("api-key", "").strip())


@openai.after_request
def _name_the_job(response: Response) -> Response:
    """Tell the job's id where the libraries look for the id of a request."""
    if job_id := g.get("job_id"):
        response.headers["x-request-id"] = job_id
    return response


images.add_to(openai)
models.add_to(openai)

FACE = Face(
    name=NAME,
    words=("prompt", "negative_prompt"),
    blueprints=(openai,),
    paths=PATHS,
    refuse=refuse,
    document=document,
    open_to_pages=True,
    names={"references": "image"},
)
