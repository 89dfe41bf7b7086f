"""What ``weird`` does to a plan: colours turn, the horizon and the sizes stray, odd guests come in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engines.sketch.catalogue import ELEMENTS
from engines.sketch.mention import Mention
from engines.sketch.noise import generator
from engines.sketch.palette import turned
from engines.sketch.plan import Plan

#: the most that ``weird`` can be
MOST = 3000.0

GUESTS = ("whale", "ufo", "jellyfish", "clock", "fish", "dragon", "heart", "planet")


def strayed(plan: Plan, weird: float) -> Plan:
    """Return the plan, the farther from the usual the higher ``weird`` is, 0 to 3000."""
    part = min(max(weird, 0.0), MOST) / MOST
    if not part:
        return plan
    rng = generator(plan.seed, "weird")
    pull, luck = rng.uniform(-1, 1, 6), rng.random()
    palette = plan.palette.turned(float(np.sign(pull[0]) * (15 + 150 * part)), 1 + 0.35 * part)
    palette = replace(palette, accents=turned(palette.accents, float(pull[1] * 140 * part)))
    places = {
        name: float(np.clip(place + 0.5 * part * rng.uniform(-1, 1), 0.1, 0.9))
        for name, place in plan.places.items()
    }
    mentions = plan.mentions
    free = [name for name in GUESTS if not plan.has(name) and name not in plan.refused]
    if free and luck < part and not any(ELEMENTS[m.name].place == "whole" for m in mentions):
        guest = free[int(rng.integers(len(free)))]
        mentions = (*mentions, Mention(guest, qualities=frozenset({"flying"})))
        places[guest] = float(rng.uniform(0.2, 0.8))
    return replace(
        plan,
        palette=palette,
        mentions=mentions,
        places=places,
        horizon=float(np.clip(plan.horizon + 0.22 * part * pull[2], 0.3, 0.88)),
        light_x=float(np.clip(plan.light_x + 0.3 * part * pull[3], 0.08, 0.92)),
        zoom=plan.zoom * float(np.exp(0.7 * part * pull[4])),
    )
