"""How the API waits and works under its event loop; passed to ``create_app`` by ``api/wsgi.py``."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import ParamSpec, TypeVar

import gevent
from gevent.event import Event
from gevent.threadpool import ThreadPool

from api.concurrency import Concurrency, Offload

P = ParamSpec("P")
R = TypeVar("R")

#: pictures that are read, written or resized at once; their memory has a budget of its own
ASIDE = 8


@cache
def _pool() -> ThreadPool:
    # Not the hub's own: it resolves host names, which must not wait for a hung folder.
    return ThreadPool(ASIDE)


def _offload(function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    result: R = _pool().apply(function, args, kwargs)
    return result


def _apart(most: int) -> Offload:
    """Return what calls functions in threads of its own, made as they are needed, after the worker's fork."""

    @cache
    def pool() -> ThreadPool:
        return ThreadPool(most)

    def offload(function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        result: R = pool().apply(function, args, kwargs)
        return result

    return offload


GREENLETS = Concurrency(event=Event, spawn=gevent.spawn, offload=_offload, apart=_apart)
