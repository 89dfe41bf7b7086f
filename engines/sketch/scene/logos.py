"""Logos: a monogram of the letters that the words name, or the scene in a round badge, on plain paper."""

from __future__ import annotations

from math import cos, pi, sin

import numpy as np

from engines.sketch.element import Elements
from engines.sketch.mention import Mention
from engines.sketch.noise import smoothstep
from engines.sketch.palette import from_hex, lighter, mix, to_linear
from engines.sketch.scene.letters import letters_shape
from engines.sketch.shape import Shape
from engines.sketch.stage import Stage

ELEMENTS = Elements()

#: radius of the badge in units, and where its middle is
RADIUS, MIDDLE = 0.36, 0.5


@ELEMENTS.add(
    "logo",
    "logo, logotype, monogram, emblem, badge, letter, initial, 标志, 徽标, 徽章, 字母",
    "whole",
    93,
    near="icon, app icon, sticker, brand, branding, coat of arms, 图标",
    takes="colour",
    motif=False,
)
def logo(stage: Stage, mention: Mention) -> None:
    """Lay paper over everything outside a badge, and letters or a mark into it."""
    canvas, palette = stage.canvas, stage.palette
    rng = stage.rng("logo")
    main = stage.colour_of(
        mention, mix(stage.accent(0), palette.ink, float(rng.uniform(0.08, 0.34)))
    )
    paper = mix(from_hex("#f7f3ea"), palette.light, 0.25)
    has_scene = any(other.name not in ("logo", "abstract") for other in stage.plan.mentions)
    inside = smoothstep(RADIUS + 0.003, RADIUS - 0.003, canvas.distance(0.5, MIDDLE))
    outside = (1 - inside) if has_scene else np.ones((canvas.rows, canvas.columns), np.float32)
    canvas.wash(outside.astype(np.float32), to_linear(paper))
    stage.cover_sky(outside.astype(np.float32))
    deep = mix(main, palette.ink, 0.35)
    letters = stage.plan.letters
    if has_scene:
        _ring(stage, RADIUS, 0.022, deep)
        _ring(stage, RADIUS + 0.03, 0.006, deep)
        if letters:
            _roundel(stage, letters, main, paper)
        return
    style = int(rng.integers(4))
    filled = bool(style in (1, 3))
    if style == 0:
        _ring(stage, RADIUS, 0.024, main)
        _ring(stage, RADIUS - 0.035, 0.006, deep)
    elif style == 1:
        stage.put(Shape().disc(0, 0, RADIUS), 0.5, MIDDLE, 1, main, rim=0, shade=0.06)
    elif style == 2:
        _hexagon(stage, RADIUS + 0.02, 0.024, main)
    else:
        shield = Shape().blob(
            (-0.33, 0.34), (0, 0.36), (0.33, 0.34), (0.34, 0.06), (0.2, -0.24), (0, -0.4), (-0.2, -0.24), (-0.34, 0.06)
        )  # fmt: skip
        stage.put(shield, 0.5, MIDDLE, 1, main, rim=0, shade=0.06)
    mark = paper if filled else deep
    if letters:
        _written(stage, letters, mark, main if filled else paper, style)
    else:
        _mark(stage, rng, mark, stage.accent(1))


def _written(stage: Stage, letters: str, colour: np.ndarray, other: np.ndarray, style: int) -> None:
    """Write the letters into the middle, and underline them."""
    tall = min(0.36, 0.52 / (0.92 * len(letters)))
    y = MIDDLE + tall / 2 * stage.canvas.unit / stage.canvas.height
    stage.put(letters_shape(letters), 0.5, y, tall, colour, rim=0, shade=0)
    accent = mix(stage.accent(1), colour, 0.2)
    low = MIDDLE + (tall / 2 + 0.055) * stage.canvas.unit / stage.canvas.height
    if style == 2:
        stage.put(Shape().disc(0, 0, 0.016), 0.5, low, 1, accent, rim=0)
    elif tall < 0.34 or style == 0:
        stage.put(Shape().line([(-0.09, 0), (0.09, 0)], 0.012), 0.5, low, 1, accent, rim=0)


def _mark(stage: Stage, rng: np.random.Generator, colour: np.ndarray, accent: np.ndarray) -> None:
    """Turn one petal around the middle: a mark for a name without letters."""
    count = int(rng.integers(5, 9))
    petal = Shape().blob((0.02, 0.0), (0.11, 0.05), (0.23, 0.0), (0.11, -0.05))
    rosette = Shape()
    for k in range(count):
        rosette.with_parts_of(petal.turned(360 * k / count + 90), 0, 0)
    stage.put(rosette, 0.5, MIDDLE, 1, colour, rim=0, shade=0)
    stage.put(Shape().disc(0, 0, 0.032), 0.5, MIDDLE, 1, accent, rim=0)


def _roundel(stage: Stage, letters: str, main: np.ndarray, paper: np.ndarray) -> None:
    y = MIDDLE + RADIUS * stage.canvas.unit / stage.canvas.height
    stage.put(Shape().disc(0, 0, 0.115), 0.5, y, 1, paper, rim=0, shade=0)
    stage.put(Shape().disc(0, 0, 0.1), 0.5, y, 1, main, rim=0, shade=0)
    tall = min(0.1, 0.15 / (0.92 * len(letters)))
    foot = y + tall / 2 * stage.canvas.unit / stage.canvas.height
    stage.put(letters_shape(letters, 0.17), 0.5, foot, tall, lighter(paper, 0.02), rim=0, shade=0)


def _ring(stage: Stage, radius: float, thick: float, colour: np.ndarray) -> None:
    ring = Shape()
    steps = [2 * pi * i / 96 for i in range(97)]
    ring.line([(radius * cos(t), radius * sin(t)) for t in steps], thick)
    stage.put(ring, 0.5, MIDDLE, 1, colour, rim=0, shade=0)


def _hexagon(stage: Stage, radius: float, thick: float, colour: np.ndarray) -> None:
    corners = [
        (radius * cos(pi * (k / 3 + 0.5)), radius * sin(pi * (k / 3 + 0.5))) for k in range(7)
    ]
    stage.put(Shape().line(corners, thick), 0.5, MIDDLE, 1, colour, rim=0, shade=0)
