"""Logging for every process: fixed event names with fields, as JSON lines or as columns.

``event(log, "job.accepted", job=…, lane=…)`` is the only way Limner's own code logs. Never the
prompt, a token, or a full callback URL.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

#: beside the message on each record
FIELDS = "limner_fields"

#: ``json.dumps`` would make a new one for each line
_ENCODER = json.JSONEncoder(default=str, ensure_ascii=False)


def event(
    log: logging.Logger, name: str, /, level: int = logging.INFO, error: bool = False, **facts: Any
) -> None:
    """Log one event, named ``noun.past_verb``, with its facts; ``error`` adds the traceback."""
    if log.isEnabledFor(level):
        # Not `log.log`, which looks for the line of code that called: no line of ours shows it.
        about = sys.exc_info() if error else None
        extra = {FIELDS: facts}
        log.handle(log.makeRecord(log.name, level, "", 0, name, (), about, extra=extra))


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "logger": record.name,
            **getattr(record, FIELDS, {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return _ENCODER.encode(line)


class Columns(logging.Formatter):
    """Time, level, event and ``key=value`` facts, for people."""

    def format(self, record: logging.LogRecord) -> str:
        facts = " ".join(f"{k}={v}" for k, v in getattr(record, FIELDS, {}).items())
        at = datetime.fromtimestamp(record.created, UTC)
        line = f"{at:%H:%M:%S}.{int(record.msecs):03d} {record.levelname.lower():7} {record.getMessage()}"
        text = f"{line} {facts}".rstrip()
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


def set_up(log_format: str, log_level: str, handler: logging.Handler | None = None) -> None:
    """Send every logger of this process to one handler (standard error) in one format."""
    as_text = log_format == "text" or (log_format == "auto" and sys.stderr.isatty())
    handler = handler or logging.StreamHandler(sys.stderr)
    handler.setFormatter(Columns() if as_text else JsonLines())
    # What no line of ours shows is not looked up for each (Python's logging HOWTO, "Optimization").
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(log_level.upper())
    # urllib3 writes whole URLs, and callback URLs may carry secrets.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    # Celery tells of each task that came and went, ticks included; our own events say more.
    for name in ("celery.worker.strategy", "celery.app.trace"):
        logging.getLogger(name).setLevel(logging.WARNING)
