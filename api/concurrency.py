"""How an API process waits and works in the background; passed to ``create_app``.

Under an event loop (``api/server/greenlets.py``) a view must not block its thread: whatever waits
for long or works outside Python asks the object here. Tests and tools run in plain threads.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec, Protocol, TypeVar

from limner.store.waits import allowed_s, count_waited

P = ParamSpec("P")
R = TypeVar("R")


class Signal(Protocol):
    """What ``threading.Event`` and gevent's have in common."""

    def set(self) -> None:
        """Let everybody go on who waits."""

    def clear(self) -> None:
        """Have those wait who come from now on."""

    def wait(self, timeout: float | None = None) -> bool:
        """Return whether it was set within ``timeout`` seconds."""


def wait_as_allowed(signal: Signal, most_s: float) -> None:
    """Wait until it is set, at most ``most_s`` and no longer than the request may wait; it counts as waiting for Redis."""
    began = time.monotonic()
    signal.wait(max(0.0, allowed_s(most_s)))
    count_waited(time.monotonic() - began)


class Offload(Protocol):
    """Calls a function outside the event loop and returns its result."""

    def __call__(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Return what ``function`` returns, or raise what it raises."""


@dataclass(frozen=True, slots=True)
class Concurrency:
    """The means of one process."""

    event: Callable[[], Signal]
    #: runs a function that nobody waits for
    spawn: Callable[[Callable[[], None]], object]
    #: for disks, buckets and pictures
    offload: Offload
    #: the same apart from those, so many calls at once: for peers that may keep one waiting
    apart: Callable[[int], Offload]


def _thread(function: Callable[[], None]) -> None:
    threading.Thread(target=function, name=function.__name__, daemon=True).start()


def _here(function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    return function(*args, **kwargs)


THREADS = Concurrency(threading.Event, _thread, _here, lambda _most: _here)
