"""Big cats and bears: each with the coat, the mane or the mask that tells it apart."""

from __future__ import annotations

from functools import partial

import numpy as np

from engines.sketch.element import Elements
from engines.sketch.mention import Mention
from engines.sketch.palette import from_hex, lighter, mix
from engines.sketch.scene.pets import mirrored, tinted
from engines.sketch.shape import Shape, path
from engines.sketch.stage import Stage

ELEMENTS = Elements()

#: a big cat that walks to the right, its head turned a little to us
TRUNK = "-64,50 -60,60 -44,65 -20,60 6,61 26,68 42,70 50,60 46,44 34,33 16,29 -8,32 -30,33 -46,34 -60,38"
HEAD = "40,72 42,82 50,88 60,87 67,81 75,75 82,70 82,63 76,57 64,53 52,54 43,61"


def _body() -> tuple[Shape, Shape, Shape]:
    """Return the legs behind, the body with the legs in front, and the head."""
    far = (
        Shape()
        .line(path("22,40 15,22 21,8 19,3"), 0.14, 0.08)
        .blob(*path("13,0 13,6 22,8 28,4 28,0"))
        .line(path("-42,40 -32,22 -38,10 -37,3"), 0.17, 0.08)
        .blob(*path("-42,0 -42,6 -33,8 -27,4 -27,0"))
    )
    near = (
        Shape()
        .blob(*path(TRUNK))
        .line(path("36,46 41,26 37,12 38,3"), 0.19, 0.095)
        .blob(*path("32,0 31,7 42,9 49,5 49,0"))
        .blob(*path("-66,50 -52,58 -38,46 -42,28 -52,18 -62,26"))
        .line(path("-54,30 -64,16 -59,8 -60,3"), 0.17, 0.09)
        .blob(*path("-66,0 -66,7 -55,9 -49,5 -49,0"))
    )
    head = Shape().blob(*path(HEAD)).disc(0.45, 0.86, 0.058, 0.062).disc(0.6, 0.88, 0.05, 0.055)
    return far, near, head


def _tail() -> Shape:
    return Shape().line(path("-60,56 -76,48 -88,34 -98,30 -106,36 -108,46"), 0.075, 0.05)


def _stripes() -> Shape:
    shape = Shape()
    for x, reach, lean in (
        (-56, 25, -3), (-47, 20, 3), (-38, 26, -2), (-28, 18, 3), (-19, 25, -2), (-9, 19, 2), (1, 25, -3),
        (11, 19, 2), (21, 28, -2), (30, 22, 3), (39, 26, 2),
    ):  # fmt: skip
        shape.line(
            [
                (x / 100, 0.72),
                ((x + lean) / 100, 0.72 - reach / 180),
                ((x + 3 * lean) / 100, 0.72 - reach / 80),
            ],
            0.042,
            0.008,
        )
    for x, y in ((-50, 36), (-36, 34), (4, 34), (22, 34)):
        shape.line([(x / 100, y / 100 - 0.08), (x / 100 + 0.015, y / 100 + 0.04)], 0.028, 0.008)
    for x, y in ((40, 30), (40, 21), (38, 13), (-53, 40), (-57, 30), (-60, 20), (-58, 13)):
        shape.line([(x / 100 - 0.1, y / 100), (x / 100 + 0.03, y / 100 + 0.015)], 0.026, 0.01)
    # the face: brow and cheeks
    for line in (
        "49,88 53,82",
        "55,89 57,83",
        "61,88 61,83",
        "41,68 49,66",
        "42,62 50,61",
        "46,56 53,58",
    ):
        shape.line(path(line), 0.022, 0.012)
    for x, y in ((-74, 49), (-84, 39), (-94, 31), (-104, 35)):
        shape.line([(x / 100 - 0.02, y / 100 - 0.05), (x / 100 + 0.02, y / 100 + 0.05)], 0.03)
    return shape


def _spots(rng: np.random.Generator) -> Shape:
    shape = Shape()
    for row, y in enumerate((62, 55, 48, 41, 35)):
        for x in range(-60, 48, 11):
            sx = (x + 5 * (row % 2) + rng.uniform(-2, 2)) / 100
            sy = (y + rng.uniform(-1.5, 1.5)) / 100
            size = 0.036 - 0.003 * row
            shape.disc(sx, sy, size, size * 0.85)
            shape.disc(sx + 0.004, sy, size * 0.45, size * 0.4, cut=True)
    for x, y in (
        (38, 30),
        (42, 22),
        (37, 16),
        (-55, 30),
        (-62, 22),
        (-58, 14),
        (20, 24),
        (-36, 24),
    ):
        shape.disc(x / 100, y / 100, 0.02)
    for x, y in ((50, 84), (56, 85), (47, 78), (46, 70), (50, 64), (54, 79), (60, 84)):
        shape.disc(x / 100, y / 100, 0.013)
    for x, y in ((-70, 52), (-80, 43), (-90, 33), (-100, 31)):
        shape.disc(x / 100, y / 100, 0.022)
    return shape


