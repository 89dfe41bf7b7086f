"""What furnishes a room: each piece stands where the floor meets the wall, or a little before it."""

from __future__ import annotations

import numpy as np

from engines.sketch.element import Elements
from engines.sketch.mention import Mention
from engines.sketch.palette import from_hex, lighter, mix
from engines.sketch.scene.furnishing import WARM, floor_of, lit, standing, wood
from engines.sketch.scene.plants import fir
from engines.sketch.scene.serving import leaf
from engines.sketch.shape import Shape, path
from engines.sketch.stage import Stage

ELEMENTS = Elements()


@ELEMENTS.add(
    "sofa", "sofa, couch, living room, 沙发, 客厅", "stand", 43, near="lounge, settee", takes="colour, size, count",
)  # fmt: skip
def sofa(stage: Stage, mention: Mention) -> None:
    """A sofa with three cushions and two bright pillows."""
    back = Shape().blob(*path("-70,14 -70,44 -64,52 0,54 64,52 70,44 70,14"))
    seat = Shape().blob(*path("-66,10 -66,26 -60,30 60,30 66,26 66,10 0,8"))
    arms = (
        Shape()
        .blob(*path("-84,6 -85,32 -78,38 -68,36 -64,30 -64,6"))
        .blob(*path("84,6 85,32 78,38 68,36 64,30 64,6"))
    )
    legs = Shape().box(-0.74, -0.02, -0.69, 0.08).box(0.69, -0.02, 0.74, 0.08)
    seams = Shape().line(path("-22,30 -22,50"), 0.012).line(path("22,30 22,50"), 0.012)
    seams.line(path("-22,12 -22,28"), 0.012).line(path("22,12 22,28"), 0.012)
    pillow = Shape().blob(*path("-12,-12 -13,0 -12,12 0,13 12,12 13,0 12,-12 0,-13"))
    usual = mix(mix(stage.accent(2), from_hex("#7f8a86"), 0.45), stage.haze, 0.1)
    for x, y, size in standing(stage, mention, 0.36, 0.88, before=0.1):
        own = stage.colour_of(mention, usual)
        dark = mix(own, stage.palette.ink, 0.3)
        stage.put(legs, x, y, size, wood(stage, "#3a2618"), rim=0)
        stage.put(back, x, y, size, own, shade=0.2)
        stage.put(seat, x, y, size, lighter(own, 0.04), shade=0.15)
        stage.put(seams, x, y, size, dark, rim=0, strength=0.7)
        stage.put(arms, x, y, size, lighter(own, -0.02), rim=0.7)
        unit = stage.canvas.unit
        for dx, turn, index in ((-0.46, 12, 0), (0.44, -14, 1)):
            px = x + dx * size * unit / stage.canvas.width
            py = y - 0.4 * size * unit / stage.canvas.height
            stage.put(pillow.turned(turn), px, py, size, stage.accent(index), rim=0.5)


@ELEMENTS.add(
    "bed",
    "bed, bedroom, 床, 卧室",
    "stand",
    43,
    near="hotel room, dorm",
    takes="colour, size, count",
)
def bed(stage: Stage, mention: Mention) -> None:
    """A bed from its foot's corner: headboard, pillows, a blanket that hangs over."""
    board = Shape().blob(*path("-60,0 -60,56 -52,64 -12,66 -6,60 -6,0"))
    frame = Shape().area(*path("-58,6 66,-12 92,-2 92,10 -6,22 -58,20"))
    mattress = Shape().blob(*path("-56,18 -54,32 -6,36 60,30 90,24 92,8 66,0 0,10"))
    blanket = Shape().blob(*path("-14,35 -26,30 -22,12 -10,4 66,-10 92,0 93,24 60,32 20,36"))
    fold = Shape().blob(*path("-26,31 -14,36 2,36 -8,30 -10,8 -22,10"))
    pillows = Shape().blob(*path("-54,32 -50,42 -36,44 -26,40 -28,32 -40,29"))
    pillows.blob(*path("-34,36 -30,45 -16,46 -8,41 -12,35 -22,33"))
    legs = (
        Shape().box(0.6, -0.2, 0.66, 0.0).box(0.86, -0.1, 0.91, 0.05).box(-0.58, -0.06, -0.53, 0.06)
    )
    usual = mix(mix(stage.accent(0), stage.palette.sky[1], 0.45), stage.haze, 0.15)
    for x, y, size in standing(stage, mention, 0.42, 0.95, before=0.4):
        flip = x > 0.5
        own = stage.colour_of(mention, usual)
        linen = mix(from_hex("#f3efe6"), stage.haze, 0.25)
        linen = lighter(linen, -0.1 * stage.palette.darkness)
        stage.put(board, x, y, size, wood(stage), flip=flip)
        stage.put(legs, x, y, size, wood(stage, "#4a2f1e"), flip=flip, rim=0)
        stage.put(frame, x, y, size, wood(stage, "#5f3c26"), flip=flip)
        stage.put(mattress, x, y, size, linen, flip=flip)
        stage.put(blanket, x, y, size, own, flip=flip, shade=0.25)
        stage.put(fold, x, y, size, mix(own, linen, 0.55), flip=flip, rim=0)
        stage.put(pillows, x, y, size, lighter(linen, 0.02), flip=flip, rim=0.6)


