"""Count the requests that the gateway failed to serve; ``create_app`` has every response pass here.

The counter is in Redis, and most failures are those of Redis itself, so what could not be counted is kept
until it can: a process that ends meanwhile takes its part along.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from http import HTTPStatus

from flask import Response, current_app, request

from api.face import face_at
from limner.errors import StoreDown
from limner.store.metrics.numbers import NumbersReader


class Failures:
    """One process's tally of POSTs to the faces that ended in a 5xx."""

    def __init__(self, numbers: NumbersReader) -> None:
        self._numbers = numbers
        #: status → how often, not yet in Redis
        self._pending: Counter[int] = Counter()

    def note(self, response: Response) -> Response:
        """Count ``response`` if it is such a failure; for ``after_request``."""
        status = response.status_code
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR and _is_a_callers_post():
            self._pending[status] += 1
        # A 503 mostly means that Redis is away: it is not asked again for the sake of a figure.
        if self._pending and status != HTTPStatus.SERVICE_UNAVAILABLE:
            self._hand_over()
        return response

    def _hand_over(self) -> None:
        # Other requests may come in between.
        pending, self._pending = self._pending, Counter()
        with contextlib.suppress(StoreDown):
            while pending:
                status, times = next(iter(pending.items()))
                self._numbers.count("failed", str(status), times=times)
                del pending[status]
        self._pending.update(pending)


def _is_a_callers_post() -> bool:
    return request.method == "POST" and face_at(current_app, request.path) is not None
