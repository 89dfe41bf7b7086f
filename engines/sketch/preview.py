"""The preview of an unfinished drawing: the four cells so far, as one small picture.

Called by ``engine.py`` in the worker's own process: it uses only Pillow, which releases the interpreter
lock while it works.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engines.sketch.order import Order

QUALITY = 82


def grid_preview(cells: Mapping[int, bytes], order: Order) -> bytes:
    """Return the grid at half its size as JPEG, whatever size the cells have so far."""
    from PIL import Image

    width, height = order.width // 2, order.height // 2
    page = Image.new("RGB", (2 * width, 2 * height))
    for cell, picture in cells.items():
        with Image.open(io.BytesIO(picture)) as image:
            small = image.convert("RGB").resize((width, height), Image.Resampling.BICUBIC)
        page.paste(small, (cell % 2 * width, cell // 2 * height))
    out = io.BytesIO()
    page.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()
