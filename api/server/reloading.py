"""How an API reads its settings: in gunicorn's master, at the start and at SIGHUP, as ``limner api`` read them.

Whatever is wrong with them at SIGHUP, the API goes on as it was. Gunicorn alone would end: its master over a wrong
configuration, and over a worker that cannot load the application. So new settings are first tried by a process of
their own (``api/server/trial.py``), and only then does gunicorn reload.

Settings, not code: the master has nearly all of ``api`` loaded, and its workers are forked from it. After an upgrade
in place they would have modules of both releases, so an upgrade wants a restart.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
from collections.abc import Iterator
from typing import Any

from api.server.trial import tried
from limner.errors import ConfigError
from limner.log import event, flush, set_up
from limner.settings import ENV_PREFIX, Settings
from limner.settings.changes import FIXED_FOR_API, changes, fixed_changes
from limner.settings.in_force import held, in_force, put_in_force
from stack.lineup import read_config
from stack.not_reloaded import NotReloaded, tell_not_reloaded
from stack.processes import START_FOLDER

log = logging.getLogger(__name__)

#: what gunicorn loads (``stack/processes.py``)
CONFIG = "api.server.gunicorn_config"
#: what ends a master
ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


class _AboutToEnd(Exception):
    """The master was told to end while it waited for something."""


def settings_of_this_load() -> Settings:
    """Return what gunicorn's configuration is made of now: at a reload what is in force, at the start what is read.

    Raises:
        SystemExit: with 2, at the start: they are wrong, which is logged.
    """
    if held():
        return in_force()
    try:
        settings = read()
    except ConfigError as error:
        set_up("auto", "info")
        event(log, "process.refused", level=logging.ERROR, why=error.message)
        flush()
        raise SystemExit(2) from None
    put_in_force(settings)
    return settings


class Reloads:
    """What gunicorn's ``server`` does at SIGHUP; and a signal that ends it, which it only queues, ends that as well.

    Whoever stops it waits as long as its requests may take, and not for a reload besides.
    """

    def __init__(self, server: Any) -> None:
        self._server = server
        self._reload = server.handle_hup
        self._queue = server.signal
        #: whether the master was told to end
        self._ends = False

    def signalled(self, number: int, frame: Any) -> None:
        """Take a signal as gunicorn does; in a handler."""
        self._queue(number, frame)
        if number in ENDS:
            self._ends = True

    def reload_if_right(self) -> None:
        """Read the settings anew, and reload only if they can be used."""
        before = in_force()
        try:
            after = self._read_anew(before)
        # Nobody's mistake may end an API that serves.
        except Exception as error:  # noqa: BLE001
            tell_not_reloaded(log, error)
            return
        put_in_force(after)
        # Gunicorn imports it, which does nothing if that was done before.
        sys.modules.pop(CONFIG, None)
        with self._waiting_no_longer_than_it_runs():
            self._reload()
        event(log, "gateway.reloaded", changed="; ".join(changes(before, after)) or "nothing")

    def _read_anew(self, before: Settings) -> Settings:
        """Return the settings as they are now, which can be put in force.

        Raises:
            ConfigError: they are wrong.
            NotReloaded: they are being written, cannot be changed while the API runs, or cannot be used; or it ends.
            OSError: they cannot be read.
        """
        with _start_folder():
            config = read_config(os.environ)
            after = Settings.load()
            if read_config(os.environ) != config:
                raise NotReloaded("the settings file is being written: try again")
        if fixed := fixed_changes(before, after, FIXED_FOR_API):
            names = ", ".join(f"{ENV_PREFIX}{name.upper()}" for name in fixed)
            raise NotReloaded(f"{names}: to change this, restart the API")
        if why := tried(after, self._server.LISTENERS, lambda: self._ends):
            raise NotReloaded(why)
        return after

    @contextlib.contextmanager
    def _waiting_no_longer_than_it_runs(self) -> Iterator[None]:
        """Have gunicorn's last step of a reload, to wait for the end of the former workers, end if the master is to."""
        reap = self._server.reap_workers

        def reap_unless_it_ends() -> None:
            if self._ends:
                raise _AboutToEnd
            reap()

        self._server.reap_workers = reap_unless_it_ends
        try:
            yield
        except _AboutToEnd:
            # The signal is in the queue. All workers are told to end, those too that were told before.
            pass
        finally:
            self._server.reap_workers = reap


def reload_what_is_right(server: Any) -> None:
    """Have gunicorn's ``server`` read the settings anew at SIGHUP, and reload only if they can be used.

    Called before it takes signals.
    """
    reloads = Reloads(server)
    server.signal = reloads.signalled
    server.handle_hup = reloads.reload_if_right


def read() -> Settings:
    """Return the settings, read in the folder that the API was started in, which relative paths mean.

    Raises:
        ConfigError: they are wrong.
        OSError: that folder is gone.
    """
    with _start_folder():
        return Settings.load()


def _start_folder() -> contextlib.AbstractContextManager[None]:
    folder = os.environ.get(START_FOLDER)
    return contextlib.chdir(folder) if folder else contextlib.nullcontext()
