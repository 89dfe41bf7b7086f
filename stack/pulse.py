"""How a worker shows that it lives, without Redis: its own heartbeat thread touches a file, and others look at its age.

``limner worker … --alive`` looks. Whoever restarts a worker by that does not do so because Redis is down, when its
drawings go on. Only a worker that was given a name has such a file: others would leave theirs behind, one for each pid.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from limner.log import event
from limner.settings.short_path import own_folder

log = logging.getLogger(__name__)

#: names the file to the worker; not one of our settings, which begin otherwise
VARIABLE = "WORKER_PULSE_FILE"
#: how old the file of a living worker may be: far longer than one round waits for a Redis that is silent
LIMIT_S = 60.0


def pulse_file(queue: str, mark: str) -> Path:
    """Return the file of the worker of that name on this host.

    Raises:
        OSError: there is no safe folder for it.
    """
    return own_folder() / f"{queue}-{quote(mark, safe='')}.alive"


def age_s(file: Path) -> float | None:
    """Return how many seconds ago the file was touched; None: never."""
    try:
        touched = file.stat().st_mtime
    except OSError:
        return None
    # After the clock was set back a dead worker's would be of the future.
    return abs(time.time() - touched)


class Pulse:
    """A worker's side of it."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._is_missed = False

    @classmethod
    def of(cls, environ: Mapping[str, str] = os.environ) -> Pulse:
        """Make the one that the environment names, if any."""
        name = environ.get(VARIABLE)
        return cls(Path(name) if name else None)

    def beat(self) -> None:
        """Touch the file."""
        if self._file is None:
            return
        try:
            self._file.touch()
        except OSError as error:
            if not self._is_missed:
                event(log, "pulse.missed", level=logging.WARNING, why=str(error))
            self._is_missed = True
        else:
            self._is_missed = False
