"""What people have built: castle, pagoda, house, lighthouse, the city and its lights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engines.sketch.element import Mention, element
from engines.sketch.palette import lighter, mix
from engines.sketch.shape import Shape

if TYPE_CHECKING:
    from engines.sketch.stage import Stage


@element(
    "castle", "castle, palace, fortress, citadel, stronghold, 城堡, 宫殿, 皇宫, 要塞", "stand", 45
)
def castle(stage: Stage, mention: Mention) -> None:
    """Towers with pointed roofs around a keep, some windows lit."""
    rng = stage.rng("castle")
    shape = Shape().box(-0.36, -0.2, 0.36, 0.26)
    windows = Shape()
    towers = [
        (0.0, 0.15, 0.62, 0.36),
        (-0.3, 0.1, 0.42, 0.22),
        (0.3, 0.1, 0.44, 0.24),
        (-0.16, 0.085, 0.52, 0.2),
        (0.17, 0.085, 0.5, 0.2),
        (-0.42, 0.07, 0.3, 0.16),
        (0.42, 0.07, 0.28, 0.16),
    ]
    for x, width, height, roof in towers:
        high = height * rng.uniform(0.9, 1.1)
        shape.box(x - width / 2, -0.2, x + width / 2, high)
        shape.box(x - width * 0.6, high - 0.03, x + width * 0.6, high)
        shape.area((x - width * 0.66, high), (x, high + roof), (x + width * 0.66, high))
        for step in range(3):
            if rng.random() < 0.6:
                wy = high - 0.09 - 0.12 * step
                windows.disc(x + rng.uniform(-0.2, 0.2) * width, wy, 0.012, 0.024)
    for step in range(9):
        shape.box(-0.36 + 0.08 * step, 0.26, -0.32 + 0.08 * step, 0.295)
    glow = mix(np.array([0.85, 0.03, 0.14], np.float32), stage.accent(1), 0.4)

    def lights(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        stage.light_up(windows, x, y, size, glow, flip=flip)

    colour = mix(stage.palette.ink, stage.palette.near, 0.4)
    stage.crowd(mention, shape, 0.5, colour, after=lights, far=0.1)


@element(
    "pagoda",
    "pagoda, temple, shrine, monastery, japanese temple, 塔, 宝塔, 寺庙, 寺, 庙, 佛塔, 神社",
    "stand",
    46,
)
def pagoda(stage: Stage, mention: Mention) -> None:
    """Five roofs with lifted eaves, each smaller than the one below."""
    shape, walls = Shape(), Shape()
    y = 0.0
    for floor in range(5):
        width = 0.25 - 0.035 * floor
        walls.box(-width * 0.62, y - (0.2 if floor == 0 else 0.02), width * 0.62, y + 0.12)
        y += 0.1
        shape.area(
            (-width * 1.3, y + 0.035),
            (-width * 1.02, y),
            (width * 1.02, y),
            (width * 1.3, y + 0.035),
            (width * 0.62, y + 0.075),
            (-width * 0.62, y + 0.075),
        )
        y += 0.065
    shape.line([(0, y), (0, y + 0.15)], 0.018, 0.006)
    red = mix(np.array([0.45, 0.13, 0.07], np.float32), stage.palette.ink, 0.35)
    stage.crowd(mention, walls, 0.52, mix(red, stage.palette.light, 0.12), rim=0.2)
    stage.crowd(mention, shape, 0.52, mix(stage.palette.ink, red, 0.4))


@element(
    "city",
    "city, skyline, cityscape, skyscraper, downtown, metropolis, tokyo, new york, shanghai, hong kong, urban, 城市, 都市, 摩天楼, 高楼, 天际线, 东京, 上海, 纽约, 香港",
    "backdrop",
    28,
    mood="dusk",
)
def city(stage: Stage, mention: Mention) -> None:
    """Rows of towers, hazier the farther, and all their windows painted in one go."""
    canvas, rng, palette = stage.canvas, stage.rng("city"), stage.palette
    across = canvas.width / canvas.unit
    base_colour = stage.colour_of(mention, mix(palette.near, palette.ink, 0.3))
    lamps = [
        mix(np.array([0.86, 0.03, 0.12], np.float32), palette.light, 0.3),
        stage.accent(0),
        stage.accent(1),
    ]
    for layer in range(3):
        near = layer / 2
        towers, windows = Shape(), [Shape(), Shape(), Shape()]
        x = -0.05
        while x < across + 0.05:
            width = rng.uniform(0.035, 0.085) * (0.8 + 0.5 * near)
            height = (
                rng.uniform(0.08, 0.26) * (1.25 - 0.4 * near) * (1.6 if rng.random() < 0.14 else 1)
            )
            towers.box(x, -0.6, x + width, height)
            style = rng.random()
            if style < 0.25:
                towers.line([(x + width / 2, height), (x + width / 2, height + 0.07)], 0.006, 0.003)
            elif style < 0.45:
                towers.area((x, height), (x + width / 2, height + width * 0.6), (x + width, height))
            elif style < 0.6:
                towers.box(x + width * 0.2, height, x + width * 0.8, height + 0.025)
            if layer:
                step = 0.017 + 0.004 * near
                for wx in np.arange(x + 0.008, x + width - 0.01, step * 0.8):
                    for wy in np.arange(-0.02 if layer == 1 else -0.2, height - 0.012, step):
                        if rng.random() < 0.3:
                            lamp = windows[int(rng.choice(3, p=[0.7, 0.15, 0.15]))]
                            lamp.box(wx, wy, wx + 0.007, wy + 0.01)
            x += width + rng.uniform(-0.012, 0.012)
        y = stage.horizon + 0.004 + 0.055 * near
        stage.put(towers, 0, y, 1, base_colour, far=0.5 * (1 - near), rim=0.25, shade=0.25)
        if layer:
            for shape, colour in zip(windows, lamps, strict=True):
                if shape.drawn:
                    tone = mix(base_colour, colour, 0.55 + 0.4 * palette.darkness)
                    stage.light_up(shape, 0, y, 1, lighter(tone, 0.05 * near))
    stage.halo(
        0.5, stage.horizon, 0.6, mix(stage.haze, stage.accent(1), 0.4), 0.12 * palette.darkness
    )


@element(
    "house",
    "house, cottage, cabin, hut, home, barn, farmhouse, village, villa, 房子, 房屋, 小屋, 木屋, 村庄, 农舍, 别墅, 家",
    "stand",
    48,
)
def house(stage: Stage, mention: Mention) -> None:
    """A gabled house with a chimney and warm windows."""
    walls = Shape().box(-0.42, -0.1, 0.42, 0.42)
    roof = (
        Shape().area((-0.52, 0.4), (-0.3, 0.8), (0.3, 0.8), (0.52, 0.4)).box(0.16, 0.7, 0.27, 0.98)
    )
    panes = Shape().box(-0.3, 0.15, -0.16, 0.3).box(0.12, 0.15, 0.26, 0.3)
    door = Shape().box(-0.07, -0.08, 0.06, 0.24)
    wall = mix(stage.palette.light, stage.palette.near, 0.45 + 0.35 * stage.palette.darkness)
    glow = mix(np.array([0.88, 0.04, 0.13], np.float32), stage.palette.light, 0.3)
    roof_colour = mix(stage.accent(0), stage.palette.ink, 0.5)

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        stage.put(roof, x, y, size, roof_colour, flip=flip)
        stage.put(door, x, y, size, mix(stage.palette.ink, wall, 0.25), flip=flip, rim=0)
        stage.light_up(panes, x, y, size, glow, flip=flip)

    stage.crowd(mention, walls, 0.22, wall, after=rest, rim=0.2)


@element("lighthouse", "lighthouse, beacon, 灯塔", "stand", 47)
def lighthouse(stage: Stage, mention: Mention) -> None:
    """A tapering tower with bands, its lamp, and at night the beam."""
    tower = Shape().area((-0.11, -0.1), (-0.07, 0.78), (0.07, 0.78), (0.11, -0.1))
    bands = Shape()
    for low, high in ((0.1, 0.28), (0.45, 0.62)):
        bands.area(
            (-0.108 + 0.042 * low, low),
            (-0.108 + 0.042 * high, high),
            (0.108 - 0.042 * high, high),
            (0.108 - 0.042 * low, low),
        )
    top = (
        Shape()
        .box(-0.1, 0.77, 0.1, 0.8)
        .box(-0.05, 0.8, -0.035, 0.9)
        .box(0.035, 0.8, 0.05, 0.9)
        .area((-0.085, 0.9), (0, 1.0), (0.085, 0.9))
    )
    lamp = Shape().box(-0.04, 0.8, 0.04, 0.9)
    red = mix(
        np.array([0.5, 0.17, 0.09], np.float32), stage.palette.ink, 0.3 * stage.palette.darkness
    )

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        stage.put(bands, x, y, size, red, flip=flip, rim=0.2)
        stage.put(top, x, y, size, stage.palette.ink, flip=flip)
        stage.light_up(lamp, x, y, size, lighter(stage.palette.light, 0.1), flip=flip)
        lamp_y = y - 0.85 * size * stage.canvas.unit / stage.canvas.height
        stage.halo(x, lamp_y, 0.12, stage.palette.light, 0.5)

    wall = lighter(
        mix(stage.palette.light, stage.palette.near, 0.15), -0.25 * stage.palette.darkness
    )
    stage.crowd(mention, tower, 0.5, wall, after=rest)
