"""Whether the caller of a request that waits is still there; used by ``api/waiting.py`` and by those who call it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from flask import request

#: the status of an answer that nobody reads
NOBODY_READS = 499


class HungUp(Exception):
    """The caller hung up while it waited: nobody reads the answer."""


#: returns a block in which the given function is called if the caller hangs up
Watched = Callable[[Callable[[], None]], AbstractContextManager[Any]]


def watched() -> Watched:
    """Return how to watch the present request's caller; it works beyond the request's context.

    Only the server's own connections (``api/server/link.py``) can tell; others are found out when
    something is sent to them.
    """
    link = request.environ.get("gunicorn.socket")
    found: Watched = getattr(link, "watched", lambda _gone: nullcontext())
    return found
