"""Sun, moon and planets: the discs in the sky, and their surfaces."""

from __future__ import annotations

import numpy as np

from engines.sketch.element import Elements
from engines.sketch.mention import Mention
from engines.sketch.noise import Floats, smoothstep
from engines.sketch.palette import lighter, mix, ramp, to_linear
from engines.sketch.scene.sky import stars
from engines.sketch.stage import Stage

ELEMENTS = Elements()


@ELEMENTS.add(
    "sun",
    "sun, sunlight, sunshine, sunbeam, 太阳, 阳光, 日",
    "sky",
    10,
    spread="",
    takes="colour, size",
)
def sun(stage: Stage, mention: Mention) -> None:
    """A small bright disc in a wide glow; low in the sky if the mood is an evening."""
    canvas, plan = stage.canvas, stage.plan
    x = plan.light_x
    low = stage.palette.sky[-1][0] - stage.palette.sky[0][0] > 0.22 or "glow" in plan.finishes
    y = plan.horizon - 0.1 - 0.14 * plan.light_y if low else plan.light_y
    radius = 0.05 * stage.size(mention) * (2.4 if "glow" in plan.finishes else 1.15 if low else 1)
    colour = stage.colour_of(mention, lighter(stage.palette.light, 0.05))
    glow = mix(colour, stage.palette.sky[-1], 0.35)
    # in a bright sky, more light would only bleach it
    room = float(np.clip(1.15 - stage.palette.sky[-2][0], 0.12, 0.7))
    stage.halo(x, y, radius * 7, glow, 0.3 * room)
    stage.halo(x, y, radius * 2.6, glow, 0.6 * room)
    distance = canvas.distance(x, y)
    edge = 1.2 / canvas.unit
    disc = smoothstep(radius + edge, radius - edge, distance)
    canvas.wash(disc, to_linear(colour) * np.float32(1.12))
    stage.cover_sky(disc)
    stage.light_spot = (x, y)


@ELEMENTS.add(
    "moon",
    "moon, full moon, moonlight, moonlit, 月亮, 月, 满月, 明月, 圆月",
    "sky",
    11,
    mood="night",
    spread="",
    takes="colour, size, crescent",
    forms={"crescent": "crescent moon, crescent, 弯月, 新月"},
)
def moon(stage: Stage, mention: Mention) -> None:
    """A disc with seas and craters; a crescent if the words say so."""
    canvas, plan, rng = stage.canvas, stage.plan, stage.rng("moon")
    x, y = plan.light_x, plan.light_y
    radius = 0.085 * stage.size(mention) * (1.0 + 0.25 * rng.random())
    colour = stage.colour_of(mention, mix(stage.palette.light, from_white(), 0.4))
    stage.halo(x, y, radius * 5, mix(colour, stage.palette.sky[2], 0.4), 0.2)
    stage.halo(x, y, radius * 1.9, mix(colour, stage.palette.sky[2], 0.25), 0.25)
    dx = (canvas.x - x) * (canvas.width / canvas.unit) / radius
    dy = (canvas.y - y) * (canvas.height / canvas.unit) / radius
    distance = np.sqrt(dx * dx + dy * dy)
    edge = 1.2 / canvas.unit / radius
    disc = smoothstep(1 + edge, 1 - edge, distance)
    if "crescent" in mention.qualities:
        disc = disc * smoothstep(
            0.93, 0.93 + 3 * edge, np.sqrt((dx - 0.42) ** 2 + (dy + 0.12) ** 2)
        )
    texture = stage.new_texture(rng, lumps=5, octaves=6)
    # the surface of a ball: coordinates spread towards the rim
    bulge = 1 + 0.25 * np.clip(distance, 0, 1) ** 2
    seas = smoothstep(-0.5, 0.9, texture.smooth_at(dx * bulge * 0.16 + 0.3, dy * bulge * 0.16))
    rough = texture.smooth_at(dx * bulge * 0.7, dy * bulge * 0.7)
    tone = 1.0 - 0.17 * seas + 0.05 * rough - 0.18 * np.clip(distance, 0, 1) ** 4
    paint = to_linear(colour) * tone[..., None].astype(np.float32) ** 1.5
    canvas.wash(disc, paint)
    stage.cover_sky(disc)
    stage.light_spot = (x, y)


