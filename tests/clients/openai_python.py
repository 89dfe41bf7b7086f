"""What a program does with OpenAI's own library for Python; run in the clients' own environment.

    openai_python.py URL TOKEN POOR

POOR: the token of a client with no budget and without the fast lane.

Prints one JSON object; ``tests/clients/test_openai.py`` says what must be in it.
"""

from __future__ import annotations

import base64
import io
import json
import struct
import sys
import zlib
from collections.abc import Callable
from typing import Any

import openai

MODEL = "gpt-image-1"
Pixel = tuple[int, int, int, int]


def a_png(side: int, pixel: Callable[[int], Pixel]) -> io.BytesIO:
    """A square picture whose pixels depend on their column, as an open file with a name."""
    row = b"\0" + b"".join(bytes(pixel(x)) for x in range(side))

    def chunk(kind: bytes, data: bytes) -> bytes:
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    head = struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0)
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(row * side)), chunk(b"IEND", b""))
    file = io.BytesIO(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    file.name = "picture.png"
    return file


def blue(_x: int) -> Pixel:
    return 0, 0, 255, 255


def left_open(x: int) -> Pixel:
    return 255, 255, 255, 0 if x < 128 else 255


def size_of(text: str) -> list[int]:
    """Width and height of a PNG in base64."""
    return list(struct.unpack(">II", base64.b64decode(text)[16:24]))


def failure(ask: Callable[[], Any]) -> dict[str, Any]:
    try:
        found = ask()
        if isinstance(found, openai.Stream):
            list(found)
    except openai.APIError as error:
        return {
            "class": type(error).__name__,
            "status": getattr(error, "status_code", None),
            "code": error.code,
            "param": error.param,
            "type": error.type,
            "request_id": getattr(error, "request_id", None),
        }
    return {"class": None}


def main(url: str, token: str, poors: str) -> dict[str, Any]:
    client = openai.OpenAI(base_url=url, api_key=token)
    images = client.images
    seen: dict[str, Any] = {"models": [model.id for model in client.models.list()]}

    drawn = images.generate(model=MODEL, prompt="a cat", n=2, size="1024x1024")
    seen["drawn"] = {
        "id": drawn._request_id,
        "size": drawn.size,
        "sizes": [size_of(one.b64_json or "") for one in drawn.data or ()],
        "tokens": drawn.usage.total_tokens if drawn.usage else None,
    }
    relaxed = images.generate(model="dall-e-3", prompt="a cat", extra_body={"lane": "relaxed"})
    seen["relaxed"] = {"id": relaxed._request_id, "urls": [one.url for one in relaxed.data or ()]}

    seen["stream"] = [
        [event.type, event.size, getattr(event, "partial_image_index", None)]
        for event in images.generate(
            model=MODEL, prompt="a cat [[seconds 3]]", stream=True, partial_images=2, size="512x512"
        )
    ]
    edits = {
        "one": images.edit(model=MODEL, prompt="red", image=a_png(256, blue)),
        "two": images.edit(model=MODEL, prompt="red", image=[a_png(256, blue), a_png(64, blue)]),
        "mask": images.edit(
            model=MODEL, prompt="red", image=a_png(256, blue), mask=a_png(256, left_open)
        ),
    }
    seen["edits"] = {name: [one._request_id, one.size] for name, one in edits.items()}

    def keyed(n: int) -> Any:
        return images.generate(prompt="a cat", n=n, extra_headers={"Idempotency-Key": "mine"})

    poor = openai.OpenAI(base_url=url, api_key=poors)
    stranger = openai.OpenAI(base_url=url, api_key="wrong")
    seen["failures"] = {
        "field": failure(lambda: images.generate(model=MODEL, prompt="a cat", size="7x7")),
        "key": failure(lambda: stranger.models.list()),
        "address": failure(lambda: client.get("/nothing", cast_to=dict[str, Any])),
        "lane": failure(lambda: poor.images.generate(prompt="a cat", extra_body={"lane": "fast"})),
        "quota": failure(lambda: poor.images.generate(prompt="a cat")),
        "conflict": failure(lambda: [keyed(n) for n in (1, 2)][-1]),
        "moderated": failure(lambda: images.generate(model=MODEL, prompt="[[moderated]]")),
        "failed": failure(lambda: images.generate(model=MODEL, prompt="[[fail]]")),
        "stream": failure(
            lambda: images.generate(model=MODEL, prompt="[[moderated]] again", stream=True)
        ),
    }
    # Three tries, each shorter than the drawing.
    hasty = openai.OpenAI(base_url=url, api_key=token, timeout=2.0, max_retries=4)
    seen["retried"] = hasty.images.generate(model=MODEL, prompt="slow [[seconds 5]]")._request_id
    return seen


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(*sys.argv[1:4])) + "\n")
