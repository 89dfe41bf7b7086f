"""Answer in time when Redis does not; set up by ``create_app``.

Redis may take connections and say nothing. What a request waits for it, in all of its calls together, is
bounded; beyond that the store raises ``StoreDown``, and the caller gets a 503.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import Flask

from limner.store.waits import waiting_at_most


def answer_in_time(app: Flask, seconds: float | None) -> None:
    """Bound what each request to ``app`` waits for Redis; None: it waits as long as each call does.

    A stream's calls are each bounded by themselves: it is made after its response has begun.
    """
    serve = app.wsgi_app

    def bounded(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        with waiting_at_most(seconds):
            return serve(environ, start_response)

    app.wsgi_app = bounded  # type: ignore[method-assign]
