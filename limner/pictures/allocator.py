"""Make this process's C library return freed memory to the system; called by ``limner.pictures.decoding``."""

from __future__ import annotations

import contextlib
import ctypes
import sys

#: mallopt(3)
_M_MMAP_THRESHOLD = -3
_LARGE_BYTES = 2**20


def give_large_blocks_back() -> None:
    """Return every block of a megabyte or more to the system as soon as it is freed.

    glibc does so at first, but raises its threshold with each large block, for each thread separately: a
    process that decodes pictures in eight threads would keep hundreds of megabytes.
    """
    if sys.platform == "linux":
        # Other C libraries have neither the call nor the problem.
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
