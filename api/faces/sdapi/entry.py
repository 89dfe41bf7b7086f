"""Who may call: the web UI's clients send a user and a password; the password is the token."""

from __future__ import annotations

from flask import Blueprint, request

from api.access import guard
from api.cors import allow_browsers


def guarded(name: str) -> Blueprint:
    """Return a blueprint whose callers have to say who they are, browsers among them."""
    blueprint = Blueprint(name, __name__)
    allow_browsers(blueprint)
    blueprint.before_request(_let_in)
    return blueprint


def _let_in() -> None:
    sent = request.authorization
    # A malformed header is no authorization at all, and so no token.
    password = sent.password if sent and sent.type == "basic" else None
    if password is None:
        guard.let_in()
        return
    guard.admit(password.strip())
