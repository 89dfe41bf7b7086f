"""Read a server's response within limits: bytes, time, depth and number of values; used by the drivers.

A server may be broken, or another program than its operator believes: whatever it sends must cost no
more memory and time than a proper response, and end in one of our errors.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import requests
import urllib3

from limner.errors import BadResult, EngineDown
from limner.json_depth import is_deep

PIECE_BYTES = 64 * 1024
#: a ComfyUI graph in a history record nests a dozen levels deep
DEPTH_MAX = 64
#: each takes up to about a hundred bytes in memory, whatever its size on the wire
VALUES_MAX = 1_000_000


class NoAnswer(EngineDown):
    """The engine did not answer a request that may have reached it."""


def read_json(data: bytes | str) -> Any:
    """Return JSON as Python values.

    Raises:
        BadResult: it is not JSON, is nested too deeply, or has too many values.
    """
    raw = data.encode() if isinstance(data, str) else data
    # There cannot be more values than that, however many of these characters are inside strings.
    opened = raw.count(b"[") + raw.count(b"{")
    if opened + raw.count(b",") > VALUES_MAX:
        raise BadResult("The engine's answer has too many values.")
    if is_deep(raw, DEPTH_MAX):
        raise BadResult("The engine's answer is nested too deeply.")
    try:
        return json.loads(raw)
    except ValueError:
        raise BadResult("The engine's answer is not JSON.") from None


def pieces(response: requests.Response, *, most_bytes: int, whole_s: float) -> Iterator[bytes]:
    """Yield data as it arrives, up to ``most_bytes`` and for ``whole_s`` seconds.

    Raises:
        BadResult: there is more.
        NoAnswer: it takes longer, or breaks off.
    """
    ends_s = time.monotonic() + whole_s
    left = most_bytes
    while True:
        try:
            piece = response.raw.read1(PIECE_BYTES, decode_content=True)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise NoAnswer(f"the answer broke off ({type(error).__name__})") from None
        if not piece:
            return
        left -= len(piece)
        if left < 0:
            raise BadResult(f"The engine's answer is larger than {most_bytes >> 20} MB.")
        yield piece
        if time.monotonic() > ends_s:
            raise NoAnswer("the answer did not come to its end in time")
