"""Log lines: fixed names, facts beside them, one line each."""

from __future__ import annotations

import io
import itertools
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import exceptions as redis_errors

from limner import console, log
from tests.conftest import wait_until


@pytest.fixture
def said() -> Iterator:
    """Set logging up in a format and read what was written; everything is as before afterwards."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    quiet = ("urllib3", "celery.worker.strategy", "celery.app.trace", "celery.beat", "flower")
    levels = {name: logging.getLogger(name).level for name in quiet}
    stream = io.StringIO()

    def set_up(log_format: str, level: str = "info"):
        log.set_up(log_format, level, logging.StreamHandler(stream))
        return lambda: stream.getvalue().splitlines()

    yield set_up
    root.handlers[:], root.level = before[0], before[1]
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def test_an_event_is_one_json_object_with_its_facts(said):
    lines = said("json")

    log.event(logging.getLogger("limner.test"), "job.accepted", job="j1", lane="fast", grid=Path())

    (line,) = map(json.loads, lines())
    assert (line["event"], line["job"], line["lane"]) == ("job.accepted", "j1", "fast")
    assert (line["level"], line["logger"], line["grid"]) == ("info", "limner.test", ".")
    assert line["at"].endswith("+00:00")


def test_an_event_for_people_is_one_line_of_columns(said):
    lines = said("text")

    log.event(
        logging.getLogger("limner.test"), "lease.lost", level=logging.WARNING, job="j1", took_s=2
    )

    (line,) = lines()
    assert line.endswith("warning lease.lost job=j1 took_s=2")


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_an_error_brings_its_traceback(said, log_format):
    lines = said(log_format)

    try:
        raise ValueError("broken")
    except ValueError:
        log.event(
            logging.getLogger("limner.test"), "drawing.crashed", level=logging.ERROR, error=True
        )

    assert "ValueError: broken" in "\n".join(lines())
    assert (len(lines()) == 1) == (log_format == "json")


def test_a_line_break_in_a_fact_does_not_break_a_json_line(said):
    lines = said("json")

    log.event(logging.getLogger("limner.test"), "engine.failed", why="one\ntwo")

    (line,) = lines()
    assert json.loads(line)["why"] == "one\ntwo"


def test_what_is_below_the_level_is_not_said(said):
    lines = said("json", "warning")

    log.event(logging.getLogger("limner.test"), "job.accepted")
    log.event(logging.getLogger("limner.test"), "store.missed", level=logging.WARNING)

    assert [json.loads(line)["event"] for line in lines()] == ["store.missed"]


def test_libraries_that_would_write_urls_or_drown_the_rest_are_kept_quiet(said):
    lines = said("json")

    logging.getLogger("urllib3.connectionpool").warning("retrying %s", "http://secret/?token=1")
    logging.getLogger("celery.app.trace").info("Task tick succeeded")
    logging.getLogger("celery.worker").warning("worth knowing")

    assert [json.loads(line)["event"] for line in lines()] == ["worth knowing"]


class SchedulingError(Exception):
    """What beat makes of it."""


@pytest.mark.parametrize("log_format", ["json", "text"])
@pytest.mark.parametrize("logger", ["celery.beat", "celery.worker", "flower.views", "kombu"])
def test_a_redis_that_is_away_is_one_line_without_a_traceback(said, log_format, logger):
    lines = said(log_format)

    try:
        try:
            raise redis_errors.ConnectionError("Error 111. Connection refused.")
        except redis_errors.ConnectionError as error:
            raise SchedulingError("tick") from error
    except SchedulingError:
        logging.getLogger(logger).exception("no: %s\n%s", "x", '  File "a.py", line 1')

    (line,) = lines()
    assert "no: x" in line
    assert "ConnectionError: Error 111. Connection refused." in line
    assert "Traceback" not in line
    assert "File" not in line


@pytest.mark.parametrize(
    ("logger", "error"),
    [
        ("celery.worker", ValueError("a bug")),
        ("limner.test", OSError(28, "No space left on device")),
        ("celery.worker", redis_errors.ResponseError("ERR a bug in a script")),
    ],
)
def test_what_is_no_outage_keeps_its_traceback(said, logger, error):
    lines = said("json")

    try:
        raise error
    except Exception:
        logging.getLogger(logger).exception("broke")

    assert "Traceback" in json.loads(lines()[0])["traceback"]


@pytest.mark.parametrize(
    "line", ['{"at": "now", "event": "job.accepted"}', "Bad file format", "{x"]
)
def test_every_line_of_a_process_can_be_one_json_object(line):
    told = json.loads(log.json_line("api", line))

    assert told["process"] == "api"
    assert {"at", "event"} <= set(told)


def test_a_log_that_nobody_reads_stops_nobody_and_says_what_it_left_out(said, monkeypatch):
    monkeypatch.setattr(console, "WAITING_MAX", 10)
    reading, writing = os.pipe()
    # The reader is closed first: whoever should be held up by it ends with it.
    with os.fdopen(writing, "w") as stream, os.fdopen(reading, "rb", buffering=0) as reader:
        monkeypatch.setattr(sys, "stderr", stream)
        said("json")
        log.set_up("json", "info")
        done = threading.Event()

        def speak() -> None:
            for number in range(2000):
                log.event(logging.getLogger("limner.test"), "job.accepted", n=number, x="x" * 1000)
            done.set()

        threading.Thread(target=speak, daemon=True).start()
        assert done.wait(30), "whoever logged had to wait for the reader"
        os.set_blocking(reading, False)
        taken = bytearray()

        more = itertools.count()

        def all_told() -> bool:
            # What waited is read: with the next line comes how many are missing.
            next(more)
            log.event(logging.getLogger("limner.test"), "job.accepted", n=-1)
            taken.extend(reader.read(65536) or b"")
            return b'"n": -1' in taken and taken.endswith(b"\n")

        wait_until(all_told, what="what was left out")
        log.flush()

    lines = [json.loads(line) for line in taken.decode().splitlines()]
    dropped = sum(line["lines"] for line in lines if line["event"] == "lines.dropped")
    assert dropped > 1000
    shown = sum(line.get("n", -1) >= 0 for line in lines)
    assert 2000 <= dropped + shown <= 2000 + next(more)


@pytest.mark.parametrize("ends", ["", "log.flush(); os.execvp('true', ['true'])", "sys.exit(1)"])
def test_what_a_process_says_last_is_written_before_it_ends_or_becomes_another(ends):
    code = f"""
