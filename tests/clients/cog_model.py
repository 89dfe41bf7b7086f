"""A model as somebody would package it with cog, without weights: run by cog's own server, in its environment.

``Painter`` draws one prediction at a time, and hands each picture over as it is done; ``Several`` draws several;
``Broken`` cannot be set up. Each prediction adds a line to the file in ``COG_TEST_LEDGER``.
"""

from __future__ import annotations

import asyncio
import json
import os
import struct
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from pathlib import Path as File
from typing import Any

import cog
from cog import BaseRunner, Input, Path


class Painter(BaseRunner):
    """The usual kind."""

    def setup(self) -> None:
        sys.stdout.write("loading nothing\n")

    def run(
        self,
        prompt: str = Input(description="what to draw"),
        seed: int = Input(default=0),
        width: int = Input(default=256, ge=64, le=1024),
        height: int = Input(default=256, ge=64, le=1024),
        num_outputs: int = Input(default=1, ge=1, le=4),
        num_inference_steps: int = Input(default=4, ge=1, le=500),
    ) -> Iterator[Path]:
        _note({"prompt": prompt, "seed": seed, "count": num_outputs})
        for step in _steps(num_inference_steps):
            time.sleep(0.1)
            if "wait" in prompt and step:
                time.sleep(0.2)
        if "naked" in prompt:
            raise ValueError("NSFW content detected. Try running it again.")
        if "boom" in prompt:
            raise KeyError("/src/weights")
        for number in range(num_outputs):
            yield _painted(prompt, seed + number, width, height)
            time.sleep(0.1)


class Several(BaseRunner):
    """Four at a time."""

    def setup(self) -> None:
        pass

    @cog.concurrent(max=4)
    async def run(
        self,
        prompt: str = Input(description="what to draw"),
        seed: int = Input(default=0),
        width: int = Input(default=256, ge=64, le=1024),
        height: int = Input(default=256, ge=64, le=1024),
        num_outputs: int = Input(default=1, ge=1, le=4),
    ) -> list[Path]:
        _note({"prompt": prompt, "seed": seed, "count": num_outputs})
        await asyncio.sleep(0.3)
        return [_painted(prompt, seed + n, width, height) for n in range(num_outputs)]


class Broken(BaseRunner):
    """Cannot be set up."""

    def setup(self) -> None:
        raise RuntimeError("the weights are not there")

    def run(self, prompt: str = Input(description="what to draw")) -> str:
        return prompt


def _steps(count: int) -> Iterator[int]:
    """As tqdm prints them."""
    for step in range(count + 1):
        bar = f"{step * 100 // count:3d}%|{'#' * step:<4}| {step}/{count} [00:01<00:01, 9.1it/s]"
        sys.stderr.write(bar + ("\r" if step < count else "\n"))
        sys.stderr.flush()
        yield step


def _note(line: dict[str, Any]) -> None:
    with open(os.environ["COG_TEST_LEDGER"], "a") as ledger:
        ledger.write(json.dumps(line) + "\n")


def _painted(prompt: str, seed: int, width: int, height: int) -> Path:
    """A slope from one colour to another; both follow from words and seed."""
    mixed = zlib.crc32(f"{prompt} {seed}".encode())
    low, high = [(mixed >> s) & 255 for s in (0, 8, 16)], [(mixed >> s) & 255 for s in (24, 4, 12)]
    rows = b""
    for y in range(height):
        colour = bytes(a + (b - a) * y // height for a, b in zip(low, high, strict=True))
        rows += b"\0" + colour * width
    png = b"\x89PNG\r\n\x1a\n"
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b"")):
        check = struct.pack(">I", zlib.crc32(kind + data))
        png += struct.pack(">I", len(data)) + kind + data + check
    file = File(tempfile.mkdtemp()) / "out.png"
    file.write_bytes(png)
    return Path(file)
