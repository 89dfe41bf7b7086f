"""Redrawing a region: a scene of its own, or things on what surrounds it, in the colours of the canvas.

Words that name only things ("a boat") put them into the region, in front of the smoothed surroundings; words
that name land, sky or weather paint a scene there.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engines.sketch.catalogue import ELEMENTS
from engines.sketch.easel import complete, paint_scene, paint_things, set_up
from engines.sketch.finish import Brush
from engines.sketch.look import look_of
from engines.sketch.noise import Floats
from engines.sketch.order import Order
from engines.sketch.parent import as_drawn
from engines.sketch.patch import joined, open_mask, soft_inside, spread_out
from engines.sketch.plan import Plan
from engines.sketch.planner import plan
from engines.sketch.reading import Reading, read
from engines.sketch.reference import look_at, palette_of

#: how much of the palette comes from the canvas: a thing keeps some colour of its own
OF_THE_CANVAS = 0.7

#: the edge of the region fades over this part of its shorter side
EDGE = 0.12

THINGS = frozenset({"stand", "float", "fly"})

#: how much larger a thing is in a region than in a picture, and where it stands
LARGE, THINGS_STAND = 1.7, 0.8


def painted_in_place(order: Order, seed: int, width: int, height: int) -> Floats:
    """Return the canvas with the masked part painted anew, in linear light."""
    canvas = look_at(order.canvas, width, height)
    mask = open_mask(order.mask, width, height)
    rows, columns = np.nonzero(mask.max(axis=1) > 0)[0], np.nonzero(mask.max(axis=0) > 0)[0]
    if not rows.size:
        return canvas
    # a little more than the region, so that the brush has something to begin on
    slack = max(2, round(0.04 * min(width, height)))
    top, bottom = max(rows[0] - slack, 0), min(rows[-1] + 1 + slack, height)
    left, right = max(columns[0] - slack, 0), min(columns[-1] + 1 + slack, width)
    framed = (slice(top, bottom), slice(left, right))
    surroundings, wanted = canvas[framed], mask[framed]
    known = (wanted <= 0).astype(np.float32)
    background = spread_out(surroundings, known)
    drawn = as_drawn(order)
    planned = _in_its_colours(plan(drawn, seed), canvas)
    if line := look_of(canvas).horizon:
        # where the canvas has a horizon, the scene in it has the same
        own = (line * height - top) / (bottom - top)
        planned = replace(planned, horizon=own if 0.3 < own < 0.85 else planned.horizon)
    stage = set_up(planned, right - left, bottom - top, tile=False)
    reading = read(order.prompt, order.negative)
    if _only_things(reading):
        stage = set_up(_large(planned, reading), right - left, bottom - top, tile=False)
        stage.ground[:] = THINGS_STAND
        stage.canvas.rgb = np.asarray(background, np.float32)
        paint_things(stage)
    else:
        paint_scene(stage)
    painted = complete(stage, drawn, Brush(seed, vignette=False))
    reach = round(EDGE * min(rows[-1] - rows[0], columns[-1] - columns[0]))
    painted = joined(painted, surroundings, known, 2.0 * max(reach, 2))
    alpha = soft_inside(wanted, reach)[..., None]
    # under the soft edge lies the smoothed surrounding, not what is to go
    under = surroundings + (background - surroundings) * wanted[..., None]
    result = canvas.copy()
    result[framed] = under + (painted - under) * alpha
    return result


def _in_its_colours(planned: Plan, canvas: Floats) -> Plan:
    step = max(1, min(canvas.shape[:2]) // 96)
    colours = palette_of([canvas[::step, ::step]], planned.palette)
    return replace(planned, palette=planned.palette.mixed(colours, OF_THE_CANVAS))


def _only_things(reading: Reading) -> bool:
    """Return whether the words name things and nothing around them."""
    places = {ELEMENTS[mention.name].place for mention in reading.mentions}
    return bool(places) and places <= THINGS and not reading.moods


def _large(planned: Plan, reading: Reading) -> Plan:
    """Return the plan with the named things alone, as large as a region needs them."""
    places = planned.places
    if len(reading.mentions) == 1:
        places = {reading.mentions[0].name: 0.5}
    zoom = planned.zoom * LARGE
    return replace(planned, mentions=reading.mentions, zoom=zoom, horizon=0.55, places=places)
