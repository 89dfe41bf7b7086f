"""How this process's C library keeps memory that was let go of; called by ``limner.decoding``."""

from __future__ import annotations

import contextlib
import ctypes
import sys

#: mallopt(3)
_M_MMAP_THRESHOLD = -3
_LARGE_BYTES = 2**20


def give_large_blocks_back() -> None:
    """Make every block of a megabyte or more go back to the system as soon as it is free.

    glibc does so at first, but learns from each large block to keep the next ones, for each thread by
    itself: a process that unpacks pictures in eight threads keeps hundreds of megabytes.
    """
    if sys.platform == "linux":
        # Other C libraries than glibc lack the call, and the habit.
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
