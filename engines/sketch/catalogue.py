"""Every element by its name: what the reader, the planner and the painter look up.

To add an element, write one function with ``@ELEMENTS.add`` in the module of ``scene/`` it belongs to;
to add a module, list it here.
"""

from __future__ import annotations

from engines.sketch.element import Element
from engines.sketch.scene import (
    air,
    animals,
    buildings,
    city,
    indoors,
    land,
    lights,
    machines,
    monuments,
    patterns,
    people,
    plants,
    portrait,
    seaside,
    sky,
    spectacle,
    still_life,
    things,
    trees,
    water,
    winged,
)

KINDS = (
    *(air, animals, buildings, city, indoors, land, lights, machines, monuments, patterns, people),
    *(plants, portrait, seaside, sky, spectacle, still_life, things, trees, water, winged),
)
ELEMENTS: dict[str, Element] = {one.name: one for kind in KINDS for one in kind.ELEMENTS}
