"""The size to ask for; pure functions.

OpenAI's rules for gpt-image-2: sides are multiples of 16 and at most 3840, one at most three times the other,
655,360 to 8,294,400 pixels in all.
"""

from __future__ import annotations

from engines.openai.manner import OpenAIManner
from engines.remote import sizing
from limner.engine import Brief

STEP_PX = 16


def drawn_size(brief: Brief, manner: OpenAIManner) -> sizing.Size:
    """Return the size to request: the cell's exact ratio if the model draws it, else the nearest."""
    asked = brief.width, brief.height
    if manner.sizes:
        return sizing.nearest(asked, manner.sizes)
    limits = sizing.SizeLimits(
        step_px=STEP_PX,
        scale=manner.scale,
        pixels=manner.pixels,
        longest_px=manner.longest_px,
        ratio_most=manner.ratio_most,
    )
    return sizing.drawn_size(asked, limits)