@ELEMENTS.add(
    "fireplace", "fireplace, hearth, 壁炉", "stand", 42, near="stove, chimney, 火炉", takes="colour, size, count",
)  # fmt: skip
def fireplace(stage: Stage, mention: Mention) -> None:
    """A brick chimney breast with a mantelpiece and a fire that lights the room."""
    breast = Shape().box(-0.46, 0.0, 0.46, 1.6)
    mantel = Shape().box(-0.56, 0.62, 0.56, 0.69).box(-0.5, 0.58, 0.5, 0.62)
    mouth = Shape().blob(*path("-27,0 -28,34 -20,46 0,50 20,46 28,34 27,0"))
    bricks = Shape()
    for row in range(14):
        y = 0.04 + 0.11 * row
        bricks.line([(-0.46, y), (0.46, y)], 0.009)
        for k in range(6):
            x = -0.4 + 0.17 * k + 0.08 * (row % 2)
            bricks.line([(x, y), (x, y + 0.11)], 0.009)
    logs = Shape().line(path("-18,4 16,9"), 0.09).line(path("-15,10 18,3"), 0.09)
    flame = Shape().blob(*path("-18,6 -20,20 -12,16 -10,34 -2,24 2,42 8,24 14,30 16,14 20,18 18,4"))
    heart = Shape().blob(*path("-10,6 -10,16 -4,14 0,28 6,14 10,16 10,6"))
    for x, y, size in standing(stage, mention, 0.46, 0.56):
        brick = stage.colour_of(mention, wood(stage, "#8f5242"))
        stage.put(breast, x, y, size, brick, rim=0.2, shade=0.1)
        stage.put(bricks, x, y, size, mix(brick, stage.palette.ink, 0.35), rim=0, within=breast)
        stage.put(mantel, x, y, size, wood(stage, "#54331f"), rim=0.6)
        stage.put(mouth, x, y, size, from_hex("#160f0d"), rim=0)
        lit(stage, x, y, 0.2, size * 1.2, 0.6)
        stage.put(logs, x, y, size, from_hex("#4a2c1c"), rim=0.3)
        stage.light_up(flame, x, y, size, np.array([0.74, 0.12, 0.14], np.float32))
        stage.light_up(heart, x, y, size, np.array([0.93, 0.0, 0.12], np.float32))


@ELEMENTS.add(
    "bookshelf", "bookshelf, bookcase, bookshelves, library, 书架, 图书馆", "stand", 42,
    near="study, bookstore, bookshop, 书房, 书店", takes="colour, size, count",
)  # fmt: skip
def bookshelf(stage: Stage, mention: Mention) -> None:
    """Shelves up to the ceiling, full of books of many heights and colours."""
    rng = stage.rng("bookshelf")
    case = Shape().box(-0.62, 0.0, 0.62, 1.5)
    back = Shape().box(-0.57, 0.05, 0.57, 1.46)
    boards = Shape().box(-0.02, 0.0, 0.02, 1.5)
    rows = [Shape() for _ in range(5)]
    for shelf in range(6):
        y = 0.05 + 0.24 * shelf
        boards.box(-0.62, y - 0.03, 0.62, y)
        x = -0.56
        while x < 0.53:
            width = rng.uniform(0.02, 0.055)
            if x + width > -0.03 and x < 0.02:
                x = 0.025
                continue
            if rng.random() < 0.9:
                high = rng.uniform(0.12, 0.19)
                rows[int(rng.integers(5))].box(x, y, min(x + width, 0.56), y + high)
            x += width + 0.003
    colours = ("#8f2f2a", "#2f4f6f", "#c9a45a", "#3f6a4a", "#d8cdb4")
    wide = stage.plan.has("room")
    for x, y, size in standing(stage, mention, 0.46 if wide else 0.36, 0.62):
        own = stage.colour_of(mention, wood(stage, "#6a4228"))
        stage.put(case, x, y, size, own, shade=0.05)
        stage.put(back, x, y, size, mix(own, stage.palette.ink, 0.6), rim=0)
        for shape, hexa in zip(rows, colours, strict=True):
            if shape.drawn:
                stage.put(shape, x, y, size, wood(stage, hexa), rim=0.25, shade=0)
        stage.put(boards, x, y, size, own, rim=0.3, shade=0)


