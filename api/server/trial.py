"""New settings, tried by a process of its own before they are put in force: could an API serve with them?

It is forked from gunicorn's master, which waits for it, and has the code that the master has loaded.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from api import create_app
from api.house import EXTENSION
from limner.errors import LimnerError, StoreDown
from limner.log import flush
from limner.settings import Settings
from stack.own_store import check_own_store

#: how long new settings are tried; meanwhile the master does nothing else
TRIAL_S = 30.0
#: how soon after a signal the trial is over
LOOK_S = 0.1
#: how long the process may take to end once it is killed
END_S = 1.0
#: a trial whose master was killed ends by itself, so much later than it would have been ended
ALONE_S = 5
WHY_BYTES = 2000
#: what a trial says that went well
_WELL = "well"


def tried(settings: Settings, listening: Sequence[Any], given_up: Callable[[], bool]) -> str:
    """Have a process of its own make the application; return why it cannot, or nothing.

    ``listening``: gunicorn's sockets, which are not for that process. ``given_up``: asked again and again whether
    the trial is to end, which is then a reason.

    Raises:
        OSError: there can be no such process.
    """
    told, tells = os.pipe()
    try:
        try:
            process = os.fork()
            if process == 0:
                _try(settings, listening, tells)
        finally:
            os.close(tells)
        try:
            said = _heard(told, given_up)
        finally:
            _end(process)
    finally:
        os.close(told)
    if given_up():
        return "the API is about to end"
    if said is None:
        return f"the settings could not be tried within {TRIAL_S:g} s"
    if not said:
        return "the process that tried the settings ended without a word"
    return "" if said == _WELL else said


def _heard(told: int, given_up: Callable[[], bool]) -> str | None:
    """Return all that is said before the other end is closed; None: it took too long, or was given up."""
    said, ends = b"", time.monotonic() + TRIAL_S
    while (left_s := ends - time.monotonic()) > 0 and not given_up():
        # After a signal this goes on to its end: Python calls the handler, and waits again.
        if not select.select([told], [], [], min(left_s, LOOK_S))[0]:
            continue
        more = os.read(told, WHY_BYTES)
        if not more:
            return said.decode(errors="replace")
        said += more
    return None


def _end(process: int) -> None:
    """Kill the process, and wait for its end.

    One that the kernel does not let go of, on a mount that hangs, is left to the master, which reaps every child.
    """
    os.kill(process, signal.SIGKILL)
    ends = time.monotonic() + END_S
    while os.waitpid(process, os.WNOHANG)[0] == 0 and time.monotonic() < ends:
        time.sleep(0.01)


def _try(settings: Settings, listening: Sequence[Any], tells: int) -> NoReturn:
    try:
        # Gunicorn's would keep them for its master.
        for number in (
            *(signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP),
            signal.SIGALRM,
        ):
            signal.signal(number, signal.SIG_DFL)
        # Nobody ends it where the master was killed, and the address is then for the next one.
        signal.alarm(int(TRIAL_S) + ALONE_S)
        for one in listening:
            one.close()
        why = _trial(settings)
    # It must not go on as a second master, whatever comes.
    except BaseException as error:  # noqa: BLE001
        why = f"{type(error).__name__}: {error}"
    with contextlib.suppress(BaseException):
        flush()
        os.write(tells, why.encode(errors="replace")[:WHY_BYTES])
    os._exit(0)


def _trial(settings: Settings) -> str:
    try:
        app = create_app(settings)
        with contextlib.suppress(StoreDown):
            check_own_store(settings, app.extensions[EXTENSION].store)
    except LimnerError as error:
        return error.message
    return _WELL
