"""Things that float, fly and shine: boats, balloons, lanterns, kites, umbrellas, hearts, crystals."""

from __future__ import annotations

from math import sin

import numpy as np

from engines.sketch.element import Elements
from engines.sketch.mention import Mention
from engines.sketch.palette import lighter, mix
from engines.sketch.shape import Shape, path
from engines.sketch.stage import Stage

ELEMENTS = Elements()


@ELEMENTS.add(
    "sailboat",
    "sailboat, boat, sailing, 帆船, 船, 小船, 帆, 小舟, 舟",
    "float",
    60,
    near="ship, yacht, vessel, fishing boat, canoe, gondola, pirate ship, 轮船, 渔船",
)
def sailboat(stage: Stage, mention: Mention) -> None:
    """A hull, a mast, two bright sails, and the reflection of it all."""
    hull = Shape().blob(*path("-38,14 0,10 42,17 31,0 10,-3 -25,-1"))
    main = Shape().area(*path("0,16 3,98 14,62 28,34 37,18"))
    jib = Shape().area(*path("-3,18 0,88 -14,50 -33,20"))
    mast = Shape().line(path("0,8 1,102"), 0.022, 0.012)
    usual = lighter(mix(stage.palette.light, stage.haze, 0.15), -0.14 * stage.palette.darkness)
    sail = stage.colour_of(mention, usual)

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        stage.put(mast, x, y, size, stage.palette.ink, flip=flip)
        stage.put(main, x, y, size, sail, flip=flip, rim=0.3)
        stage.put(jib, x, y, size, mix(sail, stage.palette.sky[1], 0.28), flip=flip, rim=0.3)

    wood = mix(stage.palette.ink, stage.accent(0), 0.2)
    hull_image = hull.moved(lambda x, y: (x, -y * 0.8))
    sail_image = (
        Shape()
        .with_parts_of(main, 0, 0)
        .with_parts_of(jib, 0, 0)
        .moved(lambda x, y: (x, -y * 0.62))
    )
    if not stage.canvas.tile:
        for x, y, size in stage.spots(mention, 0.27):
            flip = stage.facing(x)
            stage.put(
                sail_image,
                x,
                y,
                size,
                mix(stage.palette.water, sail, 0.55),
                flip=flip,
                strength=0.35,
                rim=0,
            )
            stage.put(
                hull_image,
                x,
                y,
                size,
                mix(stage.palette.water, wood, 0.7),
                flip=flip,
                strength=0.6,
                rim=0,
            )
    stage.crowd(mention.uncoloured(), hull, 0.27, wood, after=rest)


#: radius and height along a balloon's seam
SEAM = path("7,24 22,38 32,54 35,70 30,85 18,96 6,100")


@ELEMENTS.add(
    "balloon", "hot air balloon, balloon, air balloon, 热气球, 气球", "fly", 61, many=True
)
def balloon(stage: Stage, mention: Mention) -> None:
    """Striped balloons at several distances, each with its basket; indoors, toy balloons on strings."""
    if stage.plan.has("room", "table", "cake"):
        _toy_balloons(stage, mention)
        return
    rng = stage.rng("balloon")
    envelope = Shape().blob(*((-r, h) for r, h in SEAM), *((r, h) for r, h in reversed(SEAM)))
    basket = Shape().box(-0.055, 0.0, 0.055, 0.08)
    basket.line(path("-5,8 -7,24"), 0.01).line(path("5,8 7,24"), 0.01)
    spots = stage.spots(mention, 0.3, usual=4)
    for i, (x, y, size) in enumerate(spots):
        far = 0.4 * (1 - (i + 1) / len(spots))
        one = stage.colour_of(mention, stage.accent(i))
        other = mix(stage.palette.light, one, 0.12 + 0.2 * rng.random())
        stage.put(envelope, x, y, size, one, far=far, shade=0.22, rim=0.6)
        for left, right in ((-0.86, -0.52), (-0.16, 0.2), (0.56, 0.86)):
            gore = [(left * r, h) for r, h in SEAM] + [(right * r, h) for r, h in reversed(SEAM)]
            stage.put(Shape().blob(*gore), x, y, size, other, far=far, rim=0.1, shade=0.22)
        stage.put(basket, x, y, size, mix(stage.palette.ink, stage.accent(1), 0.3), far=far)


