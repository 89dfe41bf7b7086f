"""Replicate's API: what programs that draw with Replicate speak; see docs/faces/replicate.md."""

from __future__ import annotations

import re

from flask import Blueprint, request

from api.access import guard
from api.cors import allow_browsers
from api.face import Face
from api.faces.replicate import account, files, models, predictions
from api.faces.replicate.refuse import refuse
from schemas.replicate.echo import NAME
from schemas.replicate.openapi import document

replicate = Blueprint(NAME, __name__, url_prefix="/v1")
allow_browsers(replicate)


@replicate.before_request
def _let_in() -> None:
    """Identify the caller by a bearer token, or as older libraries send it."""
    scheme, _, token = request.headers.get("Authorization", "").strip().partition(" ")
    guard.admit(token.strip() if scheme.lower() in ("bearer", "token") else "")


for part in (predictions, models, files, account):
    part.add_to(replicate)

FACE = Face(
    name=NAME,
    words=("input.prompt", "input.negative_prompt"),
    blueprints=(replicate,),
    # Another face has the rest of /v1.
    paths=re.compile(
        r"/v1/(?:predictions|deployments|files|account|webhooks)(?:/|$)|/v1/models/[^/]+/."
    ),
    refuse=refuse,
    document=document,
    open_to_pages=True,
    names={
        "callback_url": "webhook",
        "references": "input",
        "style_references": "input",
        "mask": "input",
    },
)
