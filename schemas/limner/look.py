"""The query parameters of a request for one job, which may wait for a change; used by ``api/faces/limner/live.py``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.fields import Integer
from schemas.limner.callbacks import SEQ_MOST
from schemas.wire import Query

WAIT_MOST_S = 60


@dataclass(frozen=True, slots=True)
class Look:
    """How long to wait for a change, and the seq that the caller has seen (None: the current one)."""

    wait: int
    seq: int | None


class LookSchema(Query):
    """The query of ``GET /draw/midjourney/jobs/{id}``."""

    wait = Integer(0, WAIT_MOST_S, absent=0)
    seq = Integer(0, SEQ_MOST)

    def read(self, query: Mapping[str, str]) -> Look:
        """Return what is asked for.

        Raises:
            InvalidRequest: a parameter is wrong or unknown.
        """
        return Look(**self.fields_of(query))
