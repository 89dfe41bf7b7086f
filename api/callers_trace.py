"""Which of its spans a caller makes its request in; used by ``api/accept.py``."""

from __future__ import annotations

from flask import has_request_context, request

from limner import tracing
from limner.tracing import Carried


def callers_span() -> Carried | None:
    """Return the caller's span; None if it says none, if nobody wants to know, or if a command asks, not a request."""
    if not tracing.on() or not has_request_context():
        return None
    return Carried.of(request.headers.get("traceparent"), request.headers.get("tracestate"))
