"""GET ``/metrics``: everything there is to count, for Prometheus; any API process tells all of it."""

from __future__ import annotations

from flask import Blueprint, Response

from api.house import house
from api.insight import check_may_look
from limner.errors import StoreDown
from limner.metrics import CONTENT_TYPE_LATEST, page
from limner.store.numbers import Numbers

metrics = Blueprint("metrics", __name__)


@metrics.get("/metrics")
def scrape() -> Response:
    """Tell the numbers, also that Redis is down."""
    check_may_look()
    return Response(page(_numbers()), content_type=CONTENT_TYPE_LATEST)


def _numbers() -> Numbers | None:
    try:
        return house().store.numbers.read()
    except StoreDown:
        return None
