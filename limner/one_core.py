"""Keep a process of many busy threads on one core at a time; started in each process of the API.

Python's threads take turns at the interpreter's lock, so one core is all that they can use. Free to
run on any, each turn wakes a thread on another core, across processors and into a cold cache, and the
API takes half as much CPU again for a POST (docs/performance.md). Every few seconds the kernel may
choose the core anew, so that a process does not stay where others have come.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path

#: a process stays where it is for so long
STAY_S = 5.0
#: and is then free to run anywhere, and looked at, for so long
LOOK_S = 0.1
#: a process that uses more cores than this when it is free does work outside the lock, and stays free
SPREAD = 1.25


class OneCore(threading.Thread):
    """Settles the process that starts it, again and again as long as that lives. Linux only."""

    def __init__(self, stay_s: float = STAY_S, look_s: float = LOOK_S) -> None:
        super().__init__(name="one-core", daemon=True)
        self._allowed = os.sched_getaffinity(0)
        self._stay_s = stay_s
        self._look_s = look_s

    @classmethod
    def watch(cls) -> None:
        """Begin, where the system can and there is more than one core to choose from."""
        if hasattr(os, "sched_setaffinity") and len(os.sched_getaffinity(0)) > 1:
            cls().start()

    def run(self) -> None:
        """Free the process, look how much it uses, and settle it or leave it free."""
        while True:
            self._run_on(self._allowed)
            if self._cores_used() < SPREAD:
                self._run_on({_core()})
            time.sleep(self._stay_s)

    def _cores_used(self) -> float:
        began_s, used_s = time.monotonic(), time.process_time()
        time.sleep(self._look_s)
        return (time.process_time() - used_s) / (time.monotonic() - began_s)

    def _run_on(self, cores: set[int]) -> None:
        for thread in os.listdir("/proc/self/task"):
            # One that has ended meanwhile runs nowhere. New ones begin where the one is that made them.
            with contextlib.suppress(OSError):
                os.sched_setaffinity(int(thread), cores)


def _core() -> int:
    """Return the core that the kernel has put this thread on, the best one that it knows."""
    # The 39th field; the second, a name in brackets, may hold spaces.
    stat = Path("/proc/thread-self/stat").read_text()
    return int(stat.rpartition(")")[2].split()[36])
