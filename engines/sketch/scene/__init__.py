"""The elements, by kind; importing this package fills ``ELEMENTS``.

To add an element, write one function with ``@element`` in the module it belongs to.
"""

from __future__ import annotations

from engines.sketch.element import ELEMENTS
from engines.sketch.scene import (
    air,
    beings,
    buildings,
    land,
    lights,
    patterns,
    plants,
    sky,
    things,
    water,
)

__all__ = [
    "ELEMENTS",
    "air",
    "beings",
    "buildings",
    "land",
    "lights",
    "patterns",
    "plants",
    "sky",
    "things",
    "water",
]
