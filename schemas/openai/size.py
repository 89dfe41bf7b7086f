"""Sizes: what callers may ask for, and what is drawn so that it can be given exactly."""

from __future__ import annotations

import re
from typing import Any

from marshmallow import ValidationError

from limner.canvas import Size
from schemas.fields import Strict

AUTO = "auto"
LEAST_PX, MOST_PX = 16, 3840
AREA_MOST_PX = 3840 * 2160
RATIO_MOST = 3.0
_SIZE = re.compile(r"([0-9]{1,4})[xX]([0-9]{1,4})")


class AskedSize(Strict[Size | None]):
    """WIDTHxHEIGHT in pixels, or ``auto``."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Size | None:
        text = value.strip().lower() if isinstance(value, str) else value
        if text in ("", AUTO):
            return None
        match = _SIZE.fullmatch(text) if isinstance(text, str) else None
        if not match:
            raise ValidationError("Must be auto, or a size like 1024x1024.")
        width, height = int(match[1]), int(match[2])
        if not all(LEAST_PX <= side <= MOST_PX for side in (width, height)):
            raise ValidationError(f"Width and height must be from {LEAST_PX} to {MOST_PX} pixels.")
        if max(width, height) > RATIO_MOST * min(width, height):
            raise ValidationError(
                "Must be at most three times as wide as high, or as high as wide."
            )
        if width * height > AREA_MOST_PX:
            raise ValidationError(f"Must have at most {AREA_MOST_PX} pixels.")
        return width, height


def in_words(size: Size) -> str:
    """Return a size as the wire has it."""
    return f"{size[0]}x{size[1]}"
