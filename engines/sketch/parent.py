"""The plan of a finished picture, found again from its seed; the picture says whether it is the right one.

A follow-up that paints more of a picture, or paints it larger, needs the plan that it was painted from. The
same words and seed give it, unless the picture was itself varied or edited, or comes from another engine:
then the plan would paint another picture, and the follow-up starts from the picture alone.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
from PIL import Image

from engines.sketch.easel import complete, paint_scene, set_up
from engines.sketch.noise import Floats
from engines.sketch.order import Order
from engines.sketch.palette import to_bytes
from engines.sketch.plan import Plan
from engines.sketch.planner import plan
from engines.sketch.reference import adapted, repainted

#: a plan's picture is compared at this size on its shorter side
LOOK_PX = 192

#: then as this many fields across and down
FIELDS = 16

#: two pictures of one plan differ by less than this, in sRGB steps; of two plans, by more
ALIKE = 4.5


def as_drawn(order: Order) -> Order:
    """Return the order that the parent was drawn from, as far as the follow-up's own tells."""
    return replace(order, operation="draw", parent="", canvas="", mask="", kept=None)


@lru_cache(maxsize=16)
def _planned(order: Order, seed: int) -> Plan:
    return adapted(plan(order, seed), order)


def found_again(order: Order, picture: Floats) -> Plan | None:
    """Return the plan of the parent, if its seed is known and gives this picture (linear light)."""
    if order.parent_seed is None:
        return None
    drawn = as_drawn(order)
    planned = _planned(drawn, order.parent_seed)
    height, width = picture.shape[:2]
    part = LOOK_PX / min(width, height)
    stage = set_up(planned, round(width * part), round(height * part), tile=order.tile)
    paint_scene(stage)
    stage.canvas.rgb = repainted(stage.canvas.rgb, drawn)
    apart = np.abs(_fields(complete(stage, drawn)) - _fields(picture)).mean()
    return planned if apart < ALIKE else None


def _fields(picture: Floats) -> Floats:
    image = Image.fromarray(to_bytes(picture))
    return np.asarray(image.resize((FIELDS, FIELDS), Image.Resampling.BOX), np.float32)
