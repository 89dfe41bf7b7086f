"""People from behind or as small silhouettes; and a robot and a mermaid."""

from __future__ import annotations

import numpy as np

from engines.sketch.element import Elements
from engines.sketch.mention import Mention
from engines.sketch.noise import Floats
from engines.sketch.palette import lighter, mix
from engines.sketch.shape import Shape, path
from engines.sketch.stage import Stage

ELEMENTS = Elements()


def cloth(stage: Stage, index: int = 0) -> Floats:
    """Return a garment's colour: an accent, dark enough to stand out against the sky."""
    return mix(stage.accent(index), stage.palette.ink, 0.45 + 0.2 * stage.palette.darkness)


def body_dark(stage: Stage) -> Floats:
    """Return the colour of heads, hands and boots against the light."""
    return mix(stage.palette.ink, stage.palette.near, 0.12)


@ELEMENTS.add(
    "person",
    "person, figure, silhouette, 人, 背影",
    "stand",
    72,
    near="guy, gentleman, traveler, traveller, wanderer, hiker, monk, fisherman, farmer, stranger, hero, prince, king, "
    "boxer, doctor, chef, sailor, 旅人, 行人, 渔夫",
    takes="colour, size, count, flying, old",
    forms={
        "man": "man, 男人",
        "young": "boy, child, kid, toddler, 男孩, 孩子, 少年, 小孩",
        "old": "old man, grandfather, elder, 老人, 爷爷",
    },
)
def person(stage: Stage, mention: Mention) -> None:
    """A wanderer in a long coat with a stick, seen from behind."""
    coat = Shape().blob(*path("-13,14 -11,44 -14,66 -9,78 9,78 14,66 12,44 16,14 4,17 -6,13"))
    rest_of = (
        Shape()
        .disc(0.0, 0.88, 0.068, 0.078)
        .box(-0.03, 0.76, 0.03, 0.83)
        .line(path("-5,20 -7,8 -8,0"), 0.07, 0.05)
        .line(path("6,20 6,8 8,0"), 0.07, 0.05)
        .line(path("12,66 20,50 22,42"), 0.055, 0.04)
        .line(path("22,60 23,0"), 0.016, 0.014)
    )

    young, old = "young" in mention.qualities, "old" in mention.qualities
    if young:
        # a child: a larger head on a shorter body
        coat, rest_of = (part.moved(lambda x, y: (x * 1.2, y * 0.92)) for part in (coat, rest_of))
        rest_of.disc(0.0, 0.84, 0.095, 0.1)
    hair = Shape().blob(*path("-7,84 -8,93 0,98 8,93 7,84 0,88"))

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        stage.put(rest_of, x, y, size, body_dark(stage), flip=flip)
        stage.put(coat, x, y, size, stage.colour_of(mention, cloth(stage)), flip=flip)
        if old:
            stage.put(hair, x, y, size, mix(stage.palette.light, stage.haze, 0.3), flip=flip, rim=0)

    height = 0.21 if young else 0.3
    stage.crowd(mention.uncoloured(), rest_of, height, body_dark(stage), after=rest)


@ELEMENTS.add(
    "woman",
    "woman, lady, 女人, 女子",
    "stand",
    72,
    near="princess, queen, dancer, bride, ballerina, fairy, goddess, witch, model, actress, "
    "公主, 女王, 舞者, 仙女, 新娘, 女巫",
    takes="colour, size, count, flying, old",
    forms={"young": "girl, young woman, 女孩, 少女", "old": "old woman, grandmother, 奶奶"},
)
def woman(stage: Stage, mention: Mention) -> None:
    """A woman in a long dress, her hair and hem in the wind."""
    dress = Shape().blob(
        *path("-6,76 6,76 8,66 5,55 9,44 19,22 34,4 20,0 4,3 -8,0 -20,2 -16,20 -8,42 -5,55 -8,66")
    )
    skin = (
        Shape()
        .disc(0.0, 0.88, 0.055, 0.068)
        .line(path("0,74 0,84"), 0.04)
        .line(path("-6,72 -11,58 -10,46"), 0.036, 0.028)
        .line(path("6,72 13,60 20,52"), 0.036, 0.028)
    )
    hair = Shape().blob(
        *path("6,95 -2,98 -8,92 -9,82 -14,72 -24,66 -30,68 -20,76 -14,86 -8,78 -5,84 3,92")
    )

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        pale = mix(mix(stage.palette.light, stage.accent(0), 0.3), stage.palette.ink, 0.5)
        stage.put(skin, x, y, size, pale, flip=flip)
        grey = mix(stage.palette.light, stage.haze, 0.3)
        locks = grey if "old" in mention.qualities else body_dark(stage)
        stage.put(hair, x, y, size, locks, flip=flip)
        stage.put(
            dress, x, y, size, stage.colour_of(mention, lighter(cloth(stage), 0.06)), flip=flip
        )

    height = 0.27 if "young" in mention.qualities else 0.32
    stage.crowd(mention.uncoloured(), dress, height, cloth(stage), after=rest)


