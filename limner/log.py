"""Logging for every process: fixed event names with fields, as JSON lines or as columns.

``event(log, "job.accepted", job=…, lane=…)`` is the only way Limner's own code logs. Never log a
prompt, a token, or a full callback URL.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
from datetime import UTC, datetime
from functools import lru_cache
from types import TracebackType
from typing import Any, TextIO

from limner.console import FINISH_S, Outlet

#: attributes of each record besides the message
FIELDS = "limner_fields"

#: errors that mean that Redis is down or refuses us (limner.store.connection has the same list)
_AWAY = frozenset(
    {
        "kombu.exceptions.OperationalError",
        "limner.errors.StoreDown",
        "redis.exceptions.ClusterDownError",
        "redis.exceptions.ConnectionError",
        "redis.exceptions.MovedError",
        "redis.exceptions.NoPermissionError",
        "redis.exceptions.OutOfMemoryError",
        "redis.exceptions.ReadOnlyError",
        "redis.exceptions.TimeoutError",
        "redis.exceptions.TryAgainError",
    }
)
#: loggers for which a broken connection is one to Redis
_CLIENTS = ("celery", "kombu", "flower", "workers.flower")

#: loggers that repeat, at each tick, task or poll, what our own events say better
_QUIET = {
    # urllib3 logs whole URLs, and callback URLs may contain secrets.
    "urllib3": logging.ERROR,
    # It logs each failure to send, with a URL that may contain a password; `stack.otel` says what matters.
    "opentelemetry.exporter": logging.CRITICAL,
    # Celery logs the start and end of each task, ticks included.
    "celery.worker.strategy": logging.WARNING,
    "celery.app.trace": logging.WARNING,
    "celery.beat": logging.WARNING,
    # Flower polls the workers every few seconds, and Redis with them.
    "flower": logging.ERROR,
}

#: ``json.dumps`` would create a new one for each line
_ENCODER = json.JSONEncoder(default=str, ensure_ascii=False)


def event(
    log: logging.Logger,
    name: str,
    /,
    *,
    level: int = logging.INFO,
    error: bool | BaseException = False,
    **facts: Any,
) -> None:
    """Log one event, named ``noun.past_verb``, with its fields; ``error`` adds a traceback: its own, or the present one."""
    if log.isEnabledFor(level):
        # Not `log.log`, which looks up the calling line of code: our format does not show it.
        about: Any = sys.exc_info() if error else None
        if isinstance(error, BaseException):
            about = (type(error), error, error.__traceback__)
        extra = {FIELDS: facts}
        log.handle(log.makeRecord(log.name, level, "", 0, name, (), about, extra=extra))


class JsonLines(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        away = _away(record)
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": _words(record, away),
            "logger": record.name,
            **getattr(record, FIELDS, {}),
        }
        if away:
            line["why"] = away
        elif record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return _ENCODER.encode(line)


class Columns(logging.Formatter):
    """Time, level, event and ``key=value`` fields, for people."""

    def format(self, record: logging.LogRecord) -> str:
        away = _away(record)
        told = getattr(record, FIELDS, {}) | ({"why": away} if away else {})
        facts = " ".join(f"{k}={v}" for k, v in told.items())
        at = datetime.fromtimestamp(record.created, UTC)
        words = _words(record, away)
        line = f"{at:%H:%M:%S}.{int(record.msecs):03d} {record.levelname.lower():7} {words}"
        text = f"{line} {facts}".rstrip()
        if record.exc_info and not away:
            text = f"{text}\n{self.formatException(record.exc_info)}"
        return text


class Lines(logging.Handler):
    """Writes records as lines to a stream; logging never waits for the reader.

    Otherwise a process whose log is a pipe that nobody reads would block once the pipe is full.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._outlet = Outlet(stream, self._left_out)

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the record for writing, unless too many are waiting already."""
        try:
            line = self.format(record)
        except (TypeError, ValueError, LookupError) as error:
            # A library's format and arguments do not match. Python would report that by a traceback on
            # standard error, which would block until it is read.
            words = f"{record.msg} ({type(error).__name__})"
            line = self.format(_record(record.name, record.levelno, words))
        self._outlet.put(line + "\n", may_drop=True)

    def flush(self) -> None:
        """Wait briefly for what is not written yet; ``logging`` calls this at exit."""
        self._outlet.finish(FINISH_S)

    def _left_out(self, lines: int) -> str:
        return self.format(_record(__name__, logging.WARNING, "lines.dropped", lines=lines))


def _record(logger: str, level: int, words: str, **facts: Any) -> logging.LogRecord:
    record = logging.LogRecord(logger, level, "", 0, words, None, None)
    setattr(record, FIELDS, facts)
    return record


# A process may set up logging more than once, and its lines must stay in order.
@lru_cache(maxsize=1)
def _lines_on(stream: TextIO) -> Lines:
    return Lines(stream)


def json_event(logger: str, level: int, name: str, **facts: Any) -> str:
    """Return an event as a line of JSON, for who has no log yet or no more."""
    return JsonLines().format(_record(logger, level, name, **facts))


def json_line(process: str, line: str) -> str:
    """Return a line of ``process``'s output as a JSON object that names the process."""
    if line.startswith('{"') and line.endswith("}"):
        return f'{{"process": {_ENCODER.encode(process)}, {line[1:]}'
    # Not from our loggers: from the server, or an interpreter that crashed.
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    told = {"process": process, "at": at, "level": "info", "event": line, "logger": process}
    return _ENCODER.encode(told)


