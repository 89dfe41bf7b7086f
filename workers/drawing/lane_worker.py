"""One lane worker process as known to the store; shared by its keeper and its drawings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from limner.engine import Engine
from limner.message import Messages
from limner.request import Lane


@dataclass(frozen=True)
class LaneWorker:
    """Its name in the store, the lanes it serves, and its engines."""

    name: str
    lanes: tuple[Lane, ...]
    engines: Mapping[str, Engine]
    #: templates of the Celery messages that scripts may have to send
    messages: Callable[[], Messages]
