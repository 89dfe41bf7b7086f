"""Whether this process's traces go anywhere, and where; started by the API's workers and the Celery workers.

Off without an exporter's address. Then nothing of OpenTelemetry is imported, which the extra ``limner[otel]``
brings; ``stack.otel`` alone imports it.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping

from limner import tracing
from limner.log import event
from limner.settings import Settings

log = logging.getLogger(__name__)

#: how long an ending process waits for its last spans to be taken
END_S = 1.0
#: the standard variables, of which one must be set
ADDRESSES = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


def wanted(settings: Settings, environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether traces are to be sent: there is an address, and they are not switched off."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if environ.get("OTEL_TRACES_EXPORTER", "").strip().lower() == "none":
        return False
    return bool(settings.otlp_url or any(environ.get(name) for name in ADDRESSES))


def start(settings: Settings, part: str) -> Callable[[], None]:
    """Send this process's traces from now on, if that is wanted; return what ends that, in ``END_S`` at most.

    ``part``: what the process is, such as ``api``. Traces are no reason not to start: what is wrong with them
    is logged.
    """
    if not wanted(settings):
        return _nothing
    try:
        # Not at the top: with traces off, nobody pays for it.
        from stack import otel

        tracer, shut_down = otel.sending(settings, part)
    except ImportError:
        event(log, "traces.not_installed", level=logging.WARNING, install="limner[otel]")
        return _nothing
    # A wrong variable of the SDK's, a certificate that cannot be read.
    except Exception as error:  # noqa: BLE001
        event(log, "traces.not_started", level=logging.WARNING, error_class=type(error).__name__)
        return _nothing
    tracing.install(tracer)
    return lambda: _end(shut_down)


def _end(shut_down: Callable[[], None]) -> None:
    tracing.install(None)
    # It waits for a collector that may not answer, for half a minute.
    thread = threading.Thread(target=shut_down, name="traces-end", daemon=True)
    thread.start()
    thread.join(END_S)


def _nothing() -> None:
    """End what has not begun."""
