"""The preview of an unfinished drawing: the cells so far, as one small picture.

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


def preview(cells: Mapping[int, bytes], order: Order) -> bytes:
    """Return the grid at half its size as JPEG, or a single cell, whatever size the cells have so far."""
    from PIL import Image

    count = len(cells)
    columns, rows = min(count, 2), -(-count // 2)
    width, height = order.width // columns, order.height // columns
    page = Image.new("RGB", (columns * width, rows * height))
    for cell, picture in cells.items():
        with Image.open(io.BytesIO(picture)) as image:
            small = image.convert("RGB").resize((width, height), Image.Resampling.BICUBIC)
        page.paste(small, (cell % 2 * width, cell // 2 * height))
    out = io.BytesIO()
    page.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()
