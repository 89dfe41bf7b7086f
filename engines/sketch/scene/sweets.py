"""What comes from the bakery and the bar: cakes, bread, ice cream, wine."""

from __future__ import annotations

from math import cos, pi, sin

import numpy as np

from engines.sketch.element import Elements
from engines.sketch.mention import Mention
from engines.sketch.scene.serving import FLAT, layer, own, plate, ring, served
from engines.sketch.shape import Shape, path
from engines.sketch.stage import Stage

ELEMENTS = Elements()


@ELEMENTS.add(
    "cake", "cake, birthday cake, 蛋糕, 生日蛋糕", "stand", 76,
    near="birthday, birthday party, party, dessert, wedding cake, cheesecake, 生日, 甜点, 派对",
)  # fmt: skip
def cake(stage: Stage, mention: Mention) -> None:
    """A cake with icing that runs down, cherries, and burning candles."""
    stand = Shape().disc(0, 0.03, 0.6, 0.6 * FLAT * 0.8).box(-0.06, -0.1, 0.06, 0.03)
    side = Shape().box(-0.46, 0.08, 0.46, 0.44).disc(0, 0.08, 0.46, 0.46 * FLAT * 0.8)
    band = Shape().box(-0.46, 0.2, 0.46, 0.25).blob(*path("-46,22 0,6 46,22 46,18 0,2 -46,18"))
    icing = Shape().disc(0, 0.44, 0.47, 0.47 * FLAT * 0.8)
    for across, drop in (
        (-44, 12),
        (-33, 20),
        (-21, 24),
        (-9, 17),
        (3, 26),
        (15, 20),
        (27, 25),
        (38, 15),
        (45, 9),
    ):
        base = 0.44 - 0.47 * FLAT * 0.8 * max(0.0, 1 - (across / 47) ** 2) ** 0.5
        shape = [(across / 100, base + 0.12), (across / 100, base - drop / 220)]
        icing.line(shape, 0.1, 0.075)
    top = Shape().disc(0, 0.455, 0.42, 0.42 * FLAT * 0.78)
    cherries, wax, flames = Shape(), Shape(), Shape()
    for x, y in ring(9, 0, 0.45, 0.37, 0.2):
        cherries.disc(x, y + 0.03, 0.05)
    for x, y in ((-0.2, 0.46), (-0.1, 0.42), (0.0, 0.48), (0.11, 0.42), (0.2, 0.46)):
        wax.line([(x, y), (x, y + 0.25)], 0.03)
        flames.blob((x, y + 0.27), (x - 0.025, y + 0.31), (x, y + 0.38), (x + 0.025, y + 0.31))
    served(
        stage,
        mention,
        0.44,
        [
            layer(stage, stand, "#d8d4cc", 0.5),
            layer(stage, side, "#b97a48", 0.2, 0.25),
            layer(stage, band, "#f3e2c0", 0, 0),
            layer(stage, icing, "#f0a5b8", 0.4, 0.1),
            layer(stage, top, "#f6bccb", 0, 0),
            layer(stage, cherries, "#b81f33", 0.8),
            layer(stage, wax, "#6fc0c8", 0.4),
        ],
        3,
    )
    for x, y, size in stage.spots(mention, 0.44, half=0.6):
        stage.light_up(flames, x, y, size, np.array([0.86, 0.04, 0.15], np.float32))
        if not stage.canvas.tile:
            high = y - 0.75 * size * stage.canvas.unit / stage.canvas.height
            stage.halo(x, high, size * 0.7, np.array([0.82, 0.05, 0.14], np.float32), 0.22)


@ELEMENTS.add(
    "bread",
    "bread, loaf, loaf of bread, 面包",
    "stand",
    76,
    near="toast, baguette, bakery, bun, 吐司",
)
def bread(stage: Stage, mention: Mention) -> None:
    """A crusty loaf with cuts."""
    loaf = Shape().blob(*path("-56,4 -60,18 -50,34 -24,44 8,46 40,40 58,26 60,10 52,2 0,-2"))
    light = Shape().blob(*path("-46,24 -40,34 -16,42 12,43 36,38 48,28 30,32 0,34 -30,30"))
    cuts = Shape()
    for x in (-34, -12, 10, 32):
        cuts.blob(*((x / 100 + px, py) for px, py in path("-9,22 -2,34 8,41 6,36 0,28")))
    served(
        stage,
        mention,
        0.4,
        [
            layer(stage, loaf, "#a8672f", 0.4, 0.25),
            layer(stage, light, "#c98a4a", 0, 0),
            layer(stage, cuts, "#ecca96", 0.2, 0),
        ],
        0,
    )