def from_white() -> Floats:
    """Return a warm white in OKLab."""
    return np.array([0.96, 0.0, 0.015], np.float32)


@ELEMENTS.add(
    "planet",
    "planet, saturn, alien planet, 行星, 土星, 星球",
    "sky",
    12,
    mood="space",
    spread="",
    near="jupiter, earth, globe, world, 木星, 地球",
    takes="colour, size",
)
def planet(stage: Stage, mention: Mention) -> None:
    """A banded ball with a dark night side, an atmosphere and rings."""
    canvas, plan, rng = stage.canvas, stage.plan, stage.rng("planet")
    x, y = 0.5 + (0.5 - plan.light_x) * 0.6, min(plan.horizon * 0.62, 0.5)
    radius = 0.25 * stage.size(mention)
    lean = rng.uniform(0.15, 0.5) * (-1 if plan.mirrored else 1)
    dx = (canvas.x - x) * (canvas.width / canvas.unit) / radius
    dy = (canvas.y - y) * (canvas.height / canvas.unit) / radius
    u, v = dx * np.cos(lean) + dy * np.sin(lean), dy * np.cos(lean) - dx * np.sin(lean)
    distance = np.sqrt(u * u + v * v)
    edge = 1.2 / canvas.unit / radius
    disc = smoothstep(1 + edge, 1 - edge, distance)
    stage.cover_sky(disc)
    # the ball: which way its surface faces, and how much light falls on it
    depth = np.sqrt(np.clip(1 - distance * distance, 0, 1))
    sun_x = -0.75 if plan.light_x < x else 0.75
    light = np.clip(dx * sun_x - dy * 0.45 + depth * 0.5, 0, 1)
    texture = stage.new_texture(rng, lumps=5, octaves=6)
    swirl = texture.smooth_at(u / (depth + 1.1) * 0.3, v * 0.35)
    bands = texture.smooth_at(u * 0.04 + swirl * 0.03, v * 0.5 + swirl * 0.03)
    base = stage.colour_of(mention, stage.accent(1))
    stops = np.stack(
        [lighter(base, -0.25), base, mix(base, stage.palette.light, 0.6), stage.accent(0)]
    )
    paint = ramp(stops, 0.45 + 0.3 * bands + 0.08 * swirl) * (0.03 + 1.05 * light[..., None])
    canvas.wash(disc, paint.astype(np.float32))
    air = np.exp(-(((distance - 1) / 0.05) ** 2)) * np.clip(dx * sun_x - dy * 0.45 + 0.35, 0, 1)
    canvas.glow((air * 0.55).astype(np.float32), to_linear(mix(base, stage.palette.light, 0.4)))
    # the rings lie in the plane of the equator, seen from slightly above
    flat = np.sqrt(u * u + (v / 0.24) ** 2)
    grooves = 0.55 + 0.45 * texture.at(flat * 0.9, flat * 0)
    ring = smoothstep(1.3, 1.36, flat) * smoothstep(2.15, 2.05, flat) * grooves
    before = np.where((v < 0) & (distance < 1), 0, 1)
    shaded = np.where(distance < 1, 1.0, 0.92)
    tone = to_linear(mix(stage.palette.light, base, 0.35)) * np.float32(0.85)
    mask = np.clip(ring, 0, 1) * before * shaded * 0.85
    canvas.wash(mask.astype(np.float32), tone)
    stage.cover_sky(mask.astype(np.float32))
    stage.find_or_add(stars, "stars")
