"""How a command ends: what went wrong in one line on standard error, and an exit code.

Codes: 0 done · 1 not done · 2 a setting or an argument is wrong · 130 interrupted. ``limner`` itself ends so, and by
``limner.child`` each command of another package.
"""

from __future__ import annotations

import contextlib
import errno
import io
import logging
import os
import socket
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from limner.errors import ConfigError, LimnerError, StoreDown, StoreRefused
from limner.printing import silence

if TYPE_CHECKING:
    from limner.settings import Settings

INTERRUPTED = 130
#: how long a server's socket has to answer before a command says that there is none
PROBE_S = 1.0

#: makes the line that says why a command ends
_worded: Callable[[str], str] = "limner: {}".format


def complain_as_log() -> None:
    """From now on a command of this process, whose output is a log in JSON, says there why it ends."""
    global _worded
    # Not above: most commands end well.
    from limner.log import json_event

    _worded = lambda why: json_event("limner", logging.ERROR, "process.refused", why=why)  # noqa: E731


def exit_code(run: Callable[[], int]) -> int:
    """Run a command and return its exit code, after one line about what went wrong."""
    global _worded
    _worded = "limner: {}".format
    _mend_streams()
    try:
        code = run()
        # Here, where an error can still be reported, and not at exit.
        sys.stdout.flush()
        return code
    except StoreRefused as error:
        return complain(f"LIMNER_REDIS_URL: {error.message}", 2)
    except StoreDown as error:
        return complain(store_trouble(error), 1)
    except LimnerError as error:
        return complain(error.message, 2 if isinstance(error, ConfigError) else 1)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has closed the pipe (`limner clients list | head -1`); Python would complain at exit.
        silence(sys.stdout)
        return 0
    except OSError as error:
        if error.filename is None and error.errno not in (errno.ENOSPC, errno.EIO, errno.EDQUOT):
            raise
        if error.filename is not None:
            return complain(f"cannot read or write {error.filename}: {error.strerror}", 1)
        silence(sys.stdout)
        return complain(f"cannot write: {error.strerror}", 1)


def complain(sentence: str, code: int) -> int:
    """Say on standard error why the command ends, and return ``code``."""
    with contextlib.suppress(OSError):
        sys.stderr.write(f"{_worded(sentence)}\n")
        sys.stderr.flush()
    return code


def store_trouble(error: StoreDown) -> str:
    """Return the sentence about a Redis that does not serve: which one was tried, and what helps."""
    # Not above: most commands end well.
    from limner.settings import Settings

    try:
        where = _redis_in_words(Settings.load())
    except ConfigError as wrong:
        where = wrong.message
    return f"{error.message.rstrip('.')} ({where})"


def _redis_in_words(settings: Settings) -> str:
    from limner.settings.broker import redis_address

    address = redis_address(settings)
    if settings.redis_url:
        return f"{address.shown}, by LIMNER_REDIS_URL: is it up, and is that its address?"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(PROBE_S)
        try:
            probe.connect(address.path)
        except OSError:
            return (
                f"no `limner up` runs on {settings.data_dir}: start it, call this from its folder, "
                "or set LIMNER_DATA_DIR"
            )
    return f"the server of the `limner up` on {settings.data_dir}"


def _mend_streams() -> None:
    """Replace closed streams (`limner up >&-`), and make every character printable.

    Otherwise the next file to be opened, such as a lock or a socket, would become the output.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free descriptor is the missing one.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