@ELEMENTS.add(
    "couple",
    "couple, lovers, two people, 情侣, 恋人, 夫妻",
    "stand",
    72,
    near="family, friends, people, crowd, wedding, 家人, 朋友, 人群, 人们",
    many=True,
)
def couple(stage: Stage, mention: Mention) -> None:
    """Two people standing close, looking the same way."""
    one = Shape().blob(*path("-29,0 -26,40 -30,64 -24,78 -12,78 -6,64 -10,40 -9,0 -18,4"))
    one.disc(-0.18, 0.88, 0.065, 0.075).line(path("-8,68 2,52 6,50"), 0.05, 0.04)
    two = Shape().blob(*path("2,64 6,71 15,71 20,62 16,44 26,8 22,0 2,0 0,8 8,44"))
    two.disc(0.09, 0.8, 0.056, 0.064).blob(*path("4,84 14,86 18,76 17,64 11,62 12,74"))

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        stage.put(two, x, y, size, stage.colour_of(mention, cloth(stage, 1)), flip=flip)

    stage.crowd(mention.uncoloured(), one, 0.29, body_dark(stage), after=rest)


@ELEMENTS.add(
    "samurai",
    "samurai, swordsman, ronin, 武士",
    "stand",
    72,
    near="warrior, ninja, soldier, viking, gladiator, 战士, 侠客, 剑客, 忍者, 将军",
)
def samurai(stage: Stage, mention: Mention) -> None:
    """A swordsman in a wide hat, his sleeves in the wind, his blade drawn."""
    dark = (
        Shape()
        .blob(*path("-12,76 12,76 18,62 12,46 22,8 26,0 8,0 2,24 -6,0 -24,0 -18,12 -10,46 -16,60"))
        .disc(0.0, 0.85, 0.06, 0.07)
        .blob(*path("-12,72 -26,60 -40,56 -34,68 -20,76"))
    )
    hat = Shape().area(*path("-24,86 0,102 24,86 12,84 -12,84"))
    sash = (
        Shape()
        .area(*path("-11,48 12,48 13,42 -12,42"))
        .blob(*path("-10,46 -24,40 -36,28 -24,34 -12,40"))
    )
    blade = Shape().line(path("16,50 34,38 62,14"), 0.018, 0.008)
    arm = Shape().line(path("10,70 20,58 17,49"), 0.07, 0.045)

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        stage.put(hat, x, y, size, mix(body_dark(stage), stage.accent(1), 0.35), flip=flip)
        stage.put(sash, x, y, size, cloth(stage), flip=flip, rim=0.2)
        stage.put(arm, x, y, size, stage.colour_of(mention, body_dark(stage)), flip=flip)
        stage.light_up(blade, x, y, size, mix(stage.palette.light, stage.haze, 0.2), flip=flip)

    stage.crowd(mention, dark, 0.36, body_dark(stage), after=rest)


