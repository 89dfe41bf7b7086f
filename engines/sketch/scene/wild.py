"""More animals that people ask for: penguin, giraffe, cow, sheep, pig, frog."""

from __future__ import annotations

from engines.sketch.element import Elements
from engines.sketch.mention import Mention
from engines.sketch.palette import from_hex, lighter, mix
from engines.sketch.scene.pets import mirrored, tinted
from engines.sketch.shape import Shape, path
from engines.sketch.stage import Stage

ELEMENTS = Elements()


@ELEMENTS.add("penguin", "penguin, 企鹅", "stand", 70, takes="size, count, flying", near="puffin")
def penguin(stage: Stage, mention: Mention) -> None:
    """A penguin upright: black coat, white front, orange beak and feet."""
    coat = Shape().blob(
        *path(
            "-26,6 -32,30 -28,56 -20,72 -20,86 -12,98 0,101 12,98 20,86 20,72 28,56 32,30 26,6 0,0"
        )
    )
    wings = mirrored("22,66 32,56 42,34 40,22 34,28 27,44")
    front = Shape().blob(*path("-18,6 -23,28 -20,52 -12,66 0,72 12,66 20,52 23,28 18,6 0,2"))
    face = mirrored("1,74 4,84 10,90 15,84 13,76 6,71")
    beak = Shape().blob(*path("-5,80 0,83 5,80 0,72"))
    eyes = Shape().disc(-0.075, 0.845, 0.022).disc(0.075, 0.845, 0.022)
    feet = mirrored("4,2 6,7 16,8 24,4 26,-3 6,-3")
    blush = Shape().disc(-0.15, 0.68, 0.05, 0.035).disc(0.15, 0.68, 0.05, 0.035)

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        white, orange = tinted(stage, "#f6f2ea", 0.08), tinted(stage, "#f09a2e", 0.05)
        black = mix(from_hex("#20232c"), stage.haze, 0.06)
        stage.put(feet, x, y, size, orange, flip=flip, rim=0.3)
        stage.put(coat, x, y, size, black, flip=flip)
        stage.put(front, x, y, size, white, flip=flip, rim=0, shade=0.12)
        stage.put(
            blush, x, y, size, mix(orange, white, 0.35), flip=flip, rim=0, strength=0.6, within=coat
        )
        stage.put(wings, x, y, size, lighter(black, 0.03), flip=flip, rim=0.5)
        stage.put(face, x, y, size, white, flip=flip, rim=0)
        stage.put(eyes, x, y, size, black, flip=flip, rim=0)
        stage.put(beak, x, y, size, orange, flip=flip, rim=0.3)

    stage.crowd(
        mention, coat, 0.34, mix(from_hex("#20232c"), stage.haze, 0.06), after=rest, firm=True
    )


@ELEMENTS.add("giraffe", "giraffe, 长颈鹿", "stand", 70, near="okapi")
def giraffe(stage: Stage, mention: Mention) -> None:
    """A giraffe with its patches, looking over everything."""
    body = (
        Shape()
        .blob(
            *path(
                "-34,58 -30,68 -10,72 8,76 16,90 24,118 30,136 36,140 40,134 34,112 28,86 22,66 14,54 -10,50 -30,50"
            )
        )
        .blob(*path("28,136 30,146 40,149 52,142 60,134 58,129 48,130 38,130"))
        .line(path("34,147 33,157"), 0.022, 0.026)
        .line(path("40,148 41,158"), 0.022, 0.026)
        .blob(*path("30,144 20,150 24,142"))
    )
    legs = Shape()
    for line in (
        "16,58 18,30 16,0",
        "8,56 7,28 10,2",
        "-28,58 -30,30 -28,0",
        "-20,54 -18,28 -21,2",
    ):
        legs.line(path(line), 0.075, 0.035)
    tail = Shape().line(path("-33,62 -42,48 -43,34"), 0.022, 0.014).disc(-0.43, 0.32, 0.028, 0.04)
    patches = Shape()
    for x, y, r in (
        (-26, 60, 6), (-14, 64, 6), (-2, 66, 6), (-20, 54, 5), (-8, 56, 6), (4, 59, 6), (12, 66, 5), (17, 76, 5),
        (22, 86, 4.4), (20, 96, 4), (27, 96, 3.6), (25, 106, 4), (31, 112, 3.4), (29, 122, 3.6), (34, 128, 3), (14, 54, 4),
        (17, 44, 3), (-28, 46, 3), (-30, 36, 2.6), (16, 34, 2.4),
    ):  # fmt: skip
        patches.blob(
            *(
                (x / 100 + r / 100 * px, y / 100 + r / 100 * py)
                for px, py in ((-1, -0.6), (-0.8, 0.8), (0.3, 1), (1, 0.3), (0.6, -0.9))
            )
        )
    eye = Shape().disc(0.425, 1.42, 0.017)
    muzzle = Shape().blob(*path("50,142 60,135 58,129 50,130"))
    usual = tinted(stage, "#e0b35e")

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        own = stage.colour_of(mention, usual)
        brown = tinted(stage, "#8a5226", 0.1)
        stage.put(patches, x, y, size, brown, flip=flip, rim=0, within=whole)
        stage.put(tail, x, y, size, brown, flip=flip, rim=0)
        stage.put(muzzle, x, y, size, mix(own, from_hex("#f2e4c4"), 0.6), flip=flip, rim=0)
        stage.put(eye, x, y, size, from_hex("#1d1512"), flip=flip, rim=0)

    whole = Shape().with_parts_of(legs, 0, 0).with_parts_of(body, 0, 0)
    stage.crowd(mention, whole, 0.4, usual, after=rest, firm=True)


