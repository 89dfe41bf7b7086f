"""The city and its streets; its hundreds of windows are one shape per colour, not one per window."""

from __future__ import annotations

import numpy as np

from engines.sketch.element import Elements
from engines.sketch.mention import Mention
from engines.sketch.noise import Floats, smoothstep
from engines.sketch.palette import lighter, mix, to_linear
from engines.sketch.shape import Shape
from engines.sketch.stage import Stage

ELEMENTS = Elements()


@ELEMENTS.add(
    "city",
    "city, skyline, cityscape, downtown, metropolis, urban, 城市, 都市, 天际线",
    "backdrop",
    28,
    mood="dusk",
    near="skyscraper, tokyo, new york, shanghai, hong kong, town, building, 摩天楼, 高楼, 东京, 上海, 纽约, 香港, 大楼, 城镇",
    takes="colour",
)
def city(stage: Stage, mention: Mention) -> None:
    """Three rows of towers, the farther the hazier; some windows are lit."""
    canvas, rng, palette = stage.canvas, stage.rng("city"), stage.palette
    base = stage.colour_of(mention, mix(palette.near, palette.ink, 0.35))
    warm = mix(np.array([0.87, 0.03, 0.12], np.float32), palette.light, 0.3)
    lamps = (warm, stage.accent(0), stage.accent(1))
    glow = mix(stage.haze, stage.accent(1), 0.35)
    stage.halo(0.5, stage.horizon, 0.55, glow, 0.12 + 0.4 * palette.darkness)
    for layer in range(3):
        near = layer / 2
        towers, windows = _rank(rng, canvas.width / canvas.unit, layer, palette.darkness)
        y = stage.horizon + 0.006 + 0.045 * near
        stage.put(towers, 0, y, 1, base, far=0.62 * (1 - near) ** 1.2, rim=0.3, shade=0.15)
        if layer and "glow" in stage.plan.finishes:
            _neon(stage, rng, y, near)
        _street_haze(stage, y, 0.45 * (1 - 0.7 * near))
        for shape, colour in zip(windows, lamps, strict=True):
            if shape.drawn:
                tone = mix(base, colour, 0.45 + 0.35 * palette.darkness + 0.2 * near)
                stage.light_up(shape, 0, y, 1, tone)


def _rank(
    rng: np.random.Generator, across: float, layer: int, darkness: float
) -> tuple[Shape, tuple[Shape, Shape, Shape]]:
    """Return one row of towers, and its lit windows by colour."""
    near = layer / 2
    towers, windows = Shape(), (Shape(), Shape(), Shape())
    x = -0.05
    step = 0.0135 + 0.005 * near
    lit = (0.1, 0.26, 0.36)[layer] * (0.4 + 0.85 * darkness)
    while x < across + 0.05:
        width = rng.uniform(0.04, 0.085) * (0.75 + 0.6 * near)
        # few towers stand out, and they stand where the far ranks are
        height = rng.uniform(0.07, 0.2) * (1.5 - 0.55 * near) * (1.7 if rng.random() < 0.16 else 1)
        towers.box(x, -0.9, x + width, height)
        style = rng.random()
        if style < 0.22:
            towers.box(x + width * 0.3, height, x + width * 0.7, height + 0.035)
            towers.line([(x + width / 2, height), (x + width / 2, height + 0.1)], 0.006, 0.002)
        elif style < 0.4:
            towers.area((x, height), (x + width / 2, height + width * 0.7), (x + width, height))
        elif style < 0.6:
            towers.box(x + width * 0.18, height, x + width * 0.82, height + 0.022)
            towers.box(x + width * 0.32, height, x + width * 0.68, height + 0.044)
        elif style < 0.7:
            towers.area((x, height), (x + width, height + 0.045), (x + width, height))
        columns = int((width - 0.012) / (step * 0.75))
        rows = int((height + 0.03) / step)
        shine = rng.random((rows, columns)) < lit * rng.uniform(0.3, 1.7)
        hue = rng.choice(3, size=(rows, columns), p=[0.72, 0.14, 0.14])
        for row, column in np.argwhere(shine):
            wx, wy = x + 0.008 + column * step * 0.75, height - 0.012 - row * step
            windows[hue[row, column]].box(wx, wy - step * 0.55, wx + step * 0.42, wy)
        x += width + rng.uniform(-0.016, 0.008)
    return towers, windows


