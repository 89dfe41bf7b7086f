"""How a process tells whoever started it that it is ready: by a byte on a pipe that it inherits.

``stack/supervised.py`` makes the pipe; the API's server and the workers tell. Lines of the log would be a guess, and
an address that two servers share answers for either of them.
"""

from __future__ import annotations

import contextlib
import os

#: names the pipe's descriptor; not one of our settings, which begin otherwise
VARIABLE = "SUPERVISOR_READY_FD"


def tell_ready() -> None:
    """Say that this process is ready, once, if anybody wants to know."""
    descriptor = os.environ.pop(VARIABLE, "")
    if not descriptor.isdigit():
        return
    # Whoever asked may have given up, or this is a process that inherited the name alone.
    with contextlib.suppress(OSError):
        os.write(int(descriptor), b".")
        os.close(int(descriptor))
