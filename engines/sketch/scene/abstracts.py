"""The abstracts: composed pictures of form and colour, for words that name nothing the painter knows.

The words pick the manner, the seed what is made of it. Called by ``patterns.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi, sin

import numpy as np

from engines.sketch.noise import Floats, ridge, smoothstep
from engines.sketch.palette import lighter, mix, ramp, to_linear
from engines.sketch.shape import Shape
from engines.sketch.stage import Stage


def compose(stage: Stage) -> None:
    """Paint the abstract whose manner the words picked."""
    MANNERS[stage.plan.manner % len(MANNERS)](stage)


def _colours(stage: Stage) -> list[Floats]:
    palette = stage.palette
    return [
        *(stage.accent(i) for i in range(3)), palette.far, palette.near, palette.water, palette.sky[0], palette.sky[2],
    ]  # fmt: skip


def _ground(stage: Stage, top: Floats, bottom: Floats) -> None:
    """Prime the canvas from one colour to another, with a slow cloud in it."""
    canvas = stage.canvas
    cloud = canvas.field(stage.rng("primer"), (2, 2), octaves=4)
    share = np.clip(canvas.y * 0.8 + 0.1 + 0.13 * cloud, 0, 1)[..., None]
    canvas.rgb[:] = to_linear(top) * (1 - share) + to_linear(bottom) * share


def discs(stage: Stage) -> None:
    """Balance one large disc with smaller ones, arcs and straight lines around it."""
    rng, palette = stage.rng("discs"), stage.palette
    across, tall = stage.canvas.width / stage.canvas.unit, stage.canvas.height / stage.canvas.unit
    _ground(stage, mix(palette.light, palette.sky[3], 0.4), mix(palette.light, palette.sky[1], 0.5))
    colours = _colours(stage)
    cx, cy = (0.36, 0.42) if rng.random() < 0.5 else (0.64, 0.44)
    big = 0.27 * rng.uniform(0.9, 1.15)
    for radius, i in ((1.0, 0), (0.74, 6), (0.46, 1), (0.2, 2)):
        shape = Shape().disc(0, 0, big * radius)
        stage.put(shape, cx, cy, 1, colours[i], rim=0.3, shade=0.08, strength=0.94)
    for k in range(11):
        x, y = rng.uniform(0.06, 0.94), rng.uniform(0.08, 0.92)
        radius = 0.025 + 0.085 * rng.random() ** 2
        own = colours[int(rng.integers(len(colours)))]
        shape = Shape().disc(0, 0, radius)
        if k % 3 == 0:
            shape.disc(0, 0, radius * 0.62, cut=True)
        stage.put(shape, x, y, 1, own, rim=0.3, shade=0.08, strength=0.85)
    ink = mix(palette.ink, palette.near, 0.15)
    for _ in range(6):
        x, y, turn = rng.uniform(0, 1), rng.uniform(0, 1), rng.uniform(-0.7, 0.7)
        reach = rng.uniform(0.3, 0.8) * max(across, tall)
        line = Shape().line(
            [(-reach * cos(turn), -reach * sin(turn)), (reach * cos(turn), reach * sin(turn))],
            0.007,
            0.003,
        )
        stage.put(line, x, y, 1, ink, rim=0)
    for _ in range(4):
        x, y, radius = rng.uniform(0.1, 0.9), rng.uniform(0.1, 0.9), rng.uniform(0.08, 0.3)
        start = rng.uniform(0, 2 * pi)
        arc = [(radius * cos(start + t), radius * sin(start + t)) for t in np.linspace(0, 2.4, 24)]
        stage.put(Shape().line(arc, 0.016, 0.004), x, y, 1, ink, rim=0)


def fields(stage: Stage) -> None:
    """Let two or three soft-edged fields of colour float one above the other."""
    canvas, rng, palette = stage.canvas, stage.rng("fields"), stage.palette
    colours = _colours(stage)
    base = (
        mix(palette.near, palette.ink, 0.3)
        if rng.random() < 0.5
        else mix(palette.sky[3], stage.accent(1), 0.25)
    )
    _ground(stage, base, lighter(base, -0.05))
    count = int(rng.integers(2, 4))
    cuts = np.cumsum(rng.uniform(0.6, 1.6, count))
    edges = np.concatenate([[0.0], cuts / cuts[-1]]) * 0.86 + 0.07
    order = rng.permutation(len(colours))
    wobble = canvas.field(stage.rng("edges"), (7, 7), octaves=4) * 0.012
    texture = canvas.field(stage.rng("veil"), (5, 3), octaves=5)
    for k in range(count):
        top, bottom = edges[k] + 0.018, edges[k + 1] - 0.018
        x, y = canvas.x + wobble, canvas.y + wobble
        inside = smoothstep(0.06, 0.1, x) * smoothstep(0.94, 0.9, x)
        inside = (
            inside
            * smoothstep(top - 0.02, top + 0.022, y)
            * smoothstep(bottom + 0.02, bottom - 0.022, y)
        )
        own = to_linear(colours[int(order[k])]) * (1 + 0.16 * texture[..., None])
        canvas.wash((inside * 0.92).astype(np.float32), own.astype(np.float32))
        glow = (
            np.exp(-(((canvas.y - (top + bottom) / 2) / (0.3 * (bottom - top) + 0.02)) ** 2))
            * inside
        )
        canvas.glow((0.09 * glow).astype(np.float32), to_linear(palette.light))


def bands(stage: Stage) -> None:
    """Lay wave upon wave of colour from the light above to the dark below, each with its shadow."""
    canvas, rng, palette = stage.canvas, stage.rng("bands"), stage.palette
    _ground(stage, palette.sky[3], palette.sky[2])
    sun = stage.accent(1)
    stage.halo(stage.plan.light_x, 0.26, 0.3, palette.light, 0.4)
    stage.put(
        Shape().disc(0, 0, 0.11),
        stage.plan.light_x,
        0.26,
        1,
        mix(sun, palette.light, 0.35),
        rim=0.4,
    )
    colours = [
        palette.sky[1],
        stage.accent(2),
        palette.far,
        stage.accent(0),
        palette.sky[0],
        palette.near,
        palette.ink,
    ]
    for k, colour in enumerate(colours):
        line = 0.26 + 0.115 * k + 0.06 * ridge(rng, canvas.width, 1.2 + 0.35 * k, octaves=2)
        line = canvas.widened(line.astype(np.float32))[None, :]
        edge = 1.5 / canvas.height
        shadow = smoothstep(-0.045, 0.004, canvas.y - line) * 0.32
        canvas.wash(shadow.astype(np.float32), to_linear(palette.ink))
        mask = smoothstep(-edge, edge, canvas.y - line)
        down = np.clip((canvas.y - line) * 2.5, 0, 1)[..., None]
        paint = (
            to_linear(lighter(colour, 0.07)) * (1 - down) + to_linear(lighter(colour, -0.07)) * down
        )
        canvas.wash(mask.astype(np.float32), np.asarray(paint, np.float32))


def panes(stage: Stage) -> None:
    """Divide the canvas again and again, and fill the panes: most pale, few strong."""
    rng, palette = stage.rng("panes"), stage.palette
    across, tall = stage.canvas.width / stage.canvas.unit, stage.canvas.height / stage.canvas.unit
    boxes = [(0.0, 0.0, across, tall)]
    for _ in range(13):
        sizes = [(x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in boxes]
        i = int(np.argmax(np.array(sizes) * rng.uniform(0.5, 1.0, len(sizes))))
        x0, y0, x1, y1 = boxes.pop(i)
        part = rng.uniform(0.3, 0.7)
        if (x1 - x0) > (y1 - y0):
            cut = x0 + (x1 - x0) * part
            boxes += [(x0, y0, cut, y1), (cut, y0, x1, y1)]
        else:
            cut = y0 + (y1 - y0) * part
            boxes += [(x0, y0, x1, cut), (x0, cut, x1, y1)]
    strong = [stage.accent(0), stage.accent(1), stage.accent(2), palette.near]
    pale = [mix(palette.light, palette.sky[i], 0.15 + 0.2 * i) for i in range(4)]
    _ground(stage, palette.ink, palette.ink)
    for k, (x0, y0, x1, y1) in enumerate(boxes):
        own = strong[k // 3 % 4] if k % 3 == 0 else pale[int(rng.integers(4))]
        gap = 0.009
        pane = Shape().box(x0 + gap, -y1 + gap, x1 - gap, -y0 - gap)
        stage.put(pane, 0, 0, 1, own, rim=0.35, shade=0.05)
        if k % 5 == 2:
            radius = 0.36 * min(x1 - x0, y1 - y0)
            disc = Shape().disc((x0 + x1) / 2, -(y0 + y1) / 2, radius)
            stage.put(disc, 0, 0, 1, strong[int(rng.integers(4))], rim=0.35, shade=0.05)


def rays(stage: Stage) -> None:
    """Draw a spiral of arcs out from one point, lighter and wider as they go."""
    rng, palette = stage.rng("rays"), stage.palette
    _ground(stage, mix(palette.sky[0], palette.ink, 0.35), mix(palette.sky[1], palette.ink, 0.2))
    cx, cy = rng.uniform(0.38, 0.62), rng.uniform(0.4, 0.6)
    stage.halo(cx, cy, 0.34, palette.light, 0.5)
    colours = [stage.accent(0), stage.accent(1), stage.accent(2), palette.light, palette.sky[2]]
    for k in range(46):
        radius = 0.05 + 0.62 * (k / 46) ** 0.9
        start = k * 2.399963
        reach = rng.uniform(0.5, 1.7)
        own = colours[int(rng.integers(len(colours)))]
        arc = [
            (radius * cos(start + t), radius * sin(start + t)) for t in np.linspace(0, reach, 22)
        ]
        thick = 0.008 + 0.028 * (k / 46) * rng.random()
        stage.put(Shape().line(arc, thick, thick * 0.3), cx, cy, 1, own, rim=0.2, strength=0.85)
    dots = Shape()
    for _ in range(60):
        turn, radius = rng.uniform(0, 2 * pi), 0.06 + 0.6 * rng.random()
        dots.dab(radius * cos(turn), radius * sin(turn), rng.uniform(0.002, 0.007))
    stage.light_up(dots, cx, cy, 1, palette.light)


def flow(stage: Stage) -> None:
    """Fold a field through itself twice and colour it by height, like marbled paper."""
    canvas, rng, palette = stage.canvas, stage.rng("flow"), stage.palette
    first = canvas.field(rng, (2, 2), octaves=3, tile=canvas.tile)
    second = canvas.field(rng, (2, 2), octaves=3, tile=canvas.tile)
    texture = stage.new_texture(rng, lumps=3, octaves=6)
    # a whole number of textures across makes a tile's opposite sides match
    across = 1.0 if canvas.tile else canvas.width / canvas.unit * 0.8
    down = 1.0 if canvas.tile else canvas.height / canvas.unit * 0.8
    u, v = canvas.x * np.float32(across), canvas.y * np.float32(down)
    folded = texture.smooth_at(u + first * 0.14, v + second * 0.14)
    field = texture.smooth_at(u + 0.16 * folded, v + 0.12 * first + 0.31)
    stops = np.concatenate(
        [
            palette.sky[[0, 1]],
            palette.accents[:1],
            palette.sky[[2, 3]],
            palette.accents[1:2],
            palette.near[None],
        ]
    )
    lift = np.clip(0.5 + 0.26 * field + 0.12 * folded, 0, 1)
    canvas.rgb[:] = ramp(stops.astype(np.float32), lift)
    # relief: thick paint catches the light on its edges
    slope = np.roll(lift, 1, axis=0) - np.roll(lift, -1, axis=0)
    edge = np.clip(slope * canvas.height * 0.05, -0.5, 0.5)
    canvas.rgb *= (1 + edge)[..., None]
    veins = smoothstep(0.06, 0.0, np.abs(field - 0.25)) * 0.5
    canvas.wash(veins.astype(np.float32), to_linear(palette.light))


MANNERS: tuple[Callable[[Stage], None], ...] = (discs, fields, bands, panes, rays, flow)