def _big_cat(stage: Stage, mention: Mention, *, coat: str, kind: str) -> None:
    """Paint a walking big cat: its coat, its marks, and a mane if it is a lion."""

    def shorter(x: float, y: float) -> tuple[float, float]:
        return (x if x > 18 / 100 else 0.18 + (x - 0.18) * 0.84, y * 1.04)

    far, near, head = _body()
    far, near, tail = far.moved(shorter), near.moved(shorter), _tail().moved(shorter)
    head = head.moved(shorter)
    outline = Shape().with_parts_of(tail, 0, 0).with_parts_of(near, 0, 0).with_parts_of(head, 0, 0)
    belly = Shape().blob(*path("-46,34 -30,38 0,36 20,36 32,42 36,32 16,26 -20,28"))
    muzzle = Shape().blob(*path("68,70 76,72 83,69 83,63 77,57 66,54 62,60"))
    cheek = Shape().blob(*path("47,62 56,66 62,62 60,54 52,53"))
    bib = Shape().blob(*path("42,56 52,54 50,42 42,34 38,44"))
    nose = Shape().blob(*path("77,72 84,71 84,67 80,66"))
    mouth = Shape().line(path("81,66 76,61 69,60"), 0.012, 0.008)
    eye = Shape().blob(*path("60,76 64,79 69,77 66,74"))
    pupil = Shape().disc(0.648, 0.767, 0.014, 0.018)
    ears = Shape().disc(0.45, 0.86, 0.03, 0.034).disc(0.6, 0.885, 0.025, 0.03)
    mane = Shape().blob(
        *path("20,62 22,80 32,94 46,101 60,98 67,90 62,80 58,66 60,54 56,42 46,32 34,34 24,46")
    )
    tuft = Shape().blob(*path("-106,40 -112,46 -113,57 -106,60 -101,52 -102,44"))
    usual = tinted(stage, coat)
    marks = (_stripes() if kind == "tiger" else _spots(stage.rng("rosettes"))).moved(shorter)
    face = (muzzle, cheek, bib, nose, mouth, eye, pupil, ears, mane, tuft, belly)
    muzzle, cheek, bib, nose, mouth, eye, pupil, ears, mane, tuft, belly = (
        part.moved(shorter) for part in face
    )

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        own = stage.colour_of(mention, usual)
        black = mix(stage.palette.ink, from_hex("#17130f"), 0.6)
        white = mix(own, from_hex("#f6efe2"), 0.14 if kind == "panther" else 0.75)
        white = lighter(white, -0.1 * stage.palette.darkness)
        spot = (x, y, size)
        stage.put(far, *spot, mix(own, stage.palette.ink, 0.28), flip=flip, rim=0.2)
        stage.put(outline, *spot, own, flip=flip, rim=0.6, shade=0.2)
        if kind != "panther":
            stage.put(belly, *spot, white, flip=flip, rim=0, within=near, strength=0.8)
            stage.put(bib, *spot, white, flip=flip, rim=0, within=outline, strength=0.6)
        if kind == "lion" and "lioness" not in mention.qualities:
            dark = mix(own, from_hex("#5a2f14"), 0.68)
            stage.put(tuft, *spot, dark, flip=flip, rim=0.3)
            stage.put(mane, *spot, dark, flip=flip, rim=0.7)
            stage.put(
                mane.moved(lambda mx, my: (0.08 + mx * 0.83, 0.1 + my * 0.86)),
                *spot,
                mix(dark, own, 0.35),
                flip=flip,
                rim=0,
            )
        stage.put(head, *spot, lighter(own, 0.03), flip=flip, rim=0.5)
        stage.put(ears, *spot, mix(own, black, 0.6), flip=flip, rim=0)
        stage.put(cheek, *spot, white, flip=flip, rim=0, strength=0.7)
        if kind in ("tiger", "leopard"):
            stage.put(marks, *spot, black, flip=flip, rim=0, within=outline, strength=0.92)
        stage.put(muzzle, *spot, white, flip=flip, rim=0, within=head)
        stage.put(
            nose, *spot, from_hex("#b0685c") if kind != "panther" else black, flip=flip, rim=0
        )
        stage.put(mouth, *spot, black, flip=flip, rim=0)
        amber = mix(np.array([0.82, 0.0, 0.16], np.float32), stage.accent(1), 0.15)
        stage.light_up(eye, *spot, amber, flip=flip)
        stage.light_up(pupil, *spot, black, flip=flip)

    whole = Shape().with_parts_of(far, 0, 0).with_parts_of(outline, 0, 0)
    stage.crowd(mention, whole, 0.46, usual, after=rest, firm=True)