@ELEMENTS.add("croissant", "croissant, 牛角包, 可颂", "stand", 76, near="pastry, danish, 糕点")
def croissant(stage: Stage, mention: Mention) -> None:
    """A crescent of rolled dough on a plate."""
    light, dark = Shape(), Shape()
    count = 9
    for k in range(count):
        t = pi * (0.08 + 0.84 * k / (count - 1))
        x, y = -0.46 * cos(t), 0.1 + 0.2 * sin(t)
        thick = 0.055 + 0.115 * sin(pi * k / (count - 1))
        (dark if k % 2 else light).disc(x, y, thick * 0.95, thick * 1.05)
    edges = Shape()
    for k in range(1, count):
        t = pi * (0.08 + 0.84 * (k - 0.5) / (count - 1))
        x, y = -0.46 * cos(t), 0.1 + 0.2 * sin(t)
        edges.line(
            [(x - 0.02, y - 0.11 * sin(t)), (x, y), (x - 0.01, y + 0.13 * sin(t))], 0.02, 0.01
        )
    served(
        stage,
        mention,
        0.36,
        [
            *plate(stage, 0.66),
            layer(stage, dark, "#c07a34", 0.3, 0.2),
            layer(stage, light, "#dc9c50", 0.5, 0.2),
            layer(stage, edges, "#8a4f20", 0, 0),
        ],
        1,
    )


@ELEMENTS.add("doughnut", "donut, doughnut, 甜甜圈", "stand", 76, near="bagel")
def doughnut(stage: Stage, mention: Mention) -> None:
    """A ring with pink icing and sprinkles."""
    dough = Shape().disc(0, 0.2, 0.5, 0.25).disc(0, 0.26, 0.14, 0.06, cut=True)
    icing = Shape().blob(
        *path(
            "-46,24 -44,36 -26,46 0,48 26,46 44,36 46,24 36,17 26,21 14,13 2,18 -10,12 -22,20 -36,16"
        )
    )
    icing.disc(0, 0.29, 0.15, 0.065, cut=True)
    hole = Shape().disc(0, 0.28, 0.14, 0.055)
    colours = ("#f6d34a", "#5fc0d8", "#ffffff")
    rng = stage.rng("sprinkles")
    dots = [Shape(), Shape(), Shape()]
    for i, (x, y) in enumerate(ring(22, 0, 0.31, 0.3, 0.1)):
        dx, dy = rng.uniform(-0.05, 0.05, 2)
        dots[i % 3].line([(x + dx, y + dy * 0.5), (x + dx + 0.03, y + dy * 0.5 + 0.015)], 0.018)
    served(
        stage,
        mention,
        0.36,
        [
            *plate(stage, 0.66),
            layer(stage, dough, "#c98a48", 0.4, 0.25),
            layer(stage, hole, "#8a5526", 0, 0),
            layer(stage, icing, "#ef8fb0", 0.6, 0.1),
            *(layer(stage, shape, hexa, 0, 0) for shape, hexa in zip(dots, colours, strict=True)),
        ],
        5,
    )


@ELEMENTS.add(
    "ice cream",
    "ice cream, ice cream cone, gelato, 冰淇淋",
    "stand",
    76,
    near="sundae, sorbet, popsicle",
)
def ice_cream(stage: Stage, mention: Mention) -> None:
    """Three scoops in a waffle cone."""
    cone = Shape().area(*path("-20,46 20,46 0,-4"))
    lines = Shape()
    for k in range(-3, 5):
        lines.line([(-0.2 + 0.06 * k, 0.46), (0.06 * k, 0.1)], 0.01)
        lines.line([(0.2 - 0.06 * k, 0.46), (-0.06 * k, 0.1)], 0.01)
    scoops = [
        Shape().disc(-0.11, 0.56, 0.16, 0.15).disc(0.0, 0.47, 0.14, 0.04),
        Shape().disc(0.11, 0.56, 0.16, 0.15).disc(0.12, 0.48, 0.1, 0.04),
        Shape().disc(0, 0.76, 0.165, 0.155).disc(-0.04, 0.64, 0.1, 0.04),
    ]
    grid = [(lines, own(stage, "#a86a2a"), 0.0, 0.0)]
    layers = [layer(stage, cone, "#d99a52", 0.4, 0.1)]
    layers += [
        layer(stage, scoop, hexa, 0.7, 0.15)
        for scoop, hexa in zip(scoops, ("#f2e3bd", "#8a5234", "#f2a0b4"), strict=True)
    ]
    served(stage, mention, 0.42, layers, 3)
    for x, y, size in stage.spots(mention, 0.42, half=0.27):
        for shape, colour, _, _ in grid:
            stage.put(shape, x, y, size, colour, rim=0, within=cone, strength=0.7)


