"""What the clocks of all hosts show, and whether the store has gone back to an older state.

``ClockTeller.tell`` is called by every process with a heartbeat; ``ahead_s`` reads what they said.
Limner itself goes by the server's clock alone, but callbacks are signed with their host's, pictures are
kept by it, and receivers refuse a signature that is minutes off.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from threading import Lock

from limner.ids import new_id
from limner.store.connection import guarded
from limner.store.scripts import Scripts

#: what a host said is believed for so long; it says it again every few seconds
FRESH_MS = 60_000


class ClockTeller:
    """This process's word on its host's clock, and its memory of its last beat in the store.

    That memory lies outside the store: a store that has not got that beat any more has gone back to a
    state before it, and gets an epoch that it never had (``tell_clock.lua``). What a store loses of the
    time after the last beats of all processes, none of them can see.
    """

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts
        self._process = new_id()
        self._beat = 0
        self._salt = ""
        self._lock = Lock()

    @guarded
    def tell(self, host: str, now_s: Callable[[], float] = time.time) -> bool:
        """Say what the host's clock shows; return whether the store has lost this process's last beat.

        Only the first process to find that out says so.
        """
        now_ms = round(now_s() * 1000)
        with self._lock:
            beat, lost, self._salt = self._scripts(
                "tell_clock", host, now_ms, self._process, self._beat, self._salt, new_id()
            )
            self._beat = int(beat)
        return bool(lost == "1")


def ahead_s(kept: Mapping[str, str], now_ms: int) -> dict[str, float]:
    """Return how many seconds each host's clock is ahead of the server's, of those who said so lately."""
    found = {}
    for host, text in kept.items():
        ahead_ms, _, at_ms = text.partition(" ")
        if abs(now_ms - int(at_ms)) <= FRESH_MS:
            found[host] = int(ahead_ms) / 1000
    return found