ELEMENTS.add(
    "tiger",
    "tiger, bengal tiger, siberian tiger, 老虎, 虎",
    "stand",
    70,
    near="tigress, tiger cub",
)(partial(_big_cat, coat="#d9792a", kind="tiger"))
ELEMENTS.add(
    "lion",
    "lion, 狮子, 狮, 雄狮",
    "stand",
    70,
    near="big cat, puma, cougar",
    forms={"lioness": "lioness, 母狮"},
)(partial(_big_cat, coat="#c9974f", kind="lion"))
ELEMENTS.add(
    "leopard",
    "leopard, jaguar, 豹子, 豹, 美洲豹",
    "stand",
    70,
    near="cheetah, snow leopard, lynx, 猎豹, 雪豹",
)(partial(_big_cat, coat="#d8a85a", kind="leopard"))
ELEMENTS.add(
    "panther", "panther, black panther, 黑豹", "stand", 70,
)(partial(_big_cat, coat="#26242b", kind="panther"))  # fmt: skip


@ELEMENTS.add(
    "bear",
    "bear, brown bear, 熊, 棕熊",
    "stand",
    70,
    near="grizzly, grizzly bear, black bear",
    forms={"polar": "polar bear, 北极熊", "young": "bear cub, 小熊"},
)
def bear(stage: Stage, mention: Mention) -> None:
    """A bear on all fours: a hump, a round rump, small ears, a long muzzle."""
    polar, young = "polar" in mention.qualities, "young" in mention.qualities
    far = Shape().blob(*path("8,36 8,8 6,0 22,0 24,8 26,36"))
    far.blob(*path("-34,34 -36,8 -38,0 -22,0 -20,10 -18,32"))
    body = (
        Shape()
        .blob(*path("-62,34 -64,50 -52,64 -32,69 -10,66 12,72 30,74 46,66 50,52 44,38 30,28 0,25 -30,26 -52,24"))
        .blob(*path("22,44 24,10 22,0 42,0 44,8 44,44"))
        .blob(*path("-62,46 -58,12 -62,0 -41,0 -40,10 -32,40"))
    )  # fmt: skip
    head = Shape().blob(*path("34,60 36,74 46,82 58,80 66,70 80,62 82,55 76,50 62,50 48,46 38,50"))
    head.disc(0.42, 0.81, 0.06).disc(0.56, 0.83, 0.05)
    muzzle = Shape().blob(*path("66,68 76,64 83,59 82,53 76,50 66,51 62,58"))
    nose = Shape().blob(*path("78,62 84,61 84,56 80,56"))
    mouth = Shape().line(path("80,54 72,53 67,55"), 0.01)
    eye = Shape().disc(0.615, 0.69, 0.02)
    inner = Shape().disc(0.42, 0.81, 0.032).disc(0.56, 0.83, 0.026)
    claws = Shape()
    for x in (25, 31, 37, -58, -52, -46):
        claws.line([(x / 100 + 0.03, 0.02), (x / 100 + 0.045, 0.0)], 0.018, 0.006)
    usual = tinted(stage, "#ece6d8" if polar else "#6a4528", 0.12)

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        own = stage.colour_of(mention, usual)
        dark = mix(own, stage.palette.ink, 0.22 if polar else 0.4)
        black = mix(stage.palette.ink, from_hex("#15110e"), 0.6)
        spot = (x, y, size)
        stage.put(far, *spot, dark, flip=flip, rim=0.2)
        stage.put(body, *spot, own, flip=flip, rim=0.6, shade=0.22)
        stage.put(claws, *spot, black, flip=flip, rim=0)
        stage.put(head, *spot, lighter(own, 0.03), flip=flip, rim=0.6)
        stage.put(inner, *spot, dark, flip=flip, rim=0)
        stage.put(
            muzzle, *spot, mix(own, from_hex("#d8b98c"), 0.1 if polar else 0.5), flip=flip, rim=0
        )
        stage.put(nose, *spot, black, flip=flip, rim=0)
        stage.put(mouth, *spot, black, flip=flip, rim=0)
        stage.put(eye, *spot, black, flip=flip, rim=0)

    whole = Shape().with_parts_of(far, 0, 0).with_parts_of(body, 0, 0).with_parts_of(head, 0, 0)
    stage.crowd(mention, whole, 0.28 if young else 0.42, usual, after=rest, firm=True)