def _neon(stage: Stage, rng: np.random.Generator, y: float, near: float) -> None:
    """Hang lit signs on the towers, each with a glow around it."""
    for _ in range(7):
        x, height = rng.random(), 0.02 + 0.09 * rng.random()
        colour = stage.accent(int(rng.integers(3)))
        sign = Shape().box(-0.006, 0.0, 0.006, height).box(-0.011, -0.004, -0.008, height + 0.004)
        foot = y - rng.uniform(0.03, 0.13) * (1.1 - 0.3 * near)
        stage.halo(x, foot - height / 2, 0.07, colour, 0.35)
        stage.light_up(sign, x, foot, 1, mix(colour, stage.palette.light, 0.3))


def _street_haze(stage: Stage, y: float, strength: float) -> None:
    """Let the light of the streets rise between two rows."""
    canvas = stage.canvas
    glow = smoothstep(y - 0.17, y + 0.02, canvas.y) * np.float32(strength)
    shape = (canvas.rows, canvas.columns)
    mask = np.broadcast_to(glow, shape) * (1 - stage.sky_left)
    canvas.wash(mask.astype(np.float32), to_linear(lighter(stage.haze, -0.04)))


def course(stage: Stage, down: Floats) -> tuple[Floats, Floats]:
    """Return a street's middle and half its width, from the horizon (0) to the viewer (1)."""
    bend = 0.12 * (1 if stage.plan.mirrored else -1) * np.sin(down * 2.4) * (1 - down)
    # two lanes each way where there is traffic
    wide = 0.62 if stage.plan.has("traffic") else 0.36
    return np.asarray(0.5 + bend), np.asarray(0.012 + wide * down**1.25)


@ELEMENTS.add(
    "street",
    "street, road, highway, 街道, 街, 路, 道路, 公路",
    "ground",
    35,
    near="alley, path, trail, avenue, railway, rails, 小路, 小巷, 铁路",
    takes="colour",
)
def street(stage: Stage, mention: Mention) -> None:
    """A road to the vanishing point, wet enough to reflect the light."""
    canvas, palette = stage.canvas, stage.palette
    top = canvas.row(stage.horizon)
    rows = canvas.rows - top
    seen = rows - canvas.around.bottom
    if seen < 2:
        return
    down = ((np.arange(rows, dtype=np.float32) + 0.5) / seen)[:, None]
    middle, half = course(stage, down)
    away = np.abs(canvas.x - middle) / half
    x = (canvas.x - 0.5) / (down + 0.08)
    grain = stage.texture.smooth_at(x * 0.25, 0.5 / (down + 0.08))
    verge = mix(palette.near, palette.ink, 0.35)
    ground = to_linear(mix(verge, stage.haze, 0.25)) * (1 + 0.2 * grain[..., None])
    canvas.rgb[top:] = ground * (1 - 0.45 * down[..., None])
    road = smoothstep(1.04, 0.96, away)
    source = np.clip(top - 1 - np.arange(rows) * min(1.0, (top - 1) / seen), 0, top - 1)
    wet = canvas.rgb[source.astype(np.int32)]
    own = to_linear(stage.colour_of(mention, mix(palette.ink, stage.haze, 0.35)))
    shine = np.clip(0.42 - 0.2 * down + 0.1 * grain, 0, 1)[..., None]
    canvas.wash(road, (own + (wet - own) * shine).astype(np.float32), top=top)
    dashes = smoothstep(0.06, 0.04, away) * (np.sin(3.2 / (down + 0.09) * 3) > 0) * 0.6
    canvas.wash(dashes.astype(np.float32), to_linear(mix(palette.light, stage.haze, 0.3)), top=top)
    kerbs = smoothstep(0.05, 0.02, np.abs(away - 0.97)) * 0.35
    canvas.wash(kerbs.astype(np.float32), to_linear(palette.light), top=top)
    stage.cover_sky(np.ones((rows, canvas.columns), np.float32), top=top)
    stage.ground[:] = stage.horizon + 0.4 * (1 - stage.horizon)