@ELEMENTS.add(
    "cow", "cow, 奶牛, 牛", "stand", 70, near="bull, ox, buffalo, bison, calf, yak, 公牛, 水牛"
)
def cow(stage: Stage, mention: Mention) -> None:
    """A black and white cow."""
    body = (
        Shape()
        .blob(*path("-56,38 -56,62 -46,68 0,66 30,68 44,60 46,44 34,32 -40,32"))
        .blob(*path("34,60 40,74 50,80 60,76 72,62 74,54 66,50 54,54 44,48"))
        .line(path("-55,64 -64,50 -63,34"), 0.03, 0.018)
    )
    legs = Shape()
    for line in (
        "34,40 35,18 34,2",
        "24,38 23,18 24,3",
        "-50,44 -50,20 -51,2",
        "-38,38 -37,18 -38,3",
    ):
        legs.line(path(line), 0.12, 0.07)
    horns = (
        Shape()
        .line(path("46,78 42,88 46,92"), 0.035, 0.015)
        .line(path("54,79 58,89 55,93"), 0.035, 0.015)
    )
    ear = Shape().blob(*path("44,76 34,82 32,76 42,72"))
    marks = Shape().blob(*path("-50,70 -34,72 -26,60 -32,48 -46,50 -52,58"))
    marks.blob(*path("-8,70 12,70 16,54 4,44 -10,50 -14,60")).blob(
        *path("26,70 40,72 46,60 36,52 28,58")
    )
    muzzle = Shape().blob(*path("62,60 72,62 75,55 68,49 60,52"))
    eye = Shape().disc(0.545, 0.71, 0.02)
    udder = Shape().blob(*path("-32,34 -30,24 -22,22 -16,32"))
    usual = tinted(stage, "#f0ebe0", 0.1)

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        black = mix(from_hex("#26222a"), stage.haze, 0.06)
        pink = tinted(stage, "#e0a596", 0.05)
        stage.put(udder, x, y, size, pink, flip=flip, rim=0)
        stage.put(marks, x, y, size, black, flip=flip, rim=0, within=body)
        stage.put(horns, x, y, size, tinted(stage, "#d8cbb0"), flip=flip, rim=0.3)
        stage.put(ear, x, y, size, black, flip=flip, rim=0.3)
        stage.put(muzzle, x, y, size, pink, flip=flip, rim=0)
        stage.put(eye, x, y, size, black, flip=flip, rim=0)

    whole = Shape().with_parts_of(legs, 0, 0).with_parts_of(body, 0, 0)
    stage.crowd(mention, whole, 0.38, usual, after=rest, firm=True)


@ELEMENTS.add(
    "sheep", "sheep, lamb, 绵羊, 羊, 小羊", "stand", 70, near="goat, alpaca, llama, 山羊, 羊驼"
)
def sheep(stage: Stage, mention: Mention) -> None:
    """A cloud of wool on four legs."""
    wool = Shape()
    for x, y, r in (
        (-34, 40, 16), (-20, 54, 16), (0, 58, 17), (18, 54, 16), (30, 42, 15), (18, 30, 15), (-4, 28, 16), (-24, 30, 15), (0, 42, 24),
    ):  # fmt: skip
        wool.disc(x / 100, y / 100, r / 100)
    legs = Shape()
    for x in (-24, -12, 12, 23):
        legs.line([(x / 100, 0.26), (x / 100, 0.0)], 0.07, 0.055)
    head = Shape().blob(*path("32,60 34,72 44,76 54,70 58,56 52,48 42,48"))
    ears = Shape().blob(*path("34,68 22,72 24,64 32,62"))
    tuft = Shape().disc(0.4, 0.75, 0.075).disc(0.33, 0.72, 0.06)
    eye = Shape().disc(0.47, 0.645, 0.02)
    usual = tinted(stage, "#f3eee2", 0.1)

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        dark = mix(from_hex("#3a3230"), stage.haze, 0.08)
        stage.put(legs, x, y, size, dark, flip=flip, rim=0.2)
        stage.put(wool, x, y, size, stage.colour_of(mention, usual), flip=flip, shade=0.2)
        stage.put(head, x, y, size, dark, flip=flip, rim=0.5)
        stage.put(ears, x, y, size, dark, flip=flip, rim=0.3)
        stage.put(
            tuft, x, y, size, lighter(stage.colour_of(mention, usual), 0.02), flip=flip, rim=0.3
        )
        stage.put(eye, x, y, size, tinted(stage, "#f6f2ea"), flip=flip, rim=0)

    stage.crowd(mention, wool, 0.34, usual, after=rest, firm=True)


