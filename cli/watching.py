"""Follow one job over HTTP to its end, and show how it stands: a moving line on a terminal, else a line for each news."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any, TextIO

from cli.show import duration
from limner.console import bar
from limner.printing import clean
from net.calling import CallMissed, CallRefused, Calls
from stack.receiver import WORDS

JOBS = "/draw/midjourney/jobs"
#: how long one look may wait for news; a position has no seq of its own, so it is asked for more often
LOOK_S, POSITION_S = 30, 2
#: how long a gateway that is away, or busy, is waited for; and until it is asked again, unless it says so itself
PATIENCE_S, AGAIN_S = 60.0, 1.0
#: statuses that come to an end if one waits
PASSING = (429, 503)
WIDTH = 79
DONE, FAILED = 1, 2


def news(calls: Calls, job: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield a job as it is, and again with every change, until it has ended.

    Raises:
        CallMissed, CallRefused: the gateway cannot be reached for a minute, or does not know the job any more.
    """
    yield job
    since = time.monotonic()
    while job["status"] not in (DONE, FAILED):
        wait_s = POSITION_S if job["status"] == -2 else LOOK_S
        try:
            seen = calls.get(
                f"{JOBS}/{job['id']}", {"wait": wait_s, "seq": job["seq"]}, wait_s=wait_s
            )
        except (CallMissed, CallRefused) as error:
            passes = isinstance(error, CallMissed) or error.status in PASSING
            if not passes or time.monotonic() - since > PATIENCE_S:
                raise
            asked_s = error.retry_after_s if isinstance(error, CallRefused) else None
            time.sleep(min(max(AGAIN_S, asked_s or 0.0), PATIENCE_S))
            continue
        since = time.monotonic()
        if seen != job:
            job = seen
            yield job


def in_words(job: Mapping[str, Any]) -> str:
    """Return how a job stands, in a line."""
    lane = "fast" if job["fast"] else "relaxed"
    match WORDS[job["status"]]:
        case "waiting" if job.get("waitsFor"):
            return f"waiting in the {lane} lane: {job['waitsFor']} by an operator"
        case "waiting":
            place = f", position {job['position']}" if job["position"] else ""
            starts = job.get("startsInS")
            soon = f", starts in about {duration(starts)}" if starts is not None else ""
            return f"waiting in the {lane} lane{place}{soon}"
        case "submitted":
            return f"submitted to {job['engine']}"
        case "drawing":
            return f"{bar(job['progress'])} {job['progress']:3} %  {job['engine']}"
        case "done":
            return f"{bar(100)} 100 %  {job['engine'] or 'done'}"
    return WORDS[job["status"]]


class JobBoard:
    """Shows how a job stands on one stream."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._moves = stream.isatty()
        self._last = ""

    def show(self, job: Mapping[str, Any]) -> None:
        """Show the job as it is now, if that is news; why it failed is told by the command."""
        if job["status"] == FAILED:
            self._forget()
            return
        text = clean(in_words(job))
        if text == self._last:
            return
        self._last = text
        self._stream.write(f"\r\x1b[K{text[:WIDTH]}" if self._moves else f"{text}\n")
        self._stream.flush()

    def _forget(self) -> None:
        if self._moves and self._last:
            self._stream.write("\r\x1b[K")
        self._last = ""

    def say(self, text: str) -> None:
        """Write a line of its own."""
        self.end()
        self._stream.write(text + "\n")
        self._stream.flush()

    def end(self) -> None:
        """Leave the last line as it is."""
        if self._moves and self._last:
            self._stream.write("\n")
            self._stream.flush()
        self._last = ""


def board() -> JobBoard:
    """Return the board of a command: on standard error, so that standard output has the result alone."""
    return JobBoard(sys.stderr)
