"""Gunicorn's hooks and logger, which ``api/server/gunicorn_config.py`` hands to it.

Loaded in the master, before any worker starts.
"""

from __future__ import annotations

import resource
import signal
from typing import Any

from gunicorn.glogging import Logger as GunicornLogger

from api.ending import ENDING
from api.server.listening import ADDRESS
from api.server.reloading import reload_what_is_right
from limner.log import catch_the_rest, set_up
from limner.settings.in_force import in_force

#: SIGHUP as it was at start: `nohup` ignores it, and gunicorn would take it as a request to reload
_HANGUP_IGNORED = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


class Logger(GunicornLogger):  # type: ignore[misc]
    """Sends gunicorn's log through the process's own logging, in the same format."""

    def setup(self, cfg: Any) -> None:
        """Replace gunicorn's own handlers."""
        super().setup(cfg)
        settings = in_force()
        set_up(settings.log_format, settings.log_level)
        catch_the_rest()
        self.error_log.handlers.clear()
        self.error_log.propagate = True


def on_starting(server: Any) -> None:
    """Let the workers open as many files as the system allows, as a connection is one; and mind what SIGHUP does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    _tell_of_the_end(server)
    reload_what_is_right(server)


def when_ready(server: Any) -> None:
    """Keep ignoring SIGHUP if the process was started that way."""
    if _HANGUP_IGNORED:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)


def post_worker_init(worker: Any) -> None:
    """Do the same in each worker."""
    when_ready(worker)


def worker_exit(server: Any, worker: Any) -> None:
    """Let go of what is needed to the very end of a worker; in its process."""
    ENDING.leave()


def _tell_of_the_end(server: Any) -> None:
    """Have ``server``, before it stops its workers for good, say so to them."""
    stop, followed = server.stop, False

    def stop_for_good(graceful: bool = True) -> None:
        # A new master, started by SIGUSR2, or systemd keeps the address.
        kept = server.systemd or server.reexec_pid or server.master_pid or followed
        if not kept:
            ADDRESS.give_up()
        stop(graceful)

    def followed_by_another() -> None:
        nonlocal followed
        followed = True
        server.handle_term()

    server.stop = stop_for_good
    if any(isinstance(address, int) for address in server.cfg.address):
        # The socket is the supervisor's, which has started the next server on it itself.
        server.handle_usr2 = followed_by_another
