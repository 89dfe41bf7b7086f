"""Dishes: what people order, each by what makes it unmistakable."""

from __future__ import annotations

from math import cos, pi, sin

from engines.sketch.element import Elements
from engines.sketch.mention import Mention
from engines.sketch.scene.serving import FLAT, bowl, layer, leaf, plate, ring, served, steam
from engines.sketch.shape import Shape, path
from engines.sketch.stage import Stage

ELEMENTS = Elements()


@ELEMENTS.add("pasta", "pasta, spaghetti, 意大利面, 意面", "stand", 76,
    near="food, meal, dinner, lunch, dish, lasagna, macaroni, curry, 食物, 美食, 晚餐", many=True)  # fmt: skip
def pasta(stage: Stage, mention: Mention) -> None:
    """A nest of noodles on a plate, sauce over it, a leaf of basil on top."""
    rng = stage.rng("pasta")
    heap = Shape().blob(*path("-38,12 -34,22 -20,34 0,40 20,34 34,22 38,12 20,4 0,2 -20,4"))
    dark, pale = Shape(), Shape()
    for k in range(26):
        turn, radius = rng.uniform(0, 2 * pi), rng.uniform(0.08, 0.36)
        lift = 0.33 * (1 - radius / 0.42) + 0.1
        arc = [
            (radius * cos(turn + t / 4), lift + radius * FLAT * sin(turn + t / 4) * 0.9)
            for t in range(9)
        ]
        (dark if k % 2 else pale).line(arc, 0.026)
    sauce = Shape().blob(*path("-22,26 -18,34 -4,41 10,40 22,31 24,22 14,17 6,20 -4,14 -14,18"))
    chunks = Shape()
    for x, y in ((-12, 30), (2, 33), (13, 29), (-3, 24), (9, 22)):
        chunks.disc(x / 100, y / 100, 0.035, 0.026)
    basil = Shape().with_parts_of(leaf(25), 0.0, 0.38).with_parts_of(leaf(150), 0.0, 0.38)
    basil.with_parts_of(leaf(88, 0.11), 0.0, 0.38)
    served(
        stage,
        mention,
        0.4,
        [
            *plate(stage),
            layer(stage, heap, "#d9a441", 0.2),
            layer(stage, dark, "#c48a30", 0.1),
            layer(stage, pale, "#f0cb74", 0.4),
            layer(stage, sauce, "#c23a22", 0.4),
            layer(stage, chunks, "#dd5a36", 0.3),
            layer(stage, basil, "#3f8a3a", 0.4),
        ],
        6,
    )


@ELEMENTS.add("pizza", "pizza, 披萨, 比萨", "stand", 76, near="flatbread, focaccia")
def pizza(stage: Stage, mention: Mention) -> None:
    """A whole pizza on a board, one slice cut loose."""
    board = Shape().disc(0, 0.06, 0.72, 0.72 * FLAT).line(path("60,6 94,14"), 0.09)
    under = Shape().disc(0, 0.1, 0.62, 0.62 * FLAT)
    crust = Shape().disc(0, 0.15, 0.62, 0.62 * FLAT)
    sauce = Shape().disc(0, 0.155, 0.54, 0.54 * FLAT)
    cheese = Shape().blob(*((x * 1.0, y) for x, y in ring(14, 0, 0.16, 0.51, 0.2)))
    spots = [(0, 0.17), *ring(5, 0, 0.165, 0.27, 0.3), *ring(8, 0, 0.16, 0.43, 0.8)]
    salami, fat = Shape(), Shape()
    for x, y in spots:
        salami.disc(x, y, 0.085, 0.085 * FLAT * 1.1)
        fat.disc(x - 0.02, y + 0.008, 0.03, 0.011).disc(x + 0.03, y - 0.006, 0.018, 0.007)
    basil = Shape()
    for i, (x, y) in enumerate(ring(5, 0, 0.17, 0.34, 1.0)):
        basil.with_parts_of(leaf(70 * i, 0.12), x, y)
    cut = Shape()
    for turn in (0.35, 1.4, 2.45, 3.5, 4.55, 5.6):
        cut.line([(0, 0.16), (0.62 * cos(turn), 0.155 + 0.62 * FLAT * sin(turn))], 0.012)
    served(
        stage,
        mention,
        0.46,
        [
            layer(stage, board, "#8a5a34"),
            layer(stage, under, "#a8682c", 0.1),
            layer(stage, crust, "#d8974a", 0.5),
            layer(stage, sauce, "#b8391f", 0),
            layer(stage, cheese, "#f2c766", 0.2, 0.05),
            layer(stage, cut, "#b0742e", 0),
            layer(stage, salami, "#a8301f", 0.3),
            layer(stage, fat, "#cf5a40", 0),
            layer(stage, basil, "#3f8a3a", 0.3),
        ],
        2,
    )


