"""Keep a process with many busy threads on one core at a time; started in each API process.

Python's threads take turns holding the interpreter lock, so they can use no more than one core. If
they may run on any, each turn wakes a thread on another core with a cold cache, and a POST takes half
as much CPU again (docs/performance.md). Every few seconds the kernel may choose another core, so that
a process does not stay on one that has become busy.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path

#: how long a process stays on its core
STAY_S = 5.0
#: how long it is then free to run anywhere, while its usage is measured
LOOK_S = 0.1
#: a process that then uses more cores than this works outside the lock, and stays free
SPREAD = 1.25


class OneCore(threading.Thread):
    """Pins the process that starts it to a core, repeatedly, as long as it lives. Linux only."""

    def __init__(self, stay_s: float = STAY_S, look_s: float = LOOK_S) -> None:
        super().__init__(name="one-core", daemon=True)
        self._allowed = os.sched_getaffinity(0)
        self._stay_s = stay_s
        self._look_s = look_s

    @classmethod
    def watch(cls) -> None:
        """Start, if the system supports it and has more than one core."""
        if hasattr(os, "sched_setaffinity") and len(os.sched_getaffinity(0)) > 1:
            cls().start()

    def run(self) -> None:
        """Unpin the process, measure its usage, and pin it again or leave it free."""
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
            # A thread may have ended meanwhile. New ones inherit the core of the thread that starts them.
            with contextlib.suppress(OSError):
                os.sched_setaffinity(int(thread), cores)


def _core() -> int:
    """Return the core that the kernel has chosen for this thread."""
    # The 39th field; the second, a name in brackets, may hold spaces.
    stat = Path("/proc/thread-self/stat").read_text()
    return int(stat.rpartition(")")[2].split()[36])
