"""What a worker does at signals beside SIGTERM: SIGHUP is the same, and SIGUSR2 ends it without handing over.

Celery's own SIGHUP starts the command again by a path that does not work for ours, and ends without a drain.
What it says at a signal is logged: it would write past the log, in a line that is no JSON.
Called by ``workers.app``.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable
from typing import Any

from celery import bootsteps
from celery.apps import worker as celery_worker
from celery.worker import state

from limner.log import event

log = logging.getLogger(__name__)


def install(app: Any, retire: Callable[[], None], *, hangup_ignored: bool) -> None:
    """Set the handlers when the worker starts, after Celery has set its own.

    ``retire()`` has this process take nothing new; it ends once its tasks have. A SIGTERM meanwhile still
    hands them over. ``hangup_ignored``: as `nohup` wants it.
    """
    celery_worker.safe_say = _log_instead  # type: ignore[attr-defined,unused-ignore]

    class SignalStep(bootsteps.StartStopStep):  # type: ignore[misc,unused-ignore]
        """Sets the signal handlers, before the consumer starts."""

        def start(self, _parent: Any) -> None:
            signal.signal(signal.SIGHUP, signal.SIG_IGN if hangup_ignored else _as_terminated)
            signal.signal(signal.SIGUSR2, lambda *_: _retire(retire))

    app.steps["worker"].add(SignalStep)


def _log_instead(message: str, stream: Any = None) -> None:
    event(log, "worker.signalled", said=message)


def _as_terminated(number: int, frame: Any) -> None:
    terminated = signal.getsignal(signal.SIGTERM)
    if callable(terminated):
        terminated(number, frame)


def _retire(retire: Callable[[], None]) -> None:
    try:
        retire()
    finally:
        state.should_stop = 0  # type: ignore[assignment]