@ELEMENTS.add("knight", "knight, 骑士", "stand", 72, near="paladin, crusader, templar")
def knight(stage: Stage, mention: Mention) -> None:
    """A knight in plate: closed helmet with a plume, shield and raised sword."""
    plate = (
        Shape()
        .line(path("-7,36 -9,18 -10,4"), 0.13, 0.09)
        .line(path("7,36 9,18 11,4"), 0.13, 0.09)
        .blob(*path("-16,0 -16,5 -5,7 -4,0"))
        .blob(*path("16,0 17,5 6,7 4,0"))
        .blob(*path("-15,36 -19,58 -16,74 16,74 19,58 15,36 0,32"))
        .disc(-0.18, 0.7, 0.075)
        .disc(0.18, 0.7, 0.075)
        .line(path("18,68 28,58 30,66"), 0.08, 0.07)
    )
    helmet = Shape().blob(*path("-10,76 -11,90 -6,98 0,100 6,98 11,90 10,76 0,72"))
    slit = Shape().line(path("-9,87 9,87"), 0.022).line(path("0,87 0,78"), 0.014)
    plume = Shape().blob(*path("0,99 -6,110 -20,112 -28,102 -22,100 -12,104"))
    skirt = Shape().area(*path("-15,40 15,40 19,26 6,30 0,25 -6,30 -19,26"))
    sword = Shape().line(path("30,64 42,118"), 0.035, 0.012)
    hilt = Shape().line(path("25,70 37,67"), 0.026).line(path("30,64 28,58"), 0.028)
    shield = Shape().blob(*path("-38,64 -26,66 -14,64 -14,48 -20,34 -26,28 -32,34 -38,48"))
    cross = Shape().line(path("-26,62 -26,34"), 0.035).line(path("-36,52 -16,52"), 0.035)
    steel = mix(np.array([0.68, -0.005, -0.012], np.float32), stage.haze, 0.18)
    steel = lighter(steel, -0.16 * stage.palette.darkness)

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        cloth_of = stage.colour_of(mention, mix(stage.accent(0), stage.palette.ink, 0.25))
        stage.put(plume, x, y, size, cloth_of, flip=flip)
        stage.put(skirt, x, y, size, cloth_of, flip=flip, rim=0.3)
        stage.put(helmet, x, y, size, lighter(steel, 0.04), flip=flip, rim=0.8)
        stage.put(slit, x, y, size, stage.palette.ink, flip=flip, rim=0)
        stage.put(hilt, x, y, size, mix(stage.accent(1), stage.palette.ink, 0.4), flip=flip, rim=0)
        stage.light_up(sword, x, y, size, mix(stage.palette.light, steel, 0.3), flip=flip)
        stage.put(shield, x, y, size, cloth_of, flip=flip, rim=0.7)
        stage.put(cross, x, y, size, mix(stage.palette.light, steel, 0.3), flip=flip, rim=0)

    stage.crowd(mention.uncoloured(), plate, 0.38, steel, after=rest, rim=0.7)


@ELEMENTS.add(
    "wizard",
    "wizard, mage, sorcerer, 巫师, 法师, 魔法师",
    "stand",
    72,
    mood="fantasy",
    near="magician, druid",
)
def wizard(stage: Stage, mention: Mention) -> None:
    """A pointed hat, a long robe, and a staff that shines."""
    robe = Shape().blob(*path("-8,74 8,74 13,58 10,40 20,6 24,0 -22,0 -18,8 -10,40 -13,58"))
    robe.line(path("8,68 18,56 24,56"), 0.07, 0.05)
    hat = Shape().area(*path("-18,84 18,84 7,88 -4,116 -10,120 -7,88"))
    head = Shape().disc(0, 0.8, 0.055, 0.062)
    beard = Shape().blob(*path("-5,78 5,78 3,62 -1,54 -4,62"))
    staff = Shape().line(path("25,0 25,86"), 0.022)
    orb = Shape().disc(0.25, 0.91, 0.045)

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        stage.put(staff, x, y, size, body_dark(stage), flip=flip)
        stage.put(head, x, y, size, mix(body_dark(stage), stage.palette.light, 0.3), flip=flip)
        stage.put(beard, x, y, size, mix(stage.palette.light, stage.haze, 0.3), flip=flip, rim=0)
        stage.put(hat, x, y, size, stage.colour_of(mention, cloth(stage, 2)), flip=flip)
        glow = mix(stage.accent(1), stage.palette.light, 0.4)
        side = -0.25 if flip else 0.25
        orb_x = x + side * size * stage.canvas.unit / stage.canvas.width
        orb_y = y - 0.91 * size * stage.canvas.unit / stage.canvas.height
        stage.halo(orb_x, orb_y, size * 0.5, glow, 0.4)
        stage.light_up(orb, x, y, size, lighter(glow, 0.1), flip=flip)

    stage.crowd(mention, robe, 0.36, cloth(stage, 2), after=rest)