def _toy_balloons(stage: Stage, mention: Mention) -> None:
    skin = (
        Shape()
        .blob(*path("0,62 -18,74 -24,94 -16,112 0,118 16,112 24,94 18,74"))
        .area(*path("-4,60 4,60 0,65"))
    )
    shine = Shape().disc(-0.09, 1.03, 0.045, 0.075)
    string = Shape().line(path("0,60 3,40 -3,20 2,0"), 0.012)
    rng = stage.rng("toy balloons")
    for i in range(min(mention.count or 5, 9)):
        x = 0.1 + 0.8 * ((i * 0.382 + stage.place(mention)) % 1.0)
        y, size = 0.42 + 0.14 * rng.random(), 0.28 * stage.size(mention) * rng.uniform(0.85, 1.1)
        own = stage.colour_of(mention, stage.accent(i))
        stage.put(string, x, y, size, mix(stage.palette.light, stage.palette.ink, 0.3), rim=0)
        stage.put(skin, x, y, size, own, rim=0.4, shade=0.15)
        stage.put(shine, x, y, size, mix(own, stage.palette.light, 0.7), rim=0, strength=0.7)


@ELEMENTS.add(
    "lantern",
    "lantern, paper lantern, sky lantern, floating lantern, 灯笼, 孔明灯, 天灯, 河灯",
    "fly",
    83,
    mood="night",
    spread="around",
    near="street lamp, 路灯",
    many=True,
)
def lantern(stage: Stage, mention: Mention) -> None:
    """Rising paper lanterns, lit from within; distant ones are small."""
    rng = stage.rng("lantern")
    warm = stage.colour_of(mention, np.array([0.72, 0.1, 0.13], np.float32))
    body = Shape().blob(*path("-28,4 -40,50 -35,96 35,96 40,50 28,4"))
    flame = Shape().disc(0, 0.26, 0.15, 0.2)
    count = min((mention.count or 18), 30)
    for i in range(count):
        near = (i + 0.5) / count
        x, y = rng.random(), 0.08 + 0.72 * rng.random()
        size = 0.02 + 0.075 * near**2 * stage.size(mention)
        stage.halo(x, y - size * 0.4, size * 1.7, warm, 0.3)
        stage.put(body, x, y, size, warm, rim=0.0, shade=-0.35)
        stage.light_up(flame, x, y, size, lighter(mix(warm, stage.palette.light, 0.6), 0.08))


@ELEMENTS.add("kite", "kite, 风筝, 纸鸢", "fly", 63, many=True)
def kite(stage: Stage, mention: Mention) -> None:
    """A two-coloured kite on crossed sticks, with a tail of bows."""
    whole = Shape().area(*path("0,100 32,66 0,12 -32,66"))
    half = Shape().area(*path("0,100 0,66 -32,66")).area(*path("0,66 32,66 0,12"))
    tail = Shape()
    line = [(0.07 * sin(7 * t), 0.12 - 0.7 * t) for t in np.linspace(0, 1, 14)]
    tail.line(line, 0.012, 0.006)
    for x, y in line[3::3]:
        tail.area((x, y), (x - 0.07, y + 0.035), (x - 0.07, y - 0.035)).area(
            (x, y), (x + 0.07, y + 0.035), (x + 0.07, y - 0.035)
        )
    lean = -18 if stage.plan.mirrored else 18
    for i, (x, y, size) in enumerate(stage.spots(mention, 0.22, usual=2)):
        own = stage.colour_of(mention, stage.accent(i))
        stage.put(tail.turned(lean), x, y, size, mix(own, stage.palette.ink, 0.4), rim=0)
        stage.put(whole.turned(lean), x, y, size, own)
        stage.put(half.turned(lean), x, y, size, mix(own, stage.palette.light, 0.5), rim=0)