@ELEMENTS.add(
    "lamp", "lamp, floor lamp, 灯, 台灯, 落地灯", "stand", 44, near="light bulb, chandelier, desk lamp, 吊灯", takes="colour, size, count"
)  # fmt: skip
def lamp(stage: Stage, mention: Mention) -> None:
    """A standing lamp with a warm shade."""
    foot = Shape().disc(0, 0.0, 0.15, 0.035).line(path("0,0 0,92"), 0.028)
    shade = Shape().blob(*path("-22,84 -13,114 13,114 22,84 0,80"))
    for x, y, size in standing(stage, mention, 0.44, 0.25, before=0.05):
        lit(stage, x, y, 0.95, size, 0.5)
        stage.put(foot, x, y, size, wood(stage, "#2f2620"))
        stage.light_up(
            shade, x, y, size, stage.colour_of(mention, mix(WARM, stage.palette.light, 0.25))
        )


@ELEMENTS.add(
    "houseplant", "houseplant, house plant, potted plant, plant, 盆栽, 绿植, 植物", "stand", 45,
    near="fern, monstera, bonsai, 盆景", takes="colour, size, count",
)  # fmt: skip
def houseplant(stage: Stage, mention: Mention) -> None:
    """Large leaves in an earthen pot."""
    rng = stage.rng("houseplant")
    pot = Shape().area(*path("-17,28 17,28 12,0 -12,0")).box(-0.19, 0.25, 0.19, 0.31)
    stems, dark, pale = Shape(), Shape(), Shape()
    for k in range(11):
        turn = 20 + 140 * k / 10 + rng.uniform(-6, 6)
        reach = rng.uniform(0.28, 0.5)
        tip = (reach * np.cos(np.deg2rad(turn)), 0.3 + 1.15 * reach * np.sin(np.deg2rad(turn)))
        stems.line([(0, 0.28), (tip[0] * 0.4, 0.3 + (tip[1] - 0.3) * 0.6), tip], 0.016)
        (dark if k % 2 else pale).with_parts_of(leaf(turn - 20 * np.sign(turn - 90), 0.3), *tip)
    for x, y, size in standing(stage, mention, 0.38, 0.5, before=0.15):
        green = wood(stage, "#4f8a4a")
        stage.put(stems, x, y, size, mix(green, stage.palette.ink, 0.3), rim=0)
        stage.put(dark, x, y, size, lighter(green, -0.08), rim=0.4)
        stage.put(pale, x, y, size, lighter(green, 0.05), rim=0.5)
        stage.put(pot, x, y, size, stage.colour_of(mention, wood(stage, "#b5683f")), shade=0.25)


