"""A task's buttons, and what a button's ``customId`` asks for.

The ids are those of Midjourney's own messages, with the job's id where they have one; ``new-api`` reads the
action out of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from limner.followup import (
    BUTTONS,
    PAN,
    PICKS,
    REDRAW,
    REGION,
    UPSCALE,
    VARIATIONS,
    ZOOM,
    buttons_of,
    cell_of,
)
from limner.job import Job
from limner.prompt import prompt_of

#: how the kinds of upscaling are called, by version
_UPSCALERS = {"6.1": "v6r1_2x", "6": "v6_2x"}
_UPSCALER = "v7_2x"
_ARROWS = {"left": "⬅️", "right": "➡️", "up": "⬆️", "down": "⬇️"}
#: 100 divided by how much larger the canvas gets, as in the ids
_OUTPAINTS = {"50": 2.0, "75": 1.5}
_ID = re.compile(r"(?P<what>MJ::.+)::(?P<job>[0-9a-f]{32})(?:::SOLO)?", re.IGNORECASE)
_CELL = re.compile(r"mj::job::(upsample|variation)::([1-4])")
_PANNED = re.compile(r"mj::job::pan_(left|right|up|down)::1")
_UPSCALED = re.compile(r"mj::job::upsample_\w*_(subtle|creative)::1")
_OUTPAINTED = re.compile(r"mj::outpaint::(50|75)::1")
_OTHERS = {
    "mj::job::reroll::0": REDRAW,
    "mj::job::low_variation::1": "v1",
    "mj::job::high_variation::1": "vs1",
}
_WINDOWS = {"mj::inpaint::1": REGION, "mj::customzoom::1": ZOOM}


@dataclass(frozen=True, slots=True)
class Pressed:
    """What a ``customId`` asks for."""

    #: the job that it belongs to
    job: str
    button: str
    kind: str | None = None
    scale: float | None = None
    direction: str | None = None
    #: it opens a window, in which the rest is said
    window: bool = False


def pressed(custom_id: str) -> Pressed | None:
    """Return what a button's id asks for; None: it is no button of ours."""
    match = _ID.fullmatch(custom_id.strip())
    if not match:
        return None
    what, job = match["what"].lower(), match["job"].lower()
    if found := _CELL.fullmatch(what):
        return Pressed(job, f"{'u' if found[1] == 'upsample' else 'v'}{found[2]}")
    if found := _PANNED.fullmatch(what):
        return Pressed(job, PAN, direction=found[1])
    if found := _UPSCALED.fullmatch(what):
        return Pressed(job, UPSCALE, kind=found[1])
    if found := _OUTPAINTED.fullmatch(what):
        return Pressed(job, ZOOM, scale=_OUTPAINTS[found[1]])
    if what in _WINDOWS:
        return Pressed(job, _WINDOWS[what], window=True)
    return Pressed(job, _OTHERS[what]) if what in _OTHERS else None


def buttons_body(job: Job) -> list[dict[str, Any]] | None:
    """Return the buttons that are open on a job; None if there are none: clients draw an empty list."""
    found = [_button(*one) for one in _shown(job)]
    return found or None


def _button(what: str, label: str, emoji: str) -> dict[str, Any]:
    return {"customId": what, "emoji": emoji, "label": label, "type": 2, "style": 2}


def _shown(job: Job) -> list[tuple[str, str, str]]:
    opened = buttons_of(job)
    # A cell that was picked stays: clients look for its button to get that picture again.
    used = [button for button in PICKS if button in job.marks]
    single = len(job.pictures) == 1
    found: list[tuple[str, str, str]] = []
    for button in sorted({*opened, *used}, key=BUTTONS.index):
        cell = cell_of(button)
        if button == REDRAW:
            found.append((f"MJ::JOB::reroll::0::{job.id}::SOLO", "", "🔄"))
        elif single:
            found += _of_one(job, button)
        elif cell is not None and button[:-1] in ("u", "v"):
            action = "upsample" if button[0] == "u" else "variation"
            found.append((f"MJ::JOB::{action}::{cell + 1}::{job.id}", button.upper(), ""))
    return found


def _of_one(job: Job, button: str) -> list[tuple[str, str, str]]:
    """Return the buttons of a single picture; protocols of old have them for nothing else."""
    end = f"{job.id}::SOLO"
    if button in VARIATIONS:
        return [(f"MJ::JOB::low_variation::1::{end}", "Vary (Subtle)", "🪄")]
    if button == "vs1":
        return [(f"MJ::JOB::high_variation::1::{end}", "Vary (Strong)", "🪄")]
    if button == REGION:
        return [(f"MJ::Inpaint::1::{end}", "Vary (Region)", "🖌️")]
    if button == PAN:
        return [(f"MJ::JOB::pan_{to}::1::{end}", "", arrow) for to, arrow in _ARROWS.items()]
    if button == ZOOM:
        zooms = [
            (f"MJ::Outpaint::{by}::1::{end}", f"Zoom Out {scale:g}x", "🔍")
            for by, scale in _OUTPAINTS.items()
        ]
        return [*zooms, (f"MJ::CustomZoom::1::{job.id}", "Custom Zoom", "🔍")]
    if button == UPSCALE:
        version = job.request.version or prompt_of(job.request).version or ""
        upscaler = _UPSCALERS.get(version, _UPSCALER)
        return [
            (f"MJ::JOB::upsample_{upscaler}_{kind}::1::{end}", f"Upscale ({kind.capitalize()})", "")
            for kind in ("subtle", "creative")
            if f"upscale_{kind}" in (job.can or ())
        ]
    return []
