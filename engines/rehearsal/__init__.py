"""The rehearsal engine: draws plain labelled cards, and follows commands in the prompt.

It accepts everything: any size and number of cells, every operation. An edit is a card in the masked part of
the canvas; a description is four fixed prompts.

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
import io
import json
import os
import re
import time
from collections.abc import Iterator
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
    Preview,
    Progress,
    Stop,
)
from limner.errors import EngineBusy, EngineDown, JobLost, Rejected
from limner.settings import EngineSettings

_CUE = re.compile(r"\[\[([a-z-]+)(?:\s+([\d.]+))?\]\]")
_BUSY_RETRY_S = 0.2
#: few enough to cache all cards of a size: drawing one costs more than everything else here
HUES = 32


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
        """Every parameter is accepted, and any worker may attach."""
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
                yield Preview(cell, _card(brief.width // 2, brief.height // 2, f"{step}", 0))
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
    cards = [
        _card(brief.width, brief.height, f"{cell + 1}", seed % HUES * (256 // HUES))
        for cell, seed in enumerate(brief.seeds)
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


@functools.lru_cache(maxsize=512)
def _card(width: int, height: int, label: str, hue: int) -> bytes:
    card = Image.new("HSV", (width, height), (hue, 90, 200)).convert("RGB")
    draw = ImageDraw.Draw(card)
    draw.text((width / 2, height / 2), label, fill="white", anchor="mm", font_size=height // 2)
    buffer = io.BytesIO()
    card.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