@ELEMENTS.add(
    "astronaut",
    "astronaut, cosmonaut, spaceman, space suit, spacesuit, 宇航员, 航天员, 太空人",
    "stand",
    72,
    mood="space",
)
def astronaut(stage: Stage, mention: Mention) -> None:
    """A white suit, a dark visor that reflects the light, a backpack."""
    pack = Shape().blob(*path("-20,42 -20,76 -14,80 14,80 20,76 20,42"))
    suit = (
        Shape()
        .blob(*path("-15,40 -17,66 -12,76 12,76 17,66 15,40 8,34 -8,34"))
        .line(path("-8,38 -10,18 -11,4"), 0.14, 0.12)
        .line(path("8,38 10,18 11,4"), 0.14, 0.12)
        .blob(*path("-19,0 -19,6 -5,7 -5,0"))
        .blob(*path("19,0 19,6 5,7 5,0"))
        .line(path("-15,70 -25,54 -24,40"), 0.11, 0.085)
        .line(path("15,70 26,56 28,42"), 0.11, 0.085)
        .disc(0, 0.87, 0.145, 0.14)
    )
    visor = Shape().blob(*path("-10,84 -10,91 -4,95 6,95 10,90 10,84 5,80 -5,80"))
    glint = Shape().blob(*path("-7,88 -6,92 -1,93 -4,89"))
    badge = Shape().box(-0.06, 0.55, 0.06, 0.64)
    white = lighter(mix(stage.palette.light, stage.haze, 0.2), -0.06)

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        stage.put(suit, x, y, size, stage.colour_of(mention, white), flip=flip, shade=0.25)
        stage.put(badge, x, y, size, stage.accent(0), flip=flip, rim=0)
        stage.put(visor, x, y, size, mix(stage.palette.ink, stage.accent(1), 0.3), flip=flip, rim=0)
        stage.light_up(glint, x, y, size, stage.palette.light, flip=flip)

    stage.crowd(mention.uncoloured(), pack, 0.4, mix(white, stage.palette.ink, 0.5), after=rest)


@ELEMENTS.add(
    "robot",
    "robot, android, droid, 机器人",
    "stand",
    72,
    mood="cyberpunk",
    near="cyborg, mecha, mech, 机甲, 机械",
)
def robot(stage: Stage, mention: Mention) -> None:
    """A square-shouldered machine with glowing eyes and a glowing heart."""
    frame = (
        Shape()
        .area(*path("-20,40 -24,72 24,72 20,40"))
        .area(*path("-12,76 -13,94 13,94 12,76"))
        .box(-0.04, 0.7, 0.04, 0.78)
        .line(path("-26,68 -32,50 -30,32"), 0.08, 0.07)
        .line(path("26,68 32,50 30,32"), 0.08, 0.07)
        .disc(-0.26, 0.68, 0.07)
        .disc(0.26, 0.68, 0.07)
        .line(path("-10,42 -12,20 -12,4"), 0.1, 0.09)
        .line(path("10,42 12,20 12,4"), 0.1, 0.09)
        .box(-0.2, 0, -0.04, 0.05)
        .box(0.04, 0, 0.2, 0.05)
        .line(path("8,94 10,106"), 0.014)
        .disc(0.1, 1.06, 0.018)
    )
    eyes = Shape().disc(-0.055, 0.86, 0.028).disc(0.055, 0.86, 0.028).disc(0, 0.58, 0.04)
    metal = mix(stage.palette.ink, np.array([0.7, -0.01, -0.02], np.float32), 0.45)

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        stage.light_up(eyes, x, y, size, lighter(stage.accent(0), 0.06), flip=flip)

    stage.crowd(mention, frame, 0.4, metal, after=rest)


@ELEMENTS.add("mermaid", "mermaid, 美人鱼, 人鱼", "float", 72, mood="underwater", near="siren")
def mermaid(stage: Stage, mention: Mention) -> None:
    """Hair, arms, and a long tail with a broad fin."""
    tail = Shape().blob(
        *path("-10,52 -14,36 -4,16 14,4 34,6 46,0 62,-8 54,10 66,24 46,16 30,18 16,24 9,38 8,52")
    )
    torso = Shape().blob(*path("-8,52 -6,62 -9,74 9,74 6,62 8,52")).disc(0, 0.84, 0.06, 0.07)
    torso.line(path("-8,72 -20,62 -24,52"), 0.036, 0.026).line(
        path("8,72 20,78 28,86"), 0.036, 0.026
    )
    hair = Shape().blob(*path("8,90 -2,95 -10,88 -12,74 -22,62 -30,62 -22,72 -18,86 -10,96 4,98"))

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        skin = mix(mix(stage.palette.light, stage.accent(0), 0.3), stage.palette.water, 0.45)
        stage.put(torso, x, y, size, skin, flip=flip)
        stage.put(hair, x, y, size, mix(stage.accent(0), stage.palette.ink, 0.5), flip=flip)

    stage.crowd(mention, tail, 0.36, mix(stage.accent(2), stage.palette.water, 0.35), after=rest)