@ELEMENTS.add(
    "kitchen", "kitchen, kitchen counter, 厨房", "stand", 41, near="bakery kitchen, oven", takes="colour, size, count",
)  # fmt: skip
def kitchen(stage: Stage, mention: Mention) -> None:
    """A counter with cupboards, an oven, a pot on the stove, and a shelf of plates above."""
    unit = Shape().box(-0.95, 0.0, 0.95, 0.44)
    top = Shape().box(-0.99, 0.44, 0.99, 0.49)
    doors, knobs = Shape(), Shape()
    for x in (-0.9, -0.52, 0.28, 0.6):
        doors.box(x, 0.05, x + 0.3, 0.4)
        knobs.disc(x + 0.15, 0.36, 0.016)
    oven = Shape().box(-0.18, 0.04, 0.24, 0.4)
    glass = Shape().box(-0.13, 0.09, 0.19, 0.28)
    dials = Shape()
    for k in range(4):
        dials.disc(-0.11 + 0.095 * k, 0.35, 0.02)
    pot = (
        Shape()
        .box(-0.1, 0.5, 0.16, 0.63)
        .disc(0.03, 0.63, 0.13, 0.03)
        .line(path("-15,58 -10,58"), 0.025)
    )
    pot.line(path("16,58 21,58"), 0.025)
    jars = Shape()
    for x, high in ((0.42, 0.16), (0.53, 0.12), (0.63, 0.18)):
        jars.box(x, 0.49, x + 0.08, 0.49 + high)
    shelf = Shape().box(-0.95, 0.96, -0.2, 0.99)
    plates = Shape()
    for k in range(4):
        plates.disc(-0.84 + 0.16 * k, 1.05, 0.065)
    for x, y, size in standing(stage, mention, 0.4, 0.99):
        own = stage.colour_of(mention, wood(stage, "#8fa39a"))
        stage.put(unit, x, y, size, own, rim=0.2, shade=0.15)
        stage.put(doors, x, y, size, lighter(own, 0.06), rim=0.5)
        stage.put(knobs, x, y, size, wood(stage, "#c9a45a"), rim=0)
        stage.put(oven, x, y, size, wood(stage, "#3f4246"), rim=0.4)
        stage.put(glass, x, y, size, wood(stage, "#1d1a18"), rim=0)
        stage.put(dials, x, y, size, wood(stage, "#d8d4cc"), rim=0)
        stage.put(top, x, y, size, wood(stage, "#d9cdb8"), rim=0.5)
        stage.put(pot, x, y, size, wood(stage, "#b0402f"), rim=0.7)
        stage.put(jars, x, y, size, wood(stage, "#c98a4a"), rim=0.5)
        stage.put(shelf, x, y, size, wood(stage), rim=0.5)
        stage.put(plates, x, y, size, wood(stage, "#ece6da"), rim=0.7)


@ELEMENTS.add(
    "cafe", "cafe, café, coffee shop, coffeehouse, 咖啡馆, 咖啡店", "stand", 44,
    near="diner, restaurant, bar, pub, bistro, 餐厅, 酒吧", takes="size, count",
)  # fmt: skip
def cafe(stage: Stage, mention: Mention) -> None:
    """A round table with two chairs and two cups, lamps that hang above, and a board with the menu."""
    chairs = Shape()
    for side in (-1, 1):
        chairs.line([(side * 0.56, 0.26), (side * 0.6, 0.62)], 0.035)
        chairs.line([(side * 0.4, 0.27), (side * 0.58, 0.27)], 0.05)
        chairs.line([(side * 0.56, 0.27), (side * 0.58, -0.02)], 0.03)
        chairs.line([(side * 0.42, 0.27), (side * 0.4, -0.04)], 0.03)
        chairs.line([(side * 0.57, 0.6), (side * 0.64, 0.6)], 0.05)
    leg = Shape().line(path("0,-4 0,42"), 0.04).disc(0, -0.04, 0.2, 0.04)
    top = Shape().disc(0, 0.44, 0.36, 0.075)
    cups = Shape()
    for at in (-14, 14):
        cups.blob(*((at / 100 + px, 0.45 + py) for px, py in path("-6,9 -5,2 0,0 5,2 6,9")))
        cups.disc(at / 100, 0.45, 0.09, 0.02)
    board = Shape().box(-0.42, 0.95, 0.42, 1.42)
    lines = Shape()
    for k in range(5):
        lines.line([(-0.32, 1.33 - 0.08 * k), (0.32 - 0.14 * (k % 3), 1.33 - 0.08 * k)], 0.018)
    for x, y, size in standing(stage, mention, 0.42, 0.65, before=0.35):
        lines_y = floor_of(stage) if stage.plan.has("room") else y
        stage.put(board, x, lines_y, size, wood(stage, "#2a2f2c"), rim=0.6)
        stage.put(lines, x, lines_y, size, wood(stage, "#d8d4c4"), rim=0)
        stage.put(chairs, x, y, size, wood(stage, "#5a3822"), rim=0.5)
        stage.put(leg, x, y, size, wood(stage, "#2f2620"), rim=0.3)
        stage.put(top, x, y, size, wood(stage, "#9a6a42"), rim=0.6)
        stage.put(cups, x, y, size, wood(stage, "#f2ede2"), rim=0.4)
    if not stage.canvas.tile:
        for x in (0.2, 0.5, 0.8):
            cord, shade = (
                Shape().line(path("0,0 0,60"), 0.012),
                Shape().blob(*path("-13,-12 -7,2 7,2 13,-12")),
            )
            lit(stage, x, 0.2, 0.0, 0.3, 0.5)
            stage.put(cord, x, 0.2, 0.35, wood(stage, "#2a221c"), rim=0)
            stage.put(shade, x, 0.2, 0.35, wood(stage, "#3a4a44"), rim=0.5)
            stage.light_up(Shape().disc(0, -0.13, 0.06, 0.035), x, 0.2, 0.35, lighter(WARM, 0.06))


