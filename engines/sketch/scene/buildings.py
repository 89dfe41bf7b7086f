"""Single buildings to live, pray and work in; cities are in ``city.py``."""

from __future__ import annotations

import numpy as np

from engines.sketch.element import Elements
from engines.sketch.mention import Mention
from engines.sketch.palette import lighter, mix
from engines.sketch.shape import Shape, path
from engines.sketch.stage import Stage

ELEMENTS = Elements()


@ELEMENTS.add(
    "castle",
    "castle, 城堡",
    "stand",
    45,
    near="palace, fortress, citadel, stronghold, 宫殿, 皇宫, 要塞",
)
def castle(stage: Stage, mention: Mention) -> None:
    """Towers with pointed roofs around a keep; some windows are lit."""
    rng = stage.rng("castle")
    shape = Shape().box(-0.36, -0.2 * (not stage.canvas.tile), 0.36, 0.26)
    if not stage.canvas.tile:
        shape.blob(*path("-110,-34 -74,-12 -48,3 -20,6 20,6 48,3 74,-12 110,-34"))
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
        shape.box(x - width / 2, 0, x + width / 2, high)
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


@ELEMENTS.add(
    "pagoda",
    "pagoda, 塔, 宝塔, 佛塔",
    "stand",
    46,
    near="temple, shrine, monastery, japanese temple, 寺庙, 寺, 庙, 神社",
)
def pagoda(stage: Stage, mention: Mention) -> None:
    """Five roofs with upturned eaves, each smaller than the one below."""
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


