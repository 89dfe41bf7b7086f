"""The fields of an ``img2img``: what it starts from; used by ``wanted``.

Source: ``modules/processing.py`` of A1111: ``mask`` is white where to draw, and with ``inpainting_fill`` 1
the server starts from what the picture has there.
"""

from __future__ import annotations

from typing import Any

from engines.remote.start import encoded, start_of
from engines.remote.starting import Size
from limner.engine import Brief

MASK_BLUR_PX = 4
_FILL_ORIGINAL = 1


def start_fields(brief: Brief, size: Size) -> dict[str, Any]:
    """Return the fields of the start in this size; empty for a drawing from words alone.

    Raises:
        Rejected: a picture cannot be read.
    """
    start = start_of(brief, size)
    if start is None:
        return {}
    fields: dict[str, Any] = {
        "init_images": [encoded(start.picture)],
        "denoising_strength": start.strength,
    }
    if start.mask is not None:
        fields |= {
            "mask": encoded(start.mask),
            "mask_blur": MASK_BLUR_PX,
            "inpainting_fill": _FILL_ORIGINAL,
            "inpaint_full_res": False,
            "inpainting_mask_invert": 0,
        }
    return fields
