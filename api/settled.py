"""Serve nothing before the data in Redis are known to be such as this Limner can use; set up by ``api/wsgi.py``.

``limner api`` has looked before it became gunicorn; here the question is asked again for those that came up while
Redis was down, or were started in another way.
"""

from __future__ import annotations

from flask import Flask, request

from limner.errors import StoreDown, StoreUnfit
from limner.store.schema import Schema

#: says that the process is alive, whatever its data are
_ALIVE = "health.alive"
#: how long a request waits for another, of this process or a second one, that brings the data to our schema: many
#: may be the first at once, and most of the time there is next to nothing to bring
WAIT_S = 1.0


def settle_first(app: Flask, schema: Schema) -> None:
    """Have the first request that reaches Redis settle the data; until then every one is refused, or finds it down."""
    settled = False

    def settle() -> None:
        nonlocal settled
        if settled or request.endpoint == _ALIVE:
            return
        try:
            schema.settle(WAIT_S)
        except StoreUnfit:
            raise
        except StoreDown:
            # The view says so, if it needs Redis at all.
            return
        settled = True

    app.before_request(settle)