@ELEMENTS.add(
    "burger", "burger, hamburger, cheeseburger, 汉堡, 汉堡包", "stand", 76,
    near="sandwich, hot dog, fast food, taco, 三明治, 快餐",
)  # fmt: skip
def burger(stage: Stage, mention: Mention) -> None:
    """Bun, salad, tomato, cheese, meat and bun."""
    low = Shape().blob(*path("-42,16 -44,8 -36,0 0,-2 36,0 44,8 42,16 0,19"))
    meat = Shape().blob(*path("-47,28 -48,20 -42,14 0,12 42,14 48,20 47,28 0,31"))
    cheese = Shape().area(*path("-48,32 48,32 46,26 34,26 26,15 16,27 -8,27 -20,18 -30,27 -45,26"))
    tomato = Shape().blob(*path("-44,38 -45,34 0,31 45,34 44,38 0,41"))
    salad = Shape().blob(
        *path(
            "-50,42 -46,37 -38,41 -30,36 -20,41 -10,36 0,41 10,36 20,41 30,36 38,41 46,37 50,42 40,47 0,49 -40,47"
        )
    )
    top = Shape().blob(*path("-46,46 -47,58 -38,74 -18,84 0,86 18,84 38,74 47,58 46,46 0,42"))
    seeds = Shape()
    for x, y in (
        (-24, 72),
        (-10, 79),
        (6, 76),
        (21, 73),
        (-32, 62),
        (-14, 66),
        (3, 66),
        (16, 64),
        (33, 61),
    ):
        seeds.disc(x / 100, y / 100, 0.022, 0.013)
    shine = Shape().blob(*path("-34,64 -28,74 -14,80 -18,74 -28,64"))
    served(
        stage,
        mention,
        0.42,
        [
            layer(stage, low, "#c98a45", 0.3, 0.25),
            layer(stage, meat, "#5a3320", 0.3),
            layer(stage, cheese, "#f4b63a", 0.3),
            layer(stage, tomato, "#c93a2a", 0.3),
            layer(stage, salad, "#6fae3f", 0.4),
            layer(stage, top, "#d08f48", 0.6, 0.25),
            layer(stage, shine, "#ecc48a", 0, 0),
            layer(stage, seeds, "#f5e6c0", 0, 0),
        ],
        5,
    )


@ELEMENTS.add("fries", "fries, french fries, chips, 薯条", "stand", 76, many=True)
def fries(stage: Stage, mention: Mention) -> None:
    """Golden sticks in a red paper box."""
    rng = stage.rng("fries")
    back, front = Shape(), Shape()
    for k in range(17):
        x = (k - 8) * 0.034
        lean = x * 0.5 + rng.uniform(-0.06, 0.06)
        high = 0.72 + rng.uniform(-0.12, 0.18) - abs(x) * 0.35
        (back if k % 2 else front).line([(x, 0.3), (x + lean, high)], 0.055)
    box = Shape().blob(*path("-22,2 -30,48 -20,44 0,38 20,44 30,48 22,2 0,-2"))
    mark = Shape().disc(0, 0.2, 0.09)
    served(
        stage,
        mention,
        0.34,
        [
            layer(stage, box, "#a8281f", 0),
            layer(stage, back, "#d99a2e", 0.3),
            layer(stage, front, "#f3c552", 0.5),
            layer(stage, box, "#d0352a", 0.4, 0.25),
            layer(stage, mark, "#f6c84a", 0),
        ],
        3,
    )