@ELEMENTS.add(
    "wine", "wine, glass of wine, wine glass, red wine, 红酒, 葡萄酒, 酒杯", "stand", 76,
    near="champagne, white wine, drink, drinks, cocktail, 香槟, 鸡尾酒, 饮料",
)  # fmt: skip
def wine(stage: Stage, mention: Mention) -> None:
    """A bottle, and a glass half full."""
    bottle = Shape().blob(
        *path("-44,0 -45,54 -42,62 -36,70 -35,92 -27,92 -26,70 -20,62 -17,54 -18,0 -31,-3")
    )
    label = Shape().box(-0.445, 0.2, -0.175, 0.44)
    foot = Shape().disc(0.2, 0.0, 0.17, 0.05).line(path("20,0 20,34"), 0.03)
    glass = Shape().blob(*path("2,74 -1,56 4,42 20,33 36,42 41,56 38,74 20,76"))
    drink = Shape().blob(*path("0,56 4,43 20,35 36,43 40,56 20,52")).disc(0.2, 0.56, 0.2, 0.04)
    shine = Shape().line(path("6,70 4,56 9,46"), 0.022, 0.012)
    glow = Shape().line(path("-40,56 -40,8"), 0.022, 0.012)
    served(
        stage,
        mention,
        0.46,
        [
            layer(stage, bottle, "#26402c", 0.5, 0.15),
            layer(stage, label, "#efe6cf", 0, 0),
            layer(stage, glow, "#7fa088", 0, 0),
            layer(stage, foot, "#cfd6d6", 0.6, 0),
            layer(stage, glass, "#dfe6e6", 0.8, 0),
            layer(stage, drink, "#7a1430", 0.3, 0.1),
            layer(stage, shine, "#ffffff", 0, 0),
        ],
        5,
    )


@ELEMENTS.add("cola", "coke, cola, soda, 可乐, 汽水", "stand", 76, near="lemonade, juice, iced tea, smoothie, 果汁")  # fmt: skip
def cola(stage: Stage, mention: Mention) -> None:
    """A tall glass with ice and a straw."""
    glass = (
        Shape()
        .area(*path("-20,72 -15,0 15,0 20,72"))
        .disc(0, 0.72, 0.2, 0.045)
        .disc(0, 0, 0.15, 0.03)
    )
    drink = (
        Shape()
        .area(*path("-18,58 -14,2 14,2 18,58"))
        .disc(0, 0.58, 0.18, 0.04)
        .disc(0, 0.02, 0.14, 0.03)
    )
    ice = Shape().area(*path("-12,58 -14,46 -3,44 -1,56")).area(*path("2,50 4,38 14,41 12,53"))
    straw = Shape().line(path("2,30 12,92 26,98"), 0.035)
    shine = Shape().line(path("-14,62 -11,8"), 0.022, 0.012)
    served(
        stage,
        mention,
        0.36,
        [
            layer(stage, glass, "#dfe8e8", 0.8, 0),
            layer(stage, straw, "#d0392f", 0.3),
            layer(stage, drink, "#5a2414", 0.2, 0.1),
            layer(stage, ice, "#c9a48c", 0.6, 0),
            layer(stage, shine, "#ffffff", 0, 0),
        ],
        2,
    )


@ELEMENTS.add(
    "pancakes",
    "pancake, pancakes, stack of pancakes, 松饼, 薄饼",
    "stand",
    76,
    near="waffle, waffles, crepe",
    many=True,
)
def pancakes(stage: Stage, mention: Mention) -> None:
    """A stack with butter and syrup."""
    cakes = []
    for k in range(5):
        y = 0.14 + 0.075 * k
        side = Shape().disc(0.01 * (-1) ** k, y - 0.03, 0.42, 0.42 * FLAT)
        top = Shape().disc(0.01 * (-1) ** k, y, 0.42, 0.42 * FLAT)
        cakes += [layer(stage, side, "#b5742f", 0), layer(stage, top, "#e0aa58", 0.3, 0)]
    syrup = Shape().blob(
        *path(
            "-26,46 -20,54 0,57 20,54 30,46 30,30 24,30 22,40 8,36 4,22 -3,22 -4,35 -18,40 -22,28 -28,30"
        )
    )
    butter = (
        Shape()
        .area(*path("-9,50 3,46 12,50 0,55"))
        .area(*path("-9,50 -9,46 3,42 3,46"))
        .area(*path("3,46 3,42 12,46 12,50"))
    )
    served(
        stage,
        mention,
        0.42,
        [
            *plate(stage, 0.64),
            *cakes,
            layer(stage, syrup, "#8a4312", 0.5),
            layer(stage, butter, "#fbe08a", 0.3, 0),
        ],
        12,
    )
