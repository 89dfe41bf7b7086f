"""One request, for a picture or for prompts, in a thread of its own, which puts its results into a queue.

The Content-Type decides whether the response is a stream: some servers ignore ``stream`` and return
plain JSON. Source: OpenAI's reference of image streaming (``image_generation.partial_image``,
``….completed``; ``image_edit.*`` for edits); Ark's (``….partial_succeeded`` with the picture,
``….partial_failed``, and a ``….completed`` without); Server-Sent Events as in the HTML standard.
"""

from __future__ import annotations

import math
import queue
import threading
from collections.abc import Iterator
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any

import requests

from engines.openai.answer import cost_of, item_picture, picture_of
from engines.openai.describing import DescriptionRequest, words_of
from engines.openai.judge import judge, judge_table
from engines.openai.wanted import PictureRequest
from engines.remote.cells import from_base64
from engines.remote.reading import pieces, read_json
from engines.remote.session import DRAWING_MAX_BYTES, Answer, NoAnswer, Remote
from engines.remote.spent import lost_on_the_way
from limner.errors import BadResult, EngineError, JobLost
from net.cut import Cut

#: most partial pictures: more than three cannot be requested
PARTIALS_MAX = 8


@dataclass(frozen=True, slots=True)
class Partial:
    """An unfinished picture of a cell, the ``number``-th from 1."""

    cell: int
    number: int
    image: bytes


@dataclass(frozen=True, slots=True)
class Done:
    """A cell's picture; of a description, the words. ``cost`` is in dollars, if the host says."""

    cell: int
    image: bytes = b""
    words: str = ""
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class CellFailed:
    """A cell's request failed."""

    cell: int
    error: Exception


News = Partial | Done | CellFailed
Part = PictureRequest | DescriptionRequest


class RequestUnderWay:
    """A running request."""

    def __init__(
        self,
        remote: Remote,
        cell: int,
        part: Part,
        silent_s: float,
        news: queue.SimpleQueue[News],
    ) -> None:
        self._remote, self._cell, self._part = remote, cell, part
        self._silent_s, self._news = silent_s, news
        self._prompt = part.prompt
        self._cut = Cut()
        # The job that the thread works for is known by its context.
        run = copy_context().run
        self._thread = threading.Thread(target=run, args=(self._run,), name="openai", daemon=True)
        self._thread.start()

    def hang_up(self) -> None:
        """Close the connection."""
        self._cut()

    def join(self, timeout_s: float) -> None:
        """Wait for the thread to end."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            self._news.put(self._draw())
        except NoAnswer:
            # It may have been drawn and paid for: nobody can tell.
            self._news.put(CellFailed(self._cell, JobLost("The answer was lost.", charged=True)))
        # Whatever it is, the thread that waits raises it.
        except Exception as error:  # noqa: BLE001
            self._news.put(CellFailed(self._cell, error))

    def _draw(self) -> Done:
        with self._remote.stream(
            "POST",
            self._part.path,
            read_s=self._silent_s,
            cut=self._cut,
            judge=self._judge,
            **self._part.arguments(),
        ) as response:
            headers = response.headers
            if "text/event-stream" in headers.get("Content-Type", ""):
                return self._last_of(response)
            told = _table(b"".join(_pieces(response)))
        cost = cost_of(told, headers)
        if isinstance(self._part, DescriptionRequest):
            return Done(self._cell, words=words_of(told), cost=cost)
        return Done(self._cell, picture_of(told, self._remote, self._prompt), cost=cost)

    def _judge(self, answer: Answer) -> EngineError | None:
        lost = lost_on_the_way(answer)
        if lost:
            return lost
        part = self._part
        # Of a question about a picture, it is the picture that may be wrong.
        ours = part.fields if isinstance(part, PictureRequest) else ()
        return judge(answer, self._prompt, callers_size=part.callers_size, ours=ours)

    def _last_of(self, response: requests.Response) -> Done:
        """Put every partial picture of a stream into the queue; return the final one."""
        partials = 0
        for data in events(_pieces(response)):
            if data == b"[DONE]":
                break
            told = _table(data)
            kind = str(told.get("type", ""))
            if kind.endswith(".partial_image"):
                partials += 1
                image = _partial(told.get("b64_json"))
                if image and partials <= PARTIALS_MAX:
                    self._news.put(Partial(self._cell, partials, image))
            elif kind.endswith((".completed", ".partial_succeeded")):
                image = item_picture(told, self._remote, self._prompt)
                return Done(self._cell, image, cost=cost_of(told, response.headers))
            elif kind == "error" or kind.endswith(".failed") or told.get("error"):
                error = judge_table(told, prompt=self._prompt)
                raise error or EngineError("The engine failed while it drew.")
        raise JobLost("The stream ended without a picture.", charged=True)


def events(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the data of each server-sent event; comments, names and ids are skipped."""
    data: list[bytes] = []
    for line in _lines(pieces):
        if line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))
        elif not line and data:
            yield b"\n".join(data)
            data = []
    # The last event counts even if the server hangs up right after it.
    if data:
        yield b"\n".join(data)


def _lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    buffer = bytearray()
    for piece in pieces:
        looked = len(buffer)
        buffer += piece
        while (end := buffer.find(b"\n", looked)) >= 0:
            yield bytes(buffer[:end]).removesuffix(b"\r")
            del buffer[: end + 1]
            looked = 0
    if buffer:
        yield bytes(buffer)


def _pieces(response: requests.Response) -> Iterator[bytes]:
    # The worker decides how long a drawing may take, and hangs up.
    return pieces(response, most_bytes=DRAWING_MAX_BYTES, whole_s=math.inf)


def _table(data: bytes) -> dict[str, Any]:
    told = read_json(data)
    return told if isinstance(told, dict) else {}


def _partial(text: Any) -> bytes | None:
    try:
        return from_base64(text) or None
    except BadResult:
        return None