@ELEMENTS.add("umbrella", "umbrella, 雨伞, 伞", "stand", 73, near="parasol, 油纸伞")
def umbrella(stage: Stage, mention: Mention) -> None:
    """An umbrella, and somebody walking under it."""
    under = Shape().line(path("0,0 0,100"), 0.02)
    if "person" not in stage.plan.refused:
        under = (
            Shape()
            .blob(*path("-10,0 -12,40 -9,58 9,58 12,40 10,0 3,4 -4,2"))
            .disc(0, 0.68, 0.065, 0.075)
        )
    roof = Shape().blob(
        *path("-46,70 -38,88 -20,100 0,104 20,100 38,88 46,70 31,75 15,69 0,75 -15,69 -31,75")
    )
    ribs = Shape()
    for k in (-31, -15, 0, 15, 31):
        ribs.line([(0, 1.04), (k / 130, 0.9), (k / 100, 0.73)], 0.008)
    ribs.line(path("0,104 0,110"), 0.014)

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        own = stage.colour_of(mention, stage.accent(0))
        stage.put(roof, x, y, size, own, flip=flip, shade=0.2)
        stage.put(ribs, x, y, size, mix(own, stage.palette.ink, 0.5), flip=flip, rim=0)

    dark = mix(stage.palette.ink, stage.palette.near, 0.15)
    stage.crowd(mention.uncoloured(), under, 0.32, dark, after=rest)


@ELEMENTS.add(
    "heart", "heart, 心, 爱心", "fly", 76, mood="pastel", near="love, valentine, 爱, 爱情"
)
def heart(stage: Stage, mention: Mention) -> None:
    shape = Shape().blob(
        *path(
            "0,6 -22,26 -44,50 -48,72 -36,90 -18,92 -4,82 0,72 4,82 18,92 36,90 48,72 44,50 22,26"
        )
    )
    shine = Shape().blob(*path("-34,62 -34,76 -24,82 -18,76 -28,70"))
    red = mix(np.array([0.62, 0.19, 0.08], np.float32), stage.accent(0), 0.25)
    for x, y, size in stage.spots(mention, 0.3):
        own = stage.colour_of(mention, red)
        stage.halo(x, y - size * 0.4, size * 1.1, own, 0.25)
        stage.put(shape, x, y, size, own, shade=0.3, rim=0.7)
        stage.put(shine, x, y, size, mix(own, stage.palette.light, 0.6), rim=0, strength=0.8)


@ELEMENTS.add(
    "crystal",
    "crystal, crystals, quartz, 水晶, 晶体",
    "stand",
    75,
    mood="fantasy",
    near="gem, gemstone, diamond, 宝石, 钻石, amethyst",
    many=True,
)
def crystal(stage: Stage, mention: Mention) -> None:
    """A cluster of prisms, each with a lit and a shaded face, and light from within."""
    rng = stage.rng("crystal")
    for x, y, size in stage.spots(mention, 0.44):
        own = stage.colour_of(mention, mix(stage.accent(1), stage.palette.light, 0.15))
        stage.halo(x, y - size * 0.4, size * 0.9, own, 0.4)
        prisms = [(rng.uniform(0.4, 0.8), lean) for lean in (-48, 44, -26, 30, -12, 16)]
        for tall, lean in [*prisms, (1.0, rng.uniform(-6, 6))]:
            w = 0.07 + 0.06 * tall
            body = Shape().area(
                (-w, -0.05), (-w, tall * 0.78), (0, tall), (w, tall * 0.78), (w, -0.05)
            )
            lit = Shape().area(
                (-w, -0.05),
                (-w, tall * 0.78),
                (0, tall),
                (-w * 0.15, tall * 0.72),
                (-w * 0.2, -0.05),
            )
            deep = Shape().area(
                (w, -0.05), (w, tall * 0.78), (0, tall), (w * 0.45, tall * 0.7), (w * 0.4, -0.05)
            )
            stage.put(body.turned(lean), x, y, size, own, shade=0.2, rim=0.3)
            stage.put(lit.turned(lean), x, y, size, mix(own, stage.palette.light, 0.6), rim=0)
            stage.put(deep.turned(lean), x, y, size, mix(own, stage.palette.ink, 0.4), rim=0)
