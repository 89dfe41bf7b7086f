"""GET ``/metrics``: everything there is to count, for Prometheus; any API process tells all of it."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response

from api.errors import refusal
from api.house import house
from api.insight import may_look
from limner.errors import StoreDown, TokenRejected
from limner.metrics import CONTENT_TYPE_LATEST, page
from limner.store.numbers import Numbers

metrics = Blueprint("metrics", __name__)


@metrics.get("/metrics")
def scrape() -> Response:
    """Tell the numbers, also that Redis is down."""
    if not may_look():
        if house().settings.metrics_token:
            raise TokenRejected("Send LIMNER_METRICS_TOKEN as a bearer token.")
        message = (
            "Set LIMNER_METRICS_TOKEN and send it: without one, only this machine may read this."
        )
        return refusal(HTTPStatus.FORBIDDEN, message)
    return Response(page(_numbers()), content_type=CONTENT_TYPE_LATEST)


def _numbers() -> Numbers | None:
    try:
        return house().store.numbers.read()
    except StoreDown:
        return None
