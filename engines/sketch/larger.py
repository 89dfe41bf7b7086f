"""The upscale: the parent's plan painted at a larger size, where more of it can be seen.

A subtle one is the same picture, finer; a creative one has a narrower brush, and details of its own. Where
the plan cannot be found again (``parent.py``), the enlarged picture is painted over instead.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engines.sketch.catalogue import ELEMENTS
from engines.sketch.easel import complete, paint_scene, paint_things, set_up
from engines.sketch.finish import Brush
from engines.sketch.mention import Mention
from engines.sketch.noise import Floats, generator, soften
from engines.sketch.order import Order
from engines.sketch.parent import as_drawn, found_again
from engines.sketch.plan import Plan
from engines.sketch.planner import plan
from engines.sketch.reference import adapted, look_at, repainted

#: details that a creative upscale may add
DETAILS = ("birds", "petals", "fireflies", "clouds", "stars", "butterfly")

#: a creative upscale's brush, next to the usual one
NARROW = 0.55


def painted_larger(order: Order, seed: int, width: int, height: int) -> Floats:
    """Return the parent's picture painted at another size, in linear light."""
    picture = look_at(order.parent) if order.parent else None
    planned = found_again(order, picture) if picture is not None else _trusted(order)
    drawn = as_drawn(order)
    if planned is None:
        if picture is None:
            planned = adapted(plan(drawn, seed), drawn)
        else:
            return _painted_over(order, seed, width, height)
    brush = Brush(planned.seed)
    if order.creative:
        planned, brush = _with_details(planned, order, seed), Brush(seed, NARROW)
    stage = set_up(planned, width, height, tile=order.tile)
    paint_scene(stage)
    stage.canvas.rgb = repainted(stage.canvas.rgb, drawn)
    return complete(stage, drawn, brush)


def _trusted(order: Order) -> Plan | None:
    """Return the plan of a parent whose picture is not at hand."""
    if order.parent_seed is None:
        return None
    drawn = as_drawn(order)
    return adapted(plan(drawn, order.parent_seed), drawn)


def _with_details(planned: Plan, order: Order, seed: int) -> Plan:
    """Return the plan with one more small thing, which the scene and the words allow."""
    if order.tile:
        return planned
    rng = generator(seed, "details")
    night = planned.palette.darkness > 0.6
    fit = [
        name
        for name in DETAILS
        if not planned.has(name)
        and name not in planned.refused
        and (name in ("fireflies", "stars")) == night
        and not any(ELEMENTS[mention.name].place == "whole" for mention in planned.mentions)
    ]
    if not fit:
        return planned
    more = Mention(fit[int(rng.integers(len(fit)))], size=0.6)
    places = planned.places | {more.name: float(rng.uniform(0.2, 0.8))}
    return replace(planned, mentions=(*planned.mentions, more), places=places)


def _painted_over(order: Order, seed: int, width: int, height: int) -> Floats:
    """Return the enlarged picture, sharpened and gone over with a fine brush."""
    varied = replace(as_drawn(order), parent=order.parent, parent_strength=0.0)
    planned = adapted(plan(varied, seed), varied)
    known = planned.mentions
    planned = _with_details(planned, order, seed) if order.creative else planned
    added = tuple(mention for mention in planned.mentions if mention not in known)
    stage = set_up(replace(planned, mentions=added), width, height, tile=order.tile)
    picture = look_at(order.parent, width, height)
    blurred = soften(picture, max(2, round(3 * stage.scale)))
    sharpened = picture + (picture - blurred) * np.float32(0.8 if order.creative else 0.4)
    stage.canvas.rgb = np.asarray(np.clip(sharpened, 0, 2), np.float32)
    paint_things(stage)
    # the picture has its strokes and its dark corners already
    brush = Brush(seed, NARROW, vignette=False)
    return complete(stage, replace(varied, stylize=min(order.stylize, 60.0)), brush)
