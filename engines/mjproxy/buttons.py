"""Which of a task's buttons does what a brief asks for; pure functions.

A button's ``customId`` is Midjourney's own: ``MJ::JOB::variation::2::<id>`` on a grid,
``MJ::JOB::upsample_v7_2x_subtle::1::<id>::SOLO`` on a picked cell. Zoom and pan exist for some of its
models only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from limner.canvas import ZOOMS
from limner.engine import Brief, Edit
from limner.followup import STRONG_STRENGTH

_OUTPAINTS = {1.5: "::Outpaint::75::", 2.0: "::Outpaint::50::"}
_UPSCALES = {
    "subtle": re.compile(r"::upsample_\w*_subtle::|::upsample_v5_2x::"),
    "creative": re.compile(r"::upsample_\w*_creative::"),
}
#: canvases are rounded up to steps: a side that is less than this times as long was not made longer
_HARDLY = 1.2
_SEED = re.compile(r"\s*--seed\s+\d+")


def variation_of(buttons: Any, cell: int | None) -> str | None:
    """Return the button of a grid that varies a cell, or draws all again."""
    if cell is None:
        return _first(buttons, re.compile("::reroll::"))
    return _first(buttons, re.compile(f"::variation::{cell + 1}::"))


def pick_of(buttons: Any, cell: int) -> str | None:
    """Return the button of a grid that makes a task of one cell."""
    return _first(buttons, re.compile(f"::upsample::{cell + 1}::"))


def change_of(buttons: Any, brief: Brief) -> str | None:
    """Return the button of a single picture that upscales or edits it as the brief says."""
    if brief.upscale:
        return _first(buttons, _UPSCALES[brief.upscale])
    if brief.edit is None:
        return None
    return _first(buttons, re.compile(_edit_of(brief.edit, brief.width, brief.height)))


def is_strong(brief: Brief) -> bool:
    """Return whether a variation is to depart far from its cell."""
    return brief.parent is not None and brief.parent.strength >= STRONG_STRENGTH


def says_the_same(one: str, other: str) -> bool:
    """Return whether two prompts are the same but for their seed, which a follow-up does not have."""
    return _plain(one) == _plain(other)


def _plain(prompt: str) -> str:
    return " ".join(_SEED.sub("", prompt).split())


def _edit_of(edit: Edit, width: int, height: int) -> str:
    if edit.kept is None:
        return "::Inpaint::"
    left, top, right, bottom = edit.kept
    across, down = width / (right - left), height / (bottom - top)
    if min(across, down) > _HARDLY:
        return _OUTPAINTS[min(ZOOMS, key=lambda scale: abs(scale - across))]
    if across > down:
        return "::pan_left::" if left > 0 else "::pan_right::"
    return "::pan_up::" if top > 0 else "::pan_down::"


def _first(buttons: Any, wanted: re.Pattern[str]) -> str | None:
    return next((one for one in _ids(buttons) if wanted.search(one)), None)


def _ids(buttons: Any) -> Iterator[str]:
    if isinstance(buttons, Iterable):
        for button in buttons:
            if isinstance(button, Mapping):
                yield str(button.get("customId", ""))
