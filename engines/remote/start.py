"""What a drawing of a diffusion model starts from: a reference, a parent, a masked canvas.

Used by the drivers whose servers take one picture, how far to depart from it, and perhaps a mask.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass

from PIL import Image

from engines.remote.starting import Size, blended, filled, fitted
from limner.engine import Brief, Edit
from limner.pictures.editing import encode_png

#: how far an upscaled picture departs from the enlarged one, if no upscaler of the server's does it
UPSCALE_STRENGTH = {"subtle": 0.15, "creative": 0.3}
BLEND_STRENGTH = 0.6
#: of a part drawn anew, and of one beside a kept picture, which starts from that one's colours
REGION_STRENGTH, EXTENSION_STRENGTH = 0.95, 0.9


@dataclass(frozen=True, slots=True)
class StartPicture:
    """A picture, how far to depart from it (0-1), and where: a mask, white where to draw."""

    picture: Image.Image
    strength: float
    mask: Image.Image | None = None


def start_of(brief: Brief, size: Size) -> StartPicture | None:
    """Return what the drawing starts from in this size; None for a drawing from words alone.

    Raises:
        Rejected: a picture cannot be read.
    """
    parent = brief.parent.picture if brief.parent else None
    if brief.operation == "edit" and brief.edit:
        return _edited(brief.edit, size)
    if brief.operation == "blend" and brief.references:
        return StartPicture(blended(brief.references, size), BLEND_STRENGTH)
    if brief.operation == "upscale" and parent:
        strength = UPSCALE_STRENGTH[brief.upscale or "subtle"]
        return StartPicture(fitted(parent, size), strength)
    if brief.parent and parent:
        return StartPicture(fitted(parent, size), brief.parent.strength)
    if brief.references:
        iw = 1.0 if brief.iw is None else brief.iw
        return StartPicture(fitted(brief.references[0], size), round(1 - 0.35 * iw, 3))
    return None


def encoded(picture: Image.Image) -> str:
    """Return a picture as a PNG in base64."""
    return base64.b64encode(encode_png(picture).data).decode()


def _edited(edit: Edit, size: Size) -> StartPicture:
    canvas, mask = fitted(edit.canvas, size), fitted(edit.mask, size).convert("L")
    if edit.kept:
        return StartPicture(filled(canvas, mask), EXTENSION_STRENGTH, mask)
    return StartPicture(canvas, REGION_STRENGTH, mask)
