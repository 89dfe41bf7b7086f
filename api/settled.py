"""Serve nothing before the data in Redis are known to be such as this Limner can use; set up by ``api/wsgi.py``.

``limner api`` has looked before it became gunicorn; here the question is asked again for those that came up while
Redis was down, or were started in another way.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, request

from api.concurrency import THREADS, Concurrency, Signal, wait_as_allowed
from limner.errors import StoreDown, StoreUnfit
from limner.store.schema import Schema

#: says that the process is alive, whatever its data are
_ALIVE = "health.alive"
_READY = "health.ready"
#: how long a request waits for another, of this process or a second one, that brings the data to our schema: many
#: may be the first at once, and most of the time there is next to nothing to bring
WAIT_S = 1.0
#: how long a probe waits for it, which has a second in all
READY_S = 0.2


@dataclass(slots=True)
class Settling:
    """One request's settling of the data, which others wait for."""

    ended: Signal
    well: bool = False

    def wait(self, most_s: float) -> bool:
        """Return whether it has ended well, as soon as it ends or the request may wait no longer."""
        wait_as_allowed(self.ended, most_s)
        return self.well


def settle_first(app: Flask, schema: Schema, concurrency: Concurrency = THREADS) -> None:
    """Have the first request that reaches Redis settle the data; until then every one is refused, or finds it down."""
    newest: Settling | None = None

    def settle() -> None:
        nonlocal newest
        if request.endpoint == _ALIVE:
            return
        most_s = READY_S if request.endpoint == _READY else WAIT_S
        # The others leave Redis to the one that settles the data.
        if newest is not None and (newest.well or newest.wait(most_s)):
            return
        ours = newest = Settling(concurrency.event())
        try:
            schema.settle(most_s)
        except StoreUnfit:
            raise
        except StoreDown:
            # The view says so, if it needs Redis at all.
            return
        else:
            ours.well = True
        finally:
            ours.ended.set()

    app.before_request(settle)
