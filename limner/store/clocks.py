"""The clocks of all hosts, and whether the store was rolled back to an older state.

``ClockTeller.tell`` is called by every process with a heartbeat; ``ahead_s`` reads their reports.
Limner itself uses the server's clock only, but callbacks are signed and pictures expire by their host's
clock, and receivers refuse a signature that is minutes off.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from threading import Lock

from limner.ids import new_id
from limner.store.connection import guarded
from limner.store.scripts import Scripts

#: how long a host's report counts; it is repeated every few seconds
FRESH_MS = 60_000


class ClockTeller:
    """Reports its host's clock, and remembers this process's last heartbeat in the store.

    That memory is outside the store: a store that no longer has the heartbeat was rolled back to before it,
    and gets a new epoch (``tell_clock.lua``). No process can see a loss of only what came after the last
    heartbeats of all processes.
    """

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts
        self._process = new_id()
        self._beat = 0
        self._salt = ""
        self._lock = Lock()
        #: how often the store had lost this process's last heartbeat, and what it announced before that
        self.losses = 0

    @guarded
    def tell(self, host: str, now_s: Callable[[], float] = time.time) -> bool:
        """Report the host's clock; return whether the store has lost this process's last heartbeat.

        Only the first process to find that out returns True.
        """
        now_ms = round(now_s() * 1000)
        with self._lock:
            beat, lost, self._salt, missing = self._scripts(
                "tell_clock", host, now_ms, self._process, self._beat, self._salt, new_id()
            )
            self._beat = int(beat)
            self.losses += int(missing)
        return bool(lost == "1")


def ahead_s(kept: Mapping[str, str], now_ms: int) -> dict[str, float]:
    """Return how many seconds each host's clock is ahead of the server's, for recent reports."""
    found = {}
    for host, text in kept.items():
        ahead_ms, _, at_ms = text.partition(" ")
        if abs(now_ms - int(at_ms)) <= FRESH_MS:
            found[host] = int(ahead_ms) / 1000
    return found
