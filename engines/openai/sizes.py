"""The size to ask for, and the fields that tell it; pure functions.

OpenAI's rules for gpt-image-2: sides are multiples of 16 and at most 3840, one at most three times the other,
655,360 to 8,294,400 pixels in all.
"""

from __future__ import annotations

import math
from typing import Any

from engines.openai.manner import OpenAIManner
from engines.remote import sizing
from limner.engine import Brief

STEP_PX = 16


def drawn_size(brief: Brief, manner: OpenAIManner) -> sizing.Size:
    """Return the size to request: the cell's exact ratio if the model draws it, else the nearest."""
    asked = brief.width, brief.height
    if manner.sizes:
        nearest = sizing.nearest(asked, manner.sizes)
        if manner.size_as != "aspect_ratio":
            return nearest
        # Its pixels are the server's matter: as many as would be drawn if any size were possible.
        scale = manner.scale * math.sqrt(asked[0] * asked[1] / (nearest[0] * nearest[1]))
        return round(nearest[0] * scale), round(nearest[1] * scale)
    limits = sizing.SizeLimits(
        step_px=STEP_PX,
        scale=manner.scale,
        pixels=manner.pixels,
        longest_px=manner.longest_px,
        ratio_most=manner.ratio_most,
    )
    return sizing.drawn_size(asked, limits)


def size_fields(brief: Brief, manner: OpenAIManner) -> dict[str, Any]:
    """Return the fields that tell the size to draw; none, if only words can."""
    width, height = drawn_size(brief, manner)
    match manner.size_as:
        case "width-height":
            return {"width": width, "height": height}
        case "aspect_ratio":
            across, down = reduced(width, height)
            if manner.sizes:
                across, down = sizing.nearest((brief.width, brief.height), manner.sizes)
            return {"aspect_ratio": f"{across}:{down}"}
        case "none":
            return {}
        case name:
            return {name: f"{width}x{height}"}


def reduced(width: int, height: int) -> sizing.Size:
    """Return a ratio in the smallest whole numbers."""
    shared = math.gcd(width, height)
    return width // shared, height // shared
