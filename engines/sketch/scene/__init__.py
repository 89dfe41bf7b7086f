"""The elements, by kind; importing this package fills ``ELEMENTS``.

To add an element, write one function with ``@element`` in the module it belongs to.
"""

from __future__ import annotations

import engines.sketch.scene.air
import engines.sketch.scene.animals
import engines.sketch.scene.buildings
import engines.sketch.scene.city
import engines.sketch.scene.indoors
import engines.sketch.scene.land
import engines.sketch.scene.lights
import engines.sketch.scene.machines
import engines.sketch.scene.monuments
import engines.sketch.scene.patterns
import engines.sketch.scene.people
import engines.sketch.scene.plants
import engines.sketch.scene.portrait
import engines.sketch.scene.seaside
import engines.sketch.scene.sky
import engines.sketch.scene.spectacle
import engines.sketch.scene.still_life
import engines.sketch.scene.things
import engines.sketch.scene.trees
import engines.sketch.scene.water
import engines.sketch.scene.winged  # noqa: F401 -- importing is what registers
from engines.sketch.element import ELEMENTS

__all__ = ["ELEMENTS"]
