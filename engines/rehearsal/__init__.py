"""The rehearsal engine: draws plain labelled cards, and follows commands in the prompt.

It accepts everything: any size and number of cells, every operation. A card shows the end of its seed, in a
colour that follows from all that was asked for: the same request gives the same cards, another one others.
An edit is a card in the masked part of the canvas; a description is four fixed prompts.

For tests, load tests and integrators; it costs next to nothing. It behaves like a remote engine that
keeps drawing when its worker dies: a drawing's progress depends only on its handle and the time, so any
worker can attach to it.

Options: ``seconds`` (2.0) a drawing takes · ``steps`` (5) previews · ``ledger``: a file that gets one
JSON line for every start and end, so that tests can see what was drawn, when, and how often.

In the prompt: ``[[fail]] [[moderated]] [[busy n]] [[down n]] [[lost n]] [[hang]] [[bad-result]]
[[seconds n]]``; n counts submissions of the job (1 if it is left out).
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import os
import re
import struct
import time
import zlib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from PIL import Image, ImageDraw

from engines.remote.options import Options
from limner.engine import (
    Brief,
    Capabilities,
    Edit,
    Event,
    Finished,
    Handle,
    Health,
    Parent,
    Preview,
    Progress,
    Stop,
)
from limner.errors import EngineBusy, EngineDown, JobLost, Rejected
from limner.settings import EngineSettings

_CUE = re.compile(r"\[\[([a-z-]+)(?:\s+([\d.]+))?\]\]")
_BUSY_RETRY_S = 0.2
#: few enough to keep: writing a label costs more than everything else here
_LABELS = 100
#: of a brief: who asks and when, the flags of what has a field of its own, and what each card adds
_NOT_ASKED = {"job_id", "attempt", "fast", "final_prompt", "seeds"}
#: a label must stand out
_BRIGHTEST = 200
_Colour = tuple[int, int, int]
_PREVIEW: _Colour = (200, 130, 130)


def build(settings: EngineSettings) -> Rehearsal:
    """Build the engine from its ``[[engine]]`` entry."""
    options = Options(settings)
    seconds = options.number("seconds", 2.0, 0, 3600)
    steps = options.whole("steps", 5, 0, 1000)
    ledger = options.optional_text("ledger")
    options.done()
    return Rehearsal(settings.name, seconds, steps, Path(ledger) if ledger else None)


class Rehearsal:
    """Cards on a schedule."""

    def __init__(self, name: str, seconds: float, steps: int, ledger: Path | None = None) -> None:
        self._name = name
        self._seconds = seconds
        self._steps = steps
        self._ledger = ledger

    def capabilities(self) -> Capabilities:
        """Every parameter shows in the cards, and any worker may attach."""
        return Capabilities(
            count="exact",
            quality="exact",
            weird="exact",
            draft="exact",
            style_references="exact",
            object_references="exact",
            upscale_subtle="exact",
            upscale_creative="exact",
            edit="exact",
            blend="exact",
            describe="exact",
            cancel=True,
            attach=True,
            previews=True,
        )

    def health(self) -> Health:
        """Always healthy."""
        return Health("ok")

    def submit(self, brief: Brief) -> Handle:
        """Start the clock of a drawing."""
        cues = _cues(brief.final_prompt)
        if brief.attempt < cues.get("busy", 0):
            raise EngineBusy(_BUSY_RETRY_S)
        if brief.attempt < cues.get("down", 0):
            raise EngineDown
        seconds = cues.get("seconds", self._seconds)
        self._note("start", brief)
        return {
            "engine": self._name,
            "started": time.time(),
            "seconds": seconds,
            "attempt": brief.attempt,
        }

    def watch(self, handle: Handle, brief: Brief, stop: Stop) -> Iterator[Event]:
        """Yield each step's progress and preview when it is due, then the cards."""
        cues = _cues(brief.final_prompt)
        started, seconds = float(handle["started"]), float(handle["seconds"])
        for step in range(1, self._steps + 1):
            if not _sleep_until(started + seconds * step / (self._steps + 1), stop):
                return
            if "moderated" in cues:
                raise Rejected("moderated", "The prompt was refused by moderation.")
            if "fail" in cues:
                raise Rejected("failed", "The engine could not draw this.")
            if int(handle["attempt"]) < cues.get("lost", 0):
                raise JobLost
            yield Progress(step / (self._steps + 1))
            if brief.operation != "describe":
                cell = 0 if len(brief.seeds) == 1 else None
                yield Preview(cell, _card(brief.width // 2, brief.height // 2, f"{step}", _PREVIEW))
        while "hang" in cues:
            if stop.wait(60):
                return
        # Drawn before the end, so that the slot is free right at the end.
        cells = _cells(brief)
        if not _sleep_until(started + seconds, stop):
            return
        if self._steps == 0 and {"moderated", "fail", "lost"} & set(cues):
            yield from Rehearsal(self._name, seconds, 1).watch(handle, brief, stop)
            return
        self._note("end", brief)
        notes = {"rehearsal": True}
        if brief.operation == "describe":
            prompts = tuple(f"rehearsal prompt {i} of {brief.job_id}" for i in range(1, 5))
            yield Finished((), notes=notes, prompts=prompts)
            return
        if "bad-result" in cues:
            cells = (*cells[:-1], b"not a picture")
        yield Finished(cells, brief.seeds, notes)

    def cancel(self, handle: Handle) -> None:
        """Nothing to stop."""

    def close(self) -> None:
        """Nothing to release."""

    def _note(self, what: str, brief: Brief) -> None:
        if self._ledger is None:
            return
        line = {"what": what, "job": brief.job_id, "at": time.time(), "pid": os.getpid()}
        line |= {"engine": self._name, "fast": brief.fast, "count": len(brief.seeds)}
        line |= {"size": [brief.width, brief.height]}
        # One write below the pipe limit is atomic, however many processes append.
        with self._ledger.open("ab", buffering=0) as file:
            file.write(json.dumps(line).encode() + b"\n")


def _sleep_until(moment: float, stop: Stop) -> bool:
    """Wait until a time (seconds since 1970); False if told to stop before."""
    remaining = moment - time.time()
    return not (stop.wait(remaining) if remaining > 0 else stop.is_set())


def _cues(prompt: str) -> dict[str, float]:
    return {name: float(number or 1) for name, number in _CUE.findall(prompt)}


def _cells(brief: Brief) -> tuple[bytes, ...]:
    """Return a card for each seed; of an edit, in the masked part of its canvas."""
    if brief.operation == "describe":
        return ()
    asked = _asked(brief)
    cards = [
        _card(brief.width, brief.height, f"{seed % _LABELS}", _colour(f"{asked} {seed}"))
        for seed in brief.seeds
    ]
    if brief.edit is None:
        return tuple(cards)
    return tuple(_on_canvas(card, brief.edit) for card in cards)


def _on_canvas(card: bytes, edit: Edit) -> bytes:
    with Image.open(edit.canvas) as canvas, Image.open(edit.mask) as mask:
        picture = canvas.convert("RGB")
        with Image.open(io.BytesIO(card)) as own:
            picture.paste(own.resize(picture.size), mask=mask.convert("L").resize(picture.size))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _asked(brief: Brief) -> str:
    """Return all that a brief asks for but the seeds, with pictures by what is in them."""
    names = [field.name for field in fields(brief) if field.name not in _NOT_ASKED]
    return repr({name: _seen(getattr(brief, name)) for name in names})


def _seen(value: object) -> object:
    if isinstance(value, Path):
        return hashlib.sha256(value.read_bytes()).hexdigest()
    if isinstance(value, tuple):
        return [_seen(one) for one in value]
    if isinstance(value, Parent):
        return _seen(value.picture), value.strength
    return (_seen(value.canvas), _seen(value.mask)) if isinstance(value, Edit) else value


def _colour(label: str) -> _Colour:
    red, green, blue, *_ = hashlib.sha256(label.encode()).digest()
    return red % _BRIGHTEST, green % _BRIGHTEST, blue % _BRIGHTEST


def _card(width: int, height: int, label: str, colour: _Colour) -> bytes:
    before, after = _labelled(width, height, label)
    palette = b"PLTE" + bytes([*colour, 255, 255, 255])
    return before + palette + struct.pack(">I", zlib.crc32(palette)) + after


@functools.lru_cache(maxsize=512)
def _labelled(width: int, height: int, label: str) -> tuple[bytes, bytes]:
    """Return what is before and after the palette in a PNG file of two colours: ground and label."""
    card = Image.new("P", (width, height), 0)
    card.putpalette([0, 0, 0, 255, 255, 255])
    draw = ImageDraw.Draw(card)
    draw.text((width / 2, height / 2), label, fill=1, anchor="mm", font_size=height // 2)
    buffer = io.BytesIO()
    card.save(buffer, "PNG", compress_level=1)
    before, _, after = buffer.getvalue().partition(b"PLTE")
    # Two colours of three bytes, and a sum of four.
    return before, after[2 * 3 + 4 :]