@ELEMENTS.add(
    "sushi", "sushi, nigiri, maki, sushi roll, sushi rolls, 寿司", "stand", 76, near="sashimi, onigiri, 刺身, 饭团",
)  # fmt: skip
def sushi(stage: Stage, mention: Mention) -> None:
    """Three nigiri and three rolls on a board, chopsticks beside them."""
    board = Shape().area(*path("-78,2 -70,26 70,26 78,2")).area(*path("-78,2 78,2 78,-5 -78,-5"))
    rice, fish, lines = Shape(), Shape(), Shape()
    for x in (-46, -4, 38):
        rice.blob(
            *(
                (x / 100 + px, 0.13 + py)
                for px, py in path("-14,0 -15,10 -8,15 8,15 15,10 14,0 0,-3")
            )
        )
        fish.blob(
            *(
                (x / 100 + px, 0.13 + py)
                for px, py in path("-18,9 -16,18 -4,23 10,22 18,16 19,6 10,11 -8,12")
            )
        )
        for k in (-8, 0, 8):
            lines.line([(x / 100 + k / 100 - 0.03, 0.33), (x / 100 + k / 100 + 0.02, 0.25)], 0.012)
    nori, white, heart = Shape(), Shape(), Shape()
    for x in (-58, -28, 2):
        nori.box(x / 100 - 0.115, 0.0, x / 100 + 0.115, 0.1).disc(x / 100, 0.1, 0.115, 0.06)
        nori.disc(x / 100, 0.0, 0.115, 0.05)
        white.disc(x / 100, 0.1, 0.095, 0.047)
        heart.disc(x / 100, 0.1, 0.042, 0.023)
    wasabi = Shape().blob(*path("34,2 32,10 40,14 50,12 54,4 44,0"))
    sticks = Shape().line(path("56,-1 88,20"), 0.022, 0.014).line(path("60,-3 92,17"), 0.022, 0.014)
    served(
        stage,
        mention,
        0.48,
        [
            layer(stage, board, "#4a2f20", 0.3),
            layer(stage, rice, "#f4f0e6", 0.3, 0.2),
            layer(stage, fish, "#ee7d54", 0.5),
            layer(stage, lines, "#f8b79a", 0, 0),
            layer(stage, nori, "#1f2a24", 0.4),
            layer(stage, white, "#f7f4ec", 0, 0),
            layer(stage, heart, "#e8663c", 0, 0),
            layer(stage, wasabi, "#9cc25a", 0.3),
            layer(stage, sticks, "#a8683a", 0.3),
        ],
        2,
    )


@ELEMENTS.add(
    "noodles", "ramen, noodles, noodle soup, bowl of noodles, 拉面, 面条, 面", "stand", 76,
    near="soup, stew, pho, udon, hot pot, 汤, 火锅", many=True)  # fmt: skip
