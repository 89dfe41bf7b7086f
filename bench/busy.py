"""A busy machine: processes that only compute, for as long as a measurement takes."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator

#: they end after this time whatever happens to the bench, and at once when it is gone
MOST_S = 120
_SPIN = """
import os, sys, time
ends, parent = time.monotonic() + float(sys.argv[1]), os.getppid()
while time.monotonic() < ends and os.getppid() == parent:
    sum(range(100_000))
"""


@contextlib.contextmanager
def busy(processes: int) -> Iterator[None]:
    """Keep so many processes computing beside the block."""
    with contextlib.ExitStack() as stack:
        for _ in range(processes):
            spinning = subprocess.Popen([sys.executable, "-c", _SPIN, str(MOST_S)])
            stack.callback(spinning.wait)
            stack.callback(spinning.kill)
        yield