def _away(record: logging.LogRecord) -> str | None:
    """Return the error of Redis or its connection, if that is all that went wrong.

    Celery logs it with a traceback, and beat with its whole stack. These say nothing about our code, and
    there are many of them while a server restarts.
    """
    error = record.exc_info[1] if record.exc_info else None
    # Libraries wrap such errors again; our own code raises errors that explain themselves.
    theirs = record.name.startswith(_CLIENTS)
    cause = error
    while cause is not None:
        away = any(f"{kind.__module__}.{kind.__name__}" in _AWAY for kind in type(cause).__mro__)
        if away or (theirs and isinstance(cause, OSError)):
            return f"{type(cause).__name__}: {cause}"
        cause = (cause.__cause__ or cause.__context__) if theirs else None
    return None


def _words(record: logging.LogRecord, away: str | None) -> str:
    return record.getMessage().partition("\n")[0] if away else record.getMessage()


def set_up(log_format: str, log_level: str, handler: logging.Handler | None = None) -> None:
    """Route every logger of this process to one handler (standard error) in one format."""
    as_text = log_format == "text" or (log_format == "auto" and sys.stderr.isatty())
    handler = handler or _lines_on(sys.stderr)
    handler.setFormatter(Columns() if as_text else JsonLines())
    # Do not collect what our format does not show (Python's logging HOWTO, "Optimization").
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(log_level.upper())
    for name, level in _QUIET.items():
        logging.getLogger(name).setLevel(level)


def catch_the_rest() -> None:
    """Log what Python itself would print: warnings, and errors that nobody has caught. For processes that run on."""
    logging.captureWarnings(True)
    sys.excepthook = _crashed
    threading.excepthook = lambda told: _crashed(
        told.exc_type, told.exc_value, told.exc_traceback, of="thread"
    )


def _crashed(
    kind: type[BaseException],
    error: BaseException | None,
    where: TracebackType | None,
    of: str = "process",
) -> None:
    if issubclass(kind, (KeyboardInterrupt, SystemExit)):
        return
    record = _record(__name__, logging.CRITICAL, f"{of}.crashed", why=f"{kind.__name__}: {error}")
    record.exc_info = (kind, error, where) if error else None
    for handler in logging.getLogger().handlers:
        handler.handle(record)
        # A process that ends so does not come to what `logging` does at exit in every case.
        handler.flush()


def flush() -> None:
    """Wait briefly for what is not written yet: this process is about to call ``exec``."""
    for handler in logging.getLogger().handlers:
        handler.flush()