@ELEMENTS.add(
    "panda", "panda, giant panda, panda bear, 熊猫, 大熊猫", "stand", 70, near="red panda, 小熊猫",
    takes="size, count, flying",
)  # fmt: skip
def panda(stage: Stage, mention: Mention) -> None:
    """A panda sitting upright with a stalk of bamboo: white, with black limbs, ears and eye patches."""
    trunk = Shape().blob(*path("-30,4 -35,20 -32,40 -22,56 22,56 32,40 35,20 30,4 0,0"))
    yoke = Shape().blob(*path("-32,50 -22,62 0,58 22,62 32,50 34,40 14,46 0,44 -14,46 -34,40"))
    feet = mirrored("14,0 10,10 16,22 28,24 38,16 40,4 30,-2")
    soles = Shape().disc(-0.27, 0.11, 0.08, 0.085).disc(0.27, 0.11, 0.08, 0.085)
    head = Shape().blob(*path("-29,72 -30,86 -20,98 0,102 20,98 30,86 29,72 18,60 0,56 -18,60"))
    ears = Shape().disc(-0.24, 0.98, 0.09).disc(0.24, 0.98, 0.09)
    patches = mirrored("5,82 9,88 16,86 20,76 16,70 9,74")
    eyes = Shape().disc(-0.115, 0.805, 0.026).disc(0.115, 0.805, 0.026)
    glints = Shape().disc(-0.107, 0.813, 0.009).disc(0.123, 0.813, 0.009)
    nose = Shape().blob(*path("-6,72 0,73 6,72 4,68 0,66 -4,68"))
    mouth = Shape().line(path("0,67 0,63 -5,61"), 0.012).line(path("0,63 5,61"), 0.012)
    arm = Shape().line(path("-30,46 -34,32 -20,28 -12,34"), 0.17, 0.12)
    other = Shape().line(path("30,46 36,34 24,22 14,22"), 0.17, 0.13)
    stalk = Shape().line(path("-22,12 -12,34 -2,60"), 0.035)
    leaves = Shape()
    for x, y, turn in ((-4, 58, 60), (-2, 60, 15), (-3, 57, 110), (-22, 14, 200), (-6, 50, 150)):
        leaf = Shape().blob(*path("0,0 7,3 20,0 7,-3")).turned(turn)
        leaves.with_parts_of(leaf, x / 100, y / 100)

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        white = tinted(stage, "#f4efe6", 0.08)
        black = mix(from_hex("#1d1c20"), stage.haze, 0.05)
        spot = (x, y, size)
        stage.put(ears, *spot, black, flip=flip, rim=0.5)
        stage.put(trunk, *spot, white, flip=flip, shade=0.2)
        stage.put(yoke, *spot, black, flip=flip, rim=0.2)
        stage.put(feet, *spot, black, flip=flip, rim=0.5)
        stage.put(soles, *spot, mix(black, white, 0.3), flip=flip, rim=0)
        stage.put(other, *spot, black, flip=flip, rim=0.5)
        stage.put(head, *spot, lighter(white, 0.01), flip=flip, shade=0.1)
        stage.put(patches, *spot, black, flip=flip, rim=0)
        stage.put(eyes, *spot, mix(black, from_hex("#4a3526"), 0.6), flip=flip, rim=0)
        stage.put(nose, *spot, black, flip=flip, rim=0)
        stage.put(mouth, *spot, black, flip=flip, rim=0)
        stage.light_up(glints, *spot, stage.palette.light, flip=flip)
        green = mix(from_hex("#6f9a3c"), stage.palette.near, 0.2)
        stage.put(stalk, *spot, green, flip=flip, rim=0.4)
        stage.put(leaves, *spot, lighter(green, 0.05), flip=flip, rim=0.3)
        stage.put(arm, *spot, black, flip=flip, rim=0.5)

    whole = Shape().with_parts_of(trunk, 0, 0).with_parts_of(head, 0, 0).with_parts_of(feet, 0, 0)
    stage.crowd(mention, whole, 0.42, tinted(stage, "#f4efe6", 0.08), after=rest, firm=True)
