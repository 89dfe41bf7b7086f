"""The API as gunicorn loads it, with streams that tell that they live so often that a proxy's patience can be short."""

from __future__ import annotations

from api import waiting
from api.wsgi import app

__all__ = ["app"]

waiting.HEARTBEAT_S = 0.3