def noodles(stage: Stage, mention: Mention) -> None:
    """A bowl of broth with noodles, two halves of an egg, leaves of nori, and chopsticks."""
    rng = stage.rng("noodles")
    strands = Shape()
    for _ in range(16):
        turn, radius = rng.uniform(0, 6.28), rng.uniform(0.06, 0.36)
        arc = [
            (radius * cos(turn + t / 4), 0.5 + radius * FLAT * sin(turn + t / 4)) for t in range(8)
        ]
        strands.line(arc, 0.022)
    nori = Shape().area(*path("16,50 20,78 38,74 36,48")).area(*path("26,50 34,76 48,70 44,46"))
    white = Shape().disc(-0.16, 0.56, 0.12, 0.075).disc(0.08, 0.44, 0.12, 0.07)
    yolk = Shape().disc(-0.16, 0.565, 0.062, 0.04).disc(0.08, 0.445, 0.062, 0.038)
    meat = Shape().blob(*path("-42,50 -38,56 -28,58 -22,52 -26,45 -36,44"))
    onion = Shape()
    for _ in range(14):
        x, y = rng.uniform(-0.3, 0.3), rng.uniform(-0.08, 0.08)
        onion.disc(x, 0.49 + y, 0.02, 0.013)
    sticks = (
        Shape().line(path("-66,66 6,54"), 0.026, 0.018).line(path("-64,74 10,57"), 0.026, 0.018)
    )
    served(
        stage,
        mention,
        0.44,
        [
            *bowl(stage, "#a83226", "#c98a3a"),
            layer(stage, strands, "#f2d48a", 0.4),
            layer(stage, nori, "#20301f", 0.4),
            layer(stage, meat, "#b06a4a", 0.3),
            layer(stage, white, "#faf5ea", 0.3, 0),
            layer(stage, yolk, "#f09a2a", 0.3, 0),
            layer(stage, onion, "#6fae4a", 0),
            layer(stage, sticks, "#5a3522", 0.3),
        ],
        0,
    )
    for x, y, size in [] if stage.canvas.tile else stage.spots(mention, 0.44):
        steam(stage, x, y, size, 0.62)


@ELEMENTS.add(
    "salad", "salad, 沙拉", "stand", 76, near="vegetables, greens, poke bowl, vegan food, 蔬菜"
)
def salad(stage: Stage, mention: Mention) -> None:
    """A bowl of leaves with tomatoes."""
    rng = stage.rng("salad")
    dark, green, pale, red = Shape(), Shape(), Shape(), Shape()
    for i in range(34):
        x = rng.uniform(-0.42, 0.42)
        y = 0.5 + rng.uniform(-0.02, 0.2) * (1 - (x / 0.5) ** 2)
        (dark, green, pale)[i % 3].with_parts_of(leaf(rng.uniform(20, 160), 0.2), x, y)
    for x, y in ((-0.24, 0.58), (0.04, 0.63), (0.26, 0.55), (-0.06, 0.5), (0.12, 0.48)):
        red.disc(x, y, 0.06, 0.052)
    served(
        stage,
        mention,
        0.42,
        [
            *bowl(stage, "#d8d2c4", "#3f6a2a"),
            layer(stage, dark, "#3f7a2e", 0.3),
            layer(stage, green, "#69a83c", 0.4),
            layer(stage, pale, "#a8cf62", 0.4),
            layer(stage, red, "#d63a2a", 0.7),
        ],
        0,
    )


@ELEMENTS.add(
    "egg",
    "fried egg, fried eggs, 煎蛋",
    "stand",
    76,
    near="egg, breakfast, brunch, omelette, bacon, 鸡蛋, 早餐",
    many=True,
)
def egg(stage: Stage, mention: Mention) -> None:
    """Two eggs, sunny side up."""
    white = Shape().blob(
        *path("-40,10 -38,20 -24,23 -8,21 6,24 26,22 40,14 36,4 18,2 2,5 -18,0 -32,3")
    )
    yolk = Shape().disc(-0.18, 0.14, 0.1, 0.075).disc(0.17, 0.145, 0.1, 0.075)
    shine = Shape().disc(-0.21, 0.17, 0.03, 0.016).disc(0.14, 0.175, 0.03, 0.016)
    herb = (
        Shape().with_parts_of(leaf(60, 0.16), 0.36, 0.14).with_parts_of(leaf(20, 0.14), 0.36, 0.14)
    )
    served(
        stage,
        mention,
        0.4,
        [
            *plate(stage),
            layer(stage, white, "#fdfaf2", 0.3),
            layer(stage, yolk, "#f5a623", 0.4, 0.2),
            layer(stage, shine, "#fff0c8", 0, 0),
            layer(stage, herb, "#4f9a44", 0.3),
        ],
        1,
    )