@ELEMENTS.add(
    "chair",
    "chair, wooden chair, 椅子",
    "stand",
    46,
    near="armchair, stool, rocking chair, bench, 沙发椅, 凳子",
    takes="colour, size, count",
)
def chair(stage: Stage, mention: Mention) -> None:
    """A wooden chair, seen from the side of its front."""
    back = Shape().line(path("-20,44 -24,98"), 0.05).line(path("12,44 10,98"), 0.05)
    for high in (60, 74, 90):
        back.line([(-0.23, high / 100), (0.11, high / 100)], 0.055)
    legs = Shape().line(path("-24,40 -26,-4"), 0.05).line(path("18,38 20,-6"), 0.05)
    legs.line(path("-14,44 -13,4"), 0.042).line(path("28,42 30,4"), 0.042)
    seat = Shape().area(*path("-28,40 20,38 32,46 -16,48"))
    for x, y, size in standing(stage, mention, 0.34, 0.4, before=0.5):
        own = stage.colour_of(mention, wood(stage, "#8a5a34"))
        stage.put(legs, x, y, size, mix(own, stage.palette.ink, 0.25))
        stage.put(back, x, y, size, own)
        stage.put(seat, x, y, size, lighter(own, 0.05), rim=0.6)


@ELEMENTS.add(
    "christmas tree", "christmas tree, xmas tree, 圣诞树", "stand", 47, mood="winter", takes="size, count, flying",
)  # fmt: skip
def christmas_tree(stage: Stage, mention: Mention) -> None:
    """A fir with baubles, lights, a star, and presents at its foot."""
    rng = stage.rng("christmas tree")
    tree = fir(rng).moved(lambda x, y: (x * 1.7, y))
    baubles = [Shape(), Shape()]
    lights = Shape()
    for k in range(34):
        y = 0.1 + 0.76 * rng.random() ** 1.1
        x = rng.uniform(-1, 1) * (0.3 * (1 - y) + 0.01)
        if k % 2:
            baubles[k // 2 % 2].disc(x, y, 0.023)
        else:
            lights.dab(x, y, 0.012)
    star = Shape()
    for k in range(5):
        turn = np.pi * (0.5 + 0.4 * k)
        nxt, mid = turn + 0.2 * np.pi, turn - 0.2 * np.pi
        star.area(
            (0.07 * np.cos(turn), 1.01 + 0.07 * np.sin(turn)),
            (0.028 * np.cos(nxt), 1.01 + 0.028 * np.sin(nxt)),
            (0.0, 1.01),
            (0.028 * np.cos(mid), 1.01 + 0.028 * np.sin(mid)),
        )
    boxes = [Shape().box(-0.36, -0.04, -0.16, 0.11), Shape().box(0.1, -0.05, 0.36, 0.08)]
    bows = Shape().box(-0.275, -0.04, -0.245, 0.11).box(0.215, -0.05, 0.245, 0.08)
    bows.blob(*path("-26,11 -33,17 -30,10")).blob(*path("-26,11 -19,17 -22,10"))
    bows.blob(*path("23,8 16,14 19,7")).blob(*path("23,8 30,14 27,7"))
    for x, y, size in standing(stage, mention, 0.56, 0.36, before=0.2):
        lit(stage, x, y, 0.5, size, 0.25)
        stage.put(tree, x, y, size, wood(stage, "#2f5d3a"), rim=0.4)
        for shape, hexa in zip(baubles, ("#c8322b", "#d9a62e"), strict=True):
            stage.put(shape, x, y, size, from_hex(hexa), rim=0.6)
        stage.light_up(lights, x, y, size, lighter(WARM, 0.08))
        stage.light_up(star, x, y, size, lighter(WARM, 0.04))
        for shape, index in zip(boxes, (0, 2), strict=True):
            stage.put(shape, x, y, size, stage.accent(index), rim=0.4)
        stage.put(bows, x, y, size, from_hex("#f2e6c4"), rim=0)