@ELEMENTS.add("frog", "frog, toad, 青蛙, 蛙", "stand", 70, near="lizard, gecko")
def frog(stage: Stage, mention: Mention) -> None:
    """A sitting frog with high eyes and a wide mouth."""
    body = Shape().blob(*path("-30,4 -36,24 -30,46 -22,58 22,58 30,46 36,24 30,4 0,0"))
    legs = mirrored("26,4 36,6 48,24 46,36 36,36 30,20").blob(*path("-50,0 -30,6 -20,0 -34,-5"))
    legs.blob(*path("50,0 30,6 20,0 34,-5"))
    eyes = Shape().disc(-0.18, 0.6, 0.105).disc(0.18, 0.6, 0.105)
    whites = Shape().disc(-0.18, 0.61, 0.075).disc(0.18, 0.61, 0.075)
    pupils = Shape().disc(-0.18, 0.61, 0.046, 0.026).disc(0.18, 0.61, 0.046, 0.026)
    belly = Shape().blob(*path("-18,4 -22,22 -14,36 0,40 14,36 22,22 18,4 0,2"))
    mouth = Shape().line(path("-24,46 -12,41 0,40 12,41 24,46"), 0.014)
    arms = (
        Shape()
        .line(path("-14,26 -17,8 -16,0"), 0.065, 0.05)
        .line(path("14,26 17,8 16,0"), 0.065, 0.05)
    )
    usual = tinted(stage, "#6fa63c", 0.08)

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        own = stage.colour_of(mention, usual)
        dark = mix(own, stage.palette.ink, 0.55)
        stage.put(body, x, y, size, own, flip=flip, shade=0.15)
        stage.put(belly, x, y, size, mix(own, from_hex("#f0ecc0"), 0.65), flip=flip, rim=0)
        stage.put(arms, x, y, size, lighter(own, -0.04), flip=flip, rim=0.4)
        stage.put(mouth, x, y, size, dark, flip=flip, rim=0)
        stage.put(eyes, x, y, size, own, flip=flip, rim=0.5)
        stage.put(whites, x, y, size, tinted(stage, "#f4e9a8", 0.03), flip=flip, rim=0)
        stage.put(pupils, x, y, size, from_hex("#171412"), flip=flip, rim=0)

    stage.crowd(mention, legs, 0.34, mix(usual, stage.palette.ink, 0.15), after=rest, firm=True)


@ELEMENTS.add(
    "pig", "pig, piglet, 猪, 小猪", "stand", 70, near="boar, guinea pig, hippo, 野猪, 河马"
)
def pig(stage: Stage, mention: Mention) -> None:
    """A round pink pig with a curly tail."""
    body = Shape().blob(*path("-46,26 -46,46 -32,58 0,60 26,56 40,44 40,26 26,16 -30,16"))
    legs = Shape()
    for x in (-32, -20, 16, 28):
        legs.line([(x / 100, 0.24), (x / 100, 0.0)], 0.1, 0.075)
    head = (
        Shape()
        .blob(*path("26,44 30,60 44,66 56,58 60,46 54,36 38,34"))
        .area(*path("32,60 30,76 44,66"))
    )
    head.area(*path("46,64 54,76 58,60"))
    snout = Shape().disc(0.58, 0.45, 0.075, 0.085)
    holes = Shape().disc(0.565, 0.45, 0.014, 0.024).disc(0.6, 0.45, 0.014, 0.024)
    eye = Shape().disc(0.455, 0.55, 0.02)
    tail = Shape().line(path("-45,44 -54,48 -56,40 -50,38 -52,48 -60,50"), 0.026, 0.014)
    usual = tinted(stage, "#eda6a0", 0.08)

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        own = stage.colour_of(mention, usual)
        stage.put(head, x, y, size, lighter(own, 0.02), flip=flip, rim=0.5)
        stage.put(snout, x, y, size, lighter(own, -0.07), flip=flip, rim=0.4)
        stage.put(holes, x, y, size, mix(own, stage.palette.ink, 0.6), flip=flip, rim=0)
        stage.put(eye, x, y, size, from_hex("#241a18"), flip=flip, rim=0)

    whole = Shape().with_parts_of(tail, 0, 0).with_parts_of(legs, 0, 0).with_parts_of(body, 0, 0)
    stage.crowd(mention, whole, 0.36, usual, after=rest, firm=True)
