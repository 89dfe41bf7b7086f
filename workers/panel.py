"""Close the gaps in Flower's access control; ``workers/flower.py`` does so before it starts.

Flower asks for its password on every page but two: ``/metrics``, which names every worker and task,
and ``/healthcheck``, which says OK and nothing else. The first is put behind the password here; the
second stays open for health checks. Without a password, which is allowed on loopback only, ``/metrics``
answers this machine only, as the API's does.
"""

from __future__ import annotations

from typing import Any

from flower.views import BaseHandler, monitor
from tornado.web import HTTPError, authenticated

from limner.peer import FORWARDED, is_local


def shut() -> None:
    """Make Flower's own handlers check who asks."""
    monitor.Metrics.get = authenticated(monitor.Metrics.get)
    BaseHandler.prepare = _only_from_here


def _only_from_here(handler: Any) -> None:
    """Refuse requests from other machines when there is no password."""
    options, request = handler.application.options, handler.request
    if options.basic_auth or options.auth:
        return
    forwarded = any(name in request.headers for name in FORWARDED)
    if not is_local(request.remote_ip, request.headers.get("Host", ""), forwarded=forwarded):
        raise HTTPError(403, "Set LIMNER_FLOWER_AUTH to see this from another machine.")