import logging, os, sys
from limner import log
log.set_up("json", "info")
for number in range(500):
    log.event(logging.getLogger("limner.test"), "last.said", number=number)
{ends}
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    numbers = [json.loads(line)["number"] for line in ended.stderr.splitlines()]
    assert numbers == list(range(500))


def test_words_that_do_not_fit_their_arguments_are_still_one_line(monkeypatch, said):
    said("json")
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    log.set_up("json", "info")

    logging.getLogger("celery.worker").warning("%d of them", "many")

    assert json.loads(stream.getvalue())["event"] == "%d of them (TypeError)"


@pytest.mark.parametrize(
    ("what", "event"),
    [
        ("raise ValueError('broken')", "process.crashed"),
        ("threading.Thread(target=lambda: 1 / 0).start()", "thread.crashed"),
        ("worker.log_crashes(); gevent.spawn(lambda: 1 / 0).join()", "greenlet.crashed"),
        ("warnings.warn('that is old')", "that is old"),
    ],
)
def test_what_python_itself_would_print_is_a_line_of_the_log(what, event):
    code = f"""
import gevent, threading, warnings
from api.server import worker
from limner import log
log.set_up("json", "info")
log.catch_the_rest()
{what}
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    (line,) = map(json.loads, ended.stderr.splitlines())
    assert event in line["event"]
    assert line["level"] in ("error", "critical", "warning")
    assert ended.stdout == ""
    assert ("Traceback" in line.get("traceback", "")) == ("crashed" in event)
