"""What gunicorn's master does beside its settings, which ``limner.processes`` gives it.

Loaded by gunicorn as ``--config python:api.gunicorn_hooks``, in the master, before any worker.
"""

from __future__ import annotations

import signal
from typing import Any

from gunicorn.glogging import Logger as GunicornLogger

from limner.log import set_up
from limner.settings import Settings

#: as we were started: `nohup` has it ignored, and gunicorn would take it for a wish to reload
_HANGUP_IGNORED = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


class Logger(GunicornLogger):  # type: ignore[misc]
    """Gunicorn's log, which goes where every other line of the process goes, in the same form."""

    def setup(self, cfg: Any) -> None:
        """Take over from gunicorn's own handlers."""
        super().setup(cfg)
        settings = Settings.load()
        set_up(settings.log_format, settings.log_level)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


#: the setting of gunicorn's that names it
logger_class = Logger


def when_ready(server: Any) -> None:
    """Go on ignoring a hang-up of the terminal, where that was asked for."""
    if _HANGUP_IGNORED:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)


def post_worker_init(worker: Any) -> None:
    """Do so in each worker, too."""
    when_ready(worker)
