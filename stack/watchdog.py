"""Ends the processes of a supervisor that was killed with -9; started by ``stack.supervisor``.

It reads ``+<group>`` and ``-<group>`` lines from a pipe whose other end only the supervisor holds. When
the pipe ends, the supervisor is gone, and the groups still listed are terminated, and killed after a
few seconds. A pipe also works on macOS, where a process cannot ask to die with its parent.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterable

GRACE_S = 5.0


def watch(lines: Iterable[str], grace_s: float = GRACE_S) -> None:
    """Read ``lines`` until they end, then end every process group still listed."""
    groups: dict[int, None] = {}
    for line in lines:
        if line.startswith("+"):
            groups[int(line[1:])] = None
        else:
            groups.pop(int(line[1:]), None)
    _send(groups, signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    while time.monotonic() < deadline and any(_lives(group) for group in groups):
        time.sleep(0.1)
    _send(groups, signal.SIGKILL)


def _send(groups: Iterable[int], number: int) -> None:
    for group in groups:
        with contextlib.suppress(OSError):
            os.killpg(group, number)


def _lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    # Only the end of its supervisor ends it.
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    watch(sys.stdin)
