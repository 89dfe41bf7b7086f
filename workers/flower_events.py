"""Let Flower listen again soon after an outage of Redis; for ``workers/flower.py``.

Flower's own thread waits twice as long after each vain attempt, without end: after an outage of minutes
it would hear nothing for minutes more.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from flower import events

from limner.log import event
from limner.store.connection import told_within

log = logging.getLogger(__name__)

PAUSE_S = 1.0


def install() -> None:
    """Make Flower's thread listen by ``listen``."""
    events.Events.run = listen


def listen(thread: Any) -> None:
    """Listen to the workers' events, for ever."""
    while True:
        try:
            with thread.capp.connection() as connection:
                receiver = events.EventReceiver(
                    connection, handlers={"*": thread.on_event}, app=thread.capp
                )
                receiver.capture(limit=None, timeout=None, wakeup=True)
        # Whatever it is, Flower without events shows nothing that is true.
        except Exception as error:  # noqa: BLE001
            why = told_within(error) or type(error).__name__
            event(log, "flower.deaf", level=logging.WARNING, why=str(why))
            time.sleep(PAUSE_S)
