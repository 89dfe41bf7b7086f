"""What beat and Flower do at SIGHUP: the same as at SIGTERM, where they would die of it; `nohup` still has it ignored.

Called by ``workers.bare`` and ``workers.flower``. Workers have more to do: see ``workers.stopping``.
"""

from __future__ import annotations

import os
import signal
from typing import Any


def end_at_hangup(**_: Any) -> None:
    """Have this process end in order when it is hung up on."""
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
