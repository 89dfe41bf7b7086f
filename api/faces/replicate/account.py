"""The caller itself: its account, and the secret that signs its webhooks."""

from __future__ import annotations

from flask import Blueprint, Response

from api.access.guard import caller
from api.answer import answer
from api.faces.replicate.at import at
from limner.errors import JobNotFound


def add_to(blueprint: Blueprint) -> None:
    """Route to these views."""
    at(blueprint, "GET", "/account", account)
    at(blueprint, "GET", "/webhooks/default/secret", secret)


def account() -> Response:
    """Show whose token it is."""
    name = caller().name
    return answer({"type": "organization", "username": name, "name": name, "github_url": None})


def secret() -> Response:
    """Show the secret with which the caller verifies its webhooks: the newest, if it was rotated."""
    secrets = caller().secrets
    if not secrets:
        raise JobNotFound("This client has no secret: its callbacks are not signed.")
    return answer({"key": secrets[0]})
