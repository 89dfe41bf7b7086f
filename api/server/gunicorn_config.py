"""What gunicorn is told beside its command line (``stack/processes.py``): our hooks, and what the settings say.

Loaded by gunicorn as ``--config python:api.server.gunicorn_config``, in the master alone: at its start, and once more
at each reload (``api/server/reloading.py``). What is here may change then; the command line would win.
"""

from __future__ import annotations

from api.server.gunicorn_hooks import Logger, on_starting, post_worker_init, when_ready, worker_exit
from api.server.reloading import settings_of_this_load
from stack.processes import API_GRACE_S

__all__ = ["on_starting", "post_worker_init", "when_ready", "worker_exit"]

_settings = settings_of_this_load()

logger_class = Logger
workers = _settings.api_workers
worker_connections = _settings.api_connections
keepalive = _settings.api_keepalive_s
graceful_timeout = _settings.api_drain_s + API_GRACE_S
