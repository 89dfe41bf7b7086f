"""One lane worker process, as the store knows it; shared by its keeper and its drawings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from limner.engine import Engine
from limner.message import Messages
from limner.request import Lane


@dataclass(frozen=True)
class LaneWorker:
    """Its name in the store, the lanes whose jobs it draws, the engines it draws them on."""

    name: str
    lanes: tuple[Lane, ...]
    engines: Mapping[str, Engine]
    #: the templates of the Celery messages that a script may have to send
    messages: Callable[[], Messages]
