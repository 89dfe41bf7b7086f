"""GET ``/healthz`` and ``/readyz``: for whoever starts, restarts and balances API processes."""

from __future__ import annotations

from flask import Blueprint, Response

from api.answer import answer
from api.house import house

health = Blueprint("health", __name__)


@health.get("/healthz")
def alive() -> Response:
    """Answer; the process lives, whatever else is down."""
    return answer({"status": "alive"})


@health.get("/readyz")
def ready() -> Response:
    """Answer if jobs can be accepted: Redis is up and the broker has taken our queues."""
    house().store.ping()
    house().messages()
    return answer({"status": "ready"})