@ELEMENTS.add(
    "house",
    "house, cottage, cabin, home, 房子, 房屋, 小屋, 木屋, 家",
    "stand",
    48,
    near="hut, barn, farmhouse, village, villa, 村庄, 农舍, 别墅",
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


@ELEMENTS.add("lighthouse", "lighthouse, 灯塔", "stand", 47, near="beacon")
def lighthouse(stage: Stage, mention: Mention) -> None:
    """A tapering banded tower with its lamp, and its beam at night."""
    tower = Shape().area((-0.11, -0.1), (-0.07, 0.78), (0.07, 0.78), (0.11, -0.1))
    bands = Shape()
    rock = Shape().blob(*path("-46,-22 -34,-4 -20,0 -12,7 -4,2 6,6 14,1 26,0 34,-10 44,-22"))
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
        stage.halo(x, lamp_y, 0.12, stage.palette.light, 0.12 + 0.45 * stage.palette.darkness)
        stage.put(rock, x, y, size, mix(stage.palette.ink, stage.palette.near, 0.35), flip=flip)

    wall = lighter(
        mix(stage.palette.light, stage.palette.near, 0.15), -0.25 * stage.palette.darkness
    )
    stage.crowd(mention, tower, 0.5, wall, after=rest, firm=True)


@ELEMENTS.add(
    "torii", "torii, torii gate, 鸟居", "stand", 46, near="gate, archway, 牌坊, 大门, 拱门"
)
def torii(stage: Stage, mention: Mention) -> None:
    """Two posts leaning inwards under two beams; the upper one is curved."""
    posts = Shape().line(path("-34,-8 -29,84"), 0.085, 0.07).line(path("34,-8 29,84"), 0.085, 0.07)
    posts.box(-0.42, 0.6, 0.42, 0.67).box(-0.04, 0.67, 0.04, 0.82)
    roof = Shape().area(*path("-60,98 -30,92 0,90 30,92 60,98 56,86 28,81 0,80 -28,81 -56,86"))
    red = mix(
        np.array([0.55, 0.17, 0.11], np.float32), stage.palette.ink, 0.25 * stage.palette.darkness
    )

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        own = stage.colour_of(mention, red)
        stage.put(roof, x, y, size, mix(own, stage.palette.ink, 0.3), flip=flip)

    stage.crowd(mention, posts, 0.44, red, after=rest)


@ELEMENTS.add("windmill", "windmill, 风车", "stand", 47, near="mill, wind turbine, 风力发电")
def windmill(stage: Stage, mention: Mention) -> None:
    """A tower, a cap, four lattice sails."""
    tower = (
        Shape().area(*path("-17,-8 -10,58 10,58 17,-8")).blob(*path("-12,57 -9,68 0,72 9,68 12,57"))
    )
    sails = Shape()
    for quarter in range(4):
        blade = Shape().line(path("0,0 0,44"), 0.02, 0.012).area(*path("1,8 11,10 9,43 1,43"))
        for rung in range(5):
            blade.area(
                (0.02, 0.13 + 0.065 * rung),
                (0.09, 0.135 + 0.065 * rung),
                (0.085, 0.17 + 0.065 * rung),
                (0.02, 0.165 + 0.065 * rung),
                cut=True,
            )
        sails.with_parts_of(blade.turned(90 * quarter + 22), 0, 0.62)
    door = Shape().box(-0.04, -0.04, 0.04, 0.12).disc(0, 0.35, 0.025, 0.035)
    wall = mix(stage.palette.light, stage.palette.near, 0.4 + 0.3 * stage.palette.darkness)

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        stage.put(door, x, y, size, stage.palette.ink, flip=flip, rim=0)
        stage.put(sails, x, y, size, mix(stage.palette.ink, stage.accent(0), 0.25), flip=flip)

    stage.crowd(mention, tower, 0.46, wall, after=rest)


@ELEMENTS.add(
    "church", "church, chapel, 教堂", "stand", 47, near="cathedral, mosque, abbey, 大教堂, 清真寺"
)
def church(stage: Stage, mention: Mention) -> None:
    """A nave with tall windows, and a spire with a cross."""
    walls = Shape().box(-0.14, -0.1, 0.44, 0.34).box(-0.3, -0.1, -0.06, 0.56)
    roof = Shape().area(*path("-10,32 -2,54 36,54 50,32")).area(*path("-34,54 -18,100 -2,54"))
    roof.line(path("-18,98 -18,112"), 0.014).line(path("-22,107 -14,107"), 0.014)
    panes = Shape()
    for x in (0.04, 0.17, 0.3):
        panes.box(x, 0.06, x + 0.06, 0.2).disc(x + 0.03, 0.2, 0.03, 0.05)
    panes.disc(-0.18, 0.4, 0.045).box(-0.21, 0.0, -0.15, 0.14).disc(-0.18, 0.14, 0.03, 0.04)
    stone = mix(stage.palette.light, stage.palette.far, 0.6)

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        stage.put(roof, x, y, size, mix(stage.palette.ink, stage.palette.far, 0.3), flip=flip)
        glow = mix(
            np.array([0.85, 0.04, 0.13], np.float32),
            stage.palette.ink,
            0.4 * (1 - stage.palette.darkness),
        )
        stage.light_up(panes, x, y, size, glow, flip=flip)

    stage.crowd(
        mention, walls, 0.42, lighter(stone, -0.2 * stage.palette.darkness), after=rest, rim=0.3
    )


@ELEMENTS.add(
    "bridge",
    "bridge, 桥, 大桥, 石桥, 小桥, 拱桥",
    "stand",
    44,
    spread="across",
    near="viaduct, aqueduct",
    takes="colour",
)
def bridge(stage: Stage, mention: Mention) -> None:
    """A stone bridge on arches, from one side of the picture to the other."""
    canvas = stage.canvas
    across = canvas.width / canvas.unit
    deck = Shape().area(
        (-0.1, -0.12),
        (-0.1, 0.09),
        (across * 0.5, 0.15),
        (across + 0.1, 0.09),
        (across + 0.1, -0.12),
    )
    count = max(3, round(across * 3.2))
    for arch in range(count):
        x = across * (arch + 0.5) / count
        deck.disc(x, -0.1, across / count * 0.38, 0.17, cut=True)
        deck.area(
            (x - across / count * 0.38, -0.4),
            (x + across / count * 0.38, -0.4),
            (x + across / count * 0.38, -0.1),
            (x - across / count * 0.38, -0.1),
            cut=True,
        )
    rail = Shape()
    for post in range(count * 6 + 1):
        x = across * post / (count * 6)
        y = 0.09 + 0.06 * (1 - abs(x / across - 0.5) * 2)
        rail.box(x - 0.003, y, x + 0.003, y + 0.026)
    rail.line([(0, 0.115), (across * 0.5, 0.178), (across, 0.115)], 0.007)
    stone = stage.colour_of(mention, mix(stage.palette.far, stage.palette.ink, 0.4))
    y = min(stage.horizon + 0.11, 0.94)
    if stage.water_top is not None:
        image = deck.moved(lambda x, y: (x, -y * 0.8 - 0.18))
        stage.put(image, 0, y, 1, mix(stage.palette.water, stone, 0.5), strength=0.35, rim=0)
    stage.put(rail, 0, y, 1, mix(stone, stage.palette.ink, 0.3), rim=0.3)
    stage.put(deck, 0, y, 1, stone, rim=0.4, shade=0.2)
    # whatever is painted later stands on the bridge
    rise = 0.09 + 0.06 * (1 - np.abs(canvas.framed_x - 0.5) * 2)
    stage.ground = y - rise * canvas.unit / canvas.height
    stage.ledge = True


@ELEMENTS.add(
    "tent", "tent, 帐篷", "stand", 49, near="camp, camping, yurt, tipi, teepee, 露营, 蒙古包"
)
def tent(stage: Stage, mention: Mention) -> None:
    """A tent lit from within."""
    canvas_cloth = Shape().area(*path("-62,-2 -4,62 0,66 4,62 58,-2"))
    flap = Shape().area(*path("-16,-2 0,56 22,-2"))
    warm = mix(np.array([0.72, 0.09, 0.13], np.float32), stage.accent(0), 0.25)

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        own = stage.colour_of(mention, warm)
        stage.halo(x, y - 0.1 * size, size * 0.9, own, 0.3 * stage.palette.darkness)
        stage.light_up(flap, x, y, size, mix(own, stage.palette.light, 0.55), flip=flip)

    stage.crowd(mention, canvas_cloth, 0.24, mix(warm, stage.palette.ink, 0.2), after=rest)
