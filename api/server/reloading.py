"""How an API reads its settings: in gunicorn's master, at the start and at SIGHUP, as ``limner api`` read them.

Whatever is wrong with them at SIGHUP, the API goes on as it was. Gunicorn alone would end: its master over a wrong
configuration, and over a worker that cannot load the application. So new settings are first tried by a process of
their own, which is forked for that, and only then does gunicorn reload.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import sys
import time
from typing import Any, NoReturn

from limner.errors import ConfigError, LimnerError, StoreDown
from limner.log import event, flush, set_up
from limner.settings import ENV_PREFIX, Settings
from limner.settings.changes import FIXED_FOR_API, changes, fixed_changes
from limner.settings.in_force import held, in_force, put_in_force
from stack.lineup import read_config
from stack.processes import START_FOLDER

log = logging.getLogger(__name__)

#: what gunicorn loads (``stack/processes.py``)
CONFIG = "api.server.gunicorn_config"
#: how long new settings are tried; meanwhile the master does nothing else
TRIAL_S = 30.0
WHY_BYTES = 2000
#: what a trial says that went well
_WELL = "well"


class NotReadAnew(LimnerError):
    """The settings were not read anew; everything goes on as before."""


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


def reload_what_is_right(server: Any) -> None:
    """Have gunicorn's ``server`` read the settings anew at SIGHUP, and reload only if they can be used."""
    reload = server.handle_hup

    def reload_if_right() -> None:
        before = in_force()
        try:
            after = _read_anew(before)
        except (LimnerError, OSError) as error:
            why = error.message if isinstance(error, LimnerError) else str(error)
            event(log, "gateway.not_reloaded", level=logging.ERROR, why=why)
            return
        # Nobody's mistake may end an API that serves.
        except Exception as error:  # noqa: BLE001
            why = f"{type(error).__name__}: {error}"
            event(log, "gateway.not_reloaded", level=logging.ERROR, error=True, why=why)
            return
        put_in_force(after)
        # Gunicorn imports it, which does nothing if that was done before.
        sys.modules.pop(CONFIG, None)
        reload()
        event(log, "gateway.reloaded", changed="; ".join(changes(before, after)) or "nothing")

    server.handle_hup = reload_if_right


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


def _read_anew(before: Settings) -> Settings:
    """Return the settings as they are now, which can be put in force.

    Raises:
        ConfigError: they are wrong.
        NotReadAnew: they are being written, cannot be changed while the API runs, or cannot be used.
        OSError: they cannot be read.
    """
    with _start_folder():
        config = read_config(os.environ)
        after = Settings.load()
        if read_config(os.environ) != config:
            raise NotReadAnew("the settings file is being written: try again")
    if fixed := fixed_changes(before, after, FIXED_FOR_API):
        names = ", ".join(f"{ENV_PREFIX}{name.upper()}" for name in fixed)
        raise NotReadAnew(f"{names}: to change this, restart the API")
    if why := _tried(after):
        raise NotReadAnew(why)
    return after


def _tried(settings: Settings) -> str:
    """Have a process of its own make the application; return why it cannot, or nothing."""
    told, tells = os.pipe()
    process = os.fork()
    if process == 0:
        _try(settings, tells)
    os.close(tells)
    try:
        said = _heard(told)
    finally:
        os.close(told)
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
    if said is None:
        return f"the settings could not be tried within {TRIAL_S:g} s"
    if not said:
        return "the process that tried the settings ended without a word"
    return "" if said == _WELL else said


def _heard(told: int) -> str | None:
    """Return all that is said before the other end is closed; None: it took too long."""
    said, ends = b"", time.monotonic() + TRIAL_S
    while (left_s := ends - time.monotonic()) > 0:
        if not select.select([told], [], [], left_s)[0]:
            continue
        more = os.read(told, WHY_BYTES)
        if not more:
            return said.decode(errors="replace")
        said += more
    return None


def _try(settings: Settings, tells: int) -> NoReturn:
    try:
        # Gunicorn's would keep them for its master.
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        why = _trial(settings)
    # It must not go on as a second master, whatever comes.
    except BaseException as error:  # noqa: BLE001
        why = f"{type(error).__name__}: {error}"
    with contextlib.suppress(BaseException):
        flush()
        os.write(tells, why.encode(errors="replace")[:WHY_BYTES])
    os._exit(0)


def _trial(settings: Settings) -> str:
    # Only here: the master itself needs nothing of it, and its workers load what is there when they are forked.
    from api import create_app
    from api.house import EXTENSION
    from stack.own_store import check_own_store

    try:
        app = create_app(settings)
        with contextlib.suppress(StoreDown):
            check_own_store(settings, app.extensions[EXTENSION].store)
    except LimnerError as error:
        return error.message
    return _WELL
