"""Every element by its name: what the reader, the planner and the painter look up.

To add an element, write one function with ``@ELEMENTS.add`` in the module of ``scene/`` it belongs to;
to add a module, list it here.
"""

from __future__ import annotations

from engines.sketch.element import Element
from engines.sketch.scene import (  # fmt: skip
    air,
    animals,
    beasts,
    buildings,
    city,
    faces,
    flowers,
    food,
    indoors,
    land,
    lights,
    logos,
    machines,
    monuments,
    patterns,
    people,
    pets,
    plants,
    portrait,
    rooms,
    seaside,
    sky,
    spectacle,
    still_life,
    sweets,
    things,
    traffic,
    trees,
    vehicles,
    water,
    wild,
    winged,
)

KINDS = (
    air, animals, beasts, buildings, city, faces, flowers, food, indoors, land, lights, logos, machines, monuments,
    patterns, people, pets, plants, portrait, rooms, seaside, sky, spectacle, still_life, sweets, things, traffic,
    trees, vehicles, water, wild, winged,
)  # fmt: skip
ELEMENTS: dict[str, Element] = {one.name: one for kind in KINDS for one in kind.ELEMENTS}
