"""Put what a caller filled into a window into the press that it was opened by."""

from __future__ import annotations

import re
from dataclasses import replace

from limner.canvas import ZOOMS
from limner.errors import InvalidRequest
from limner.followup import REGION, REMIX, VARIATIONS, ZOOM, Press, cell_of
from limner.job import Job
from schemas.fields import REQUIRED
from schemas.mjproxy.following import Window

_ZOOM = re.compile(r"(?:^|(?<=\s))--zoom[ \t=]+([0-9.]{1,8})(?=\s|$)", re.IGNORECASE)


def filled(opened: Press, parent: Job, window: Window) -> Press:
    """Return the whole press.

    Raises:
        InvalidRequest: a field that the button needs is missing.
    """
    prompt, scale = _without_zoom(window.prompt) if opened.button == ZOOM else (window.prompt, None)
    if prompt in (parent.final_prompt, parent.request.prompt_en):
        # The window was confirmed as it was shown.
        prompt = None
    if opened.button in VARIATIONS:
        cell = cell_of(opened.button)
        if prompt is None or cell is None:
            return opened
        return replace(opened, button=REMIX, cell=cell + 1, prompt_en=prompt)
    if opened.button == REGION and window.mask is None:
        raise InvalidRequest({"maskBase64": [REQUIRED]})
    mask = window.mask if opened.button == REGION else None
    return replace(opened, prompt_en=prompt, scale=scale or opened.scale, mask=mask)


def _without_zoom(prompt: str | None) -> tuple[str | None, float]:
    """Return a prompt without its zoom, and the nearest to it that is drawn; none: the largest."""
    text = prompt or ""
    said = [
        float(number) for number in _ZOOM.findall(text) if number.count(".") < 2 and number != "."
    ]
    words = " ".join(_ZOOM.sub(" ", text).split())
    wanted = said[-1] if said else max(ZOOMS)
    return words or None, min(ZOOMS, key=lambda scale: abs(scale - wanted))
