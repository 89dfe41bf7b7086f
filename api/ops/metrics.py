"""GET ``/metrics`` for Prometheus; any API process reports the metrics of the whole gateway."""

from __future__ import annotations

from flask import Blueprint, Response

from api.house import house
from api.ops.insight import check_may_look
from limner.errors import StoreDown
from limner.store.metrics.prometheus import CONTENT_TYPE_LATEST, page
from limner.store.server import server_facts

metrics = Blueprint("metrics", __name__)


@metrics.get("/metrics")
def scrape() -> Response:
    """Return the metrics, including whether Redis is up."""
    check_may_look()
    return Response(_page(), content_type=CONTENT_TYPE_LATEST)


def _page() -> bytes:
    store = house().store
    try:
        return page(store.numbers.read(), server_facts(store.redis, store.replicas))
    except StoreDown:
        return page(None)
