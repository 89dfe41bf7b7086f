"""What an ``img2img`` starts from: a reference, a parent, a masked canvas; used by ``wanted``.

Source: ``modules/processing.py`` of A1111: ``mask`` is white where to draw, and with ``inpainting_fill`` 1
the server starts from what the picture has there.
"""

from __future__ import annotations

import base64
from typing import Any

from PIL import Image

from engines.remote.starting import Size, blended, filled, fitted
from limner.engine import Brief, Edit
from limner.pictures.editing import encode_png

#: how far an upscaled picture departs from the enlarged one, if no upscaler of the server's does it
UPSCALE_STRENGTH = {"subtle": 0.15, "creative": 0.3}
BLEND_STRENGTH = 0.6
#: of a part drawn anew, and of one beside a kept picture, which starts from that one's colours
REGION_STRENGTH, EXTENSION_STRENGTH = 0.95, 0.9
MASK_BLUR_PX = 4
_FILL_ORIGINAL = 1


def start_of(brief: Brief, size: Size) -> dict[str, Any]:
    """Return the fields of the start in this size; empty for a drawing from words alone.

    Raises:
        Rejected: a picture cannot be read.
    """
    parent = brief.parent.picture if brief.parent else None
    if brief.operation == "edit" and brief.edit:
        return _edited(brief.edit, size)
    if brief.operation == "blend" and brief.references:
        return _from(blended(brief.references, size), BLEND_STRENGTH)
    if brief.operation == "upscale" and parent:
        return _from(fitted(parent, size), UPSCALE_STRENGTH[brief.upscale or "subtle"])
    if brief.parent and parent:
        return _from(fitted(parent, size), brief.parent.strength)
    if brief.references:
        iw = 1.0 if brief.iw is None else brief.iw
        return _from(fitted(brief.references[0], size), round(1 - 0.35 * iw, 3))
    return {}


def encoded(picture: Image.Image) -> str:
    """Return a picture as these servers take it."""
    return base64.b64encode(encode_png(picture).data).decode()


def _from(picture: Image.Image, strength: float) -> dict[str, Any]:
    return {"init_images": [encoded(picture)], "denoising_strength": strength}


def _edited(edit: Edit, size: Size) -> dict[str, Any]:
    canvas, mask = fitted(edit.canvas, size), fitted(edit.mask, size).convert("L")
    if edit.kept:
        start = _from(filled(canvas, mask), EXTENSION_STRENGTH)
    else:
        start = _from(canvas, REGION_STRENGTH)
    return start | {
        "mask": encoded(mask),
        "mask_blur": MASK_BLUR_PX,
        "inpainting_fill": _FILL_ORIGINAL,
        "inpaint_full_res": False,
        "inpainting_mask_invert": 0,
    }
