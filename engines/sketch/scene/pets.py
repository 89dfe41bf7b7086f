"""Cats and dogs: both look at you, and nobody takes one for the other."""

from __future__ import annotations

import numpy as np

from engines.sketch.element import Elements
from engines.sketch.mention import Mention
from engines.sketch.noise import Floats
from engines.sketch.palette import from_hex, lighter, mix
from engines.sketch.shape import Shape, path
from engines.sketch.stage import Stage

ELEMENTS = Elements()

#: coats that cats and dogs have when no word names one
CAT_COATS = ("#c9793a", "#8b8378", "#3a3a42", "#d8c3a0")
DOG_COATS = ("#b9824a", "#d9b27a", "#6b4a32", "#c8b8a4")


def tinted(stage: Stage, hexa: str, share: float = 0.16) -> Floats:
    """Return an animal's own colour in the light of the picture: darker at night."""
    own = lighter(from_hex(hexa), -0.14 * stage.palette.darkness)
    return mix(own, stage.haze, share)


def mirrored(outline: str) -> Shape:
    """Return an outline and its mirror image."""
    points = path(outline)
    return Shape().blob(*points).blob(*((-x, y) for x, y in points))


@ELEMENTS.add(
    "cat",
    "cat, kitty, housecat, 猫, 猫咪",
    "stand",
    70,
    near="feline, persian cat, maine coon, calico cat, 布偶猫",
    takes="colour, size, count, flying, striped",
    forms={
        "young": "kitten, 小猫, 小猫咪",
        "striped": "tabby, tabby cat, 虎斑猫",
        "pointed": "siamese, siamese cat, 暹罗猫",
    },
)
def cat(stage: Stage, mention: Mention) -> None:
    """A cat sitting upright, its tail around its feet; a kitten is all head and eyes."""
    young = "young" in mention.qualities
    body = Shape().blob(*path("-20,0 -26,12 -22,34 -13,54 -11,68 11,68 13,54 21,34 25,12 20,0"))
    tail = Shape().line(path("17,6 33,2 43,8 46,20 41,31 44,38"), 0.085, 0.05)
    head = (
        Shape()
        .blob(*path("-18,73 -17,85 -8,91 8,91 17,85 18,73 11,64 0,61 -11,64"))
        .area(*path("-17,80 -17,104 -3,90"))
        .area(*path("17,80 17,104 3,90"))
    )
    if young:
        big = head.moved(lambda x, y: (x * 1.42, (y - 0.61) * 1.35 + 0.4))
        body = body.moved(lambda x, y: (x * 1.0, y * 0.72))
        tail, head = tail.moved(lambda x, y: (x * 0.9, y * 0.8)), big

    def face(x: float, y: float) -> tuple[float, float]:
        return (x * 1.42, (y - 0.61) * 1.35 + 0.4) if young else (x, y)

    ears = Shape().area(*path("-14,85 -14,98 -6,90")).area(*path("14,85 14,98 6,90")).moved(face)
    muzzle = Shape().disc(-0.035, 0.685, 0.05, 0.038).disc(0.035, 0.685, 0.05, 0.038).moved(face)
    eyes = mirrored("3,77 7,80 12,79 11,74 6,73").moved(face)
    slits = Shape().disc(-0.072, 0.768, 0.012, 0.03).disc(0.072, 0.768, 0.012, 0.03).moved(face)
    nose = Shape().area(*path("-3,72 3,72 0,69")).moved(face)
    whiskers = Shape()
    for side in (-1, 1):
        for low in (-2, 1, 4):
            ends = [(0.06 * side, 0.69), (0.27 * side, 0.68 + 0.012 * low)]
            whiskers.line(ends, 0.007, 0.003)
    whiskers = whiskers.moved(face)
    chest = Shape().blob(*path("-8,60 0,64 8,60 9,42 5,26 0,20 -5,26 -9,42"))
    paws = Shape().blob(*path("-15,0 -15,6 -9,9 -2,6 -1,0")).blob(*path("15,0 15,6 9,9 2,6 1,0"))
    lines = Shape().line(path("-1,22 -1,4"), 0.012).line(path("1,22 1,4"), 0.012)
    stripes = Shape()
    for height in (14, 25, 36, 47):
        stripes.line([(-0.3, height / 100), (-0.1, height / 100 + 0.05)], 0.035, 0.01)
        stripes.line([(0.3, height / 100), (0.1, height / 100 + 0.05)], 0.035, 0.01)
    brow = Shape().line(path("0,91 0,83"), 0.02, 0.012)
    brow.line(path("-5,91 -4,84"), 0.02, 0.012).line(path("5,91 4,84"), 0.02, 0.012)
    brow.line(path("-19,72 -11,73"), 0.016, 0.006).line(path("19,72 11,73"), 0.016, 0.006)
    stripes.with_parts_of(brow.moved(face), 0, 0)
    points = "pointed" in mention.qualities
    rng = stage.rng("coat of cats")
    # only the first two coats are light enough, and have a second tone, for stripes
    choice = int(rng.integers(2 if "striped" in mention.qualities else len(CAT_COATS)))
    usual = tinted(stage, "#e2d3b8" if points else CAT_COATS[choice])
    striped = "striped" in mention.qualities or (mention.colour is None and choice < 2)
    striped = striped and not points
    iris = mix(stage.accent(1), np.array([0.84, -0.04, 0.15], np.float32), 0.7)
    iris = mix(from_hex("#6fa8e0"), stage.palette.light, 0.1) if points else iris
    whole = Shape().with_parts_of(body, 0, 0).with_parts_of(head, 0, 0)

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        own = stage.colour_of(mention, usual)
        dark = mix(own, stage.palette.ink, 0.55 if own[0] > 0.3 else 0.2)
        pale = mix(own, stage.palette.light, 0.5 if own[0] > 0.3 else 0.12)
        brown = tinted(stage, "#4a3428", 0.05)
        spot = (x, y, size)
        if points:
            stage.put(tail, *spot, brown, flip=flip)
            stage.put(paws, *spot, brown, flip=flip, rim=0)
        else:
            stage.put(chest, *spot, pale, flip=flip, rim=0, strength=0.6, within=body)
            stage.put(lines, *spot, dark, flip=flip, rim=0, strength=0.6)
            stage.put(paws, *spot, pale, flip=flip, rim=0.2, strength=0.7)
        stage.put(head, *spot, lighter(own, 0.035), flip=flip, rim=0.6)
        if striped:
            stage.put(stripes, *spot, dark, flip=flip, rim=0, strength=0.75, within=whole)
        stage.put(ears, *spot, mix(pale, from_hex("#d98a8a"), 0.5), flip=flip, rim=0)
        if points:
            mask = Shape().disc(0, 0.715, 0.115, 0.1).moved(face)
            stage.put(mask, *spot, brown, flip=flip, rim=0, strength=0.75)
            stage.put(ears, *spot, brown, flip=flip, rim=0, strength=0.8)
        stage.put(muzzle, *spot, brown if points else pale, flip=flip, rim=0, strength=0.8)
        stage.put(nose, *spot, mix(from_hex("#c56b6b"), dark, 0.35), flip=flip, rim=0)
        stage.put(whiskers, *spot, pale, flip=flip, rim=0, strength=0.8)
        stage.light_up(eyes, *spot, iris, flip=flip)
        stage.light_up(slits, *spot, mix(stage.palette.ink, dark, 0.2), flip=flip)

    behind = Shape().with_parts_of(tail, 0, 0).with_parts_of(whole, 0, 0)
    stage.crowd(mention, behind, 0.32 if young else 0.42, usual, after=rest, firm=True)


@ELEMENTS.add(
    "dog",
    "dog, doggy, 狗, 犬",
    "stand",
    70,
    near="hound, retriever, golden retriever, labrador, corgi, poodle, bulldog, beagle, dachshund, shiba inu, "
    "shiba, terrier, pug, german shepherd, border collie, 柯基, 金毛, 柴犬",
    takes="colour, size, count, flying, spotted",
    forms={"young": "puppy, pup, 小狗, 幼犬", "spotted": "dalmatian, 斑点狗"},
)
def dog(stage: Stage, mention: Mention) -> None:
    """A sitting dog with hanging ears, a broad muzzle and its tongue out."""
    young = "young" in mention.qualities
    rng = stage.rng("coat of dogs")
    usual = tinted(stage, DOG_COATS[int(rng.integers(len(DOG_COATS)))])
    if "spotted" in mention.qualities:
        usual = tinted(stage, "#efece4")

    def grown(x: float, y: float) -> tuple[float, float]:
        return (x, y * 0.74) if young else (x, y)

    def face(x: float, y: float) -> tuple[float, float]:
        return (x * 1.3, (y - 0.56) * 1.25 + 0.38) if young else (x, y)

    tail = Shape().line(path("20,8 34,14 42,26 43,36"), 0.09, 0.05).moved(grown)
    haunch = mirrored("10,0 28,0 33,10 29,26 20,34 10,26").moved(grown)
    body = Shape().blob(*path("-14,0 -20,26 -16,50 -12,66 12,66 16,50 20,26 14,0")).moved(grown)
    legs = mirrored("1,0 1,8 3,34 11,38 15,30 14,8 17,4 15,0").moved(grown)
    chest = Shape().blob(*path("-9,62 0,66 9,62 11,48 6,32 0,26 -6,32 -11,48")).moved(grown)
    head = (
        Shape()
        .blob(*path("-18,74 -19,86 -11,95 0,97 11,95 19,86 18,74 12,62 0,57 -12,62"))
        .moved(face)
    )
    ears = mirrored("11,93 20,92 27,84 30,70 26,60 20,63 17,76").moved(face)
    blaze = Shape().blob(*path("-4,94 4,94 5,82 9,72 0,62 -9,72 -5,82")).moved(face)
    muzzle = Shape().blob(*path("-11,70 -8,76 0,78 8,76 11,70 10,61 4,57 -4,57 -10,61")).moved(face)
    nose = Shape().blob(*path("-5,75 0,76 5,75 4,71 0,68 -4,71")).moved(face)
    mouth = (
        Shape()
        .line(path("-7,62 -3,61 0,64 3,61 7,62"), 0.013)
        .line(path("0,69 0,64"), 0.012)
        .moved(face)
    )
    tongue = Shape().blob(*path("-3,61 3,61 4,54 0,51 -4,54")).moved(face)
    eyes = Shape().disc(-0.085, 0.81, 0.029).disc(0.085, 0.81, 0.029).moved(face)
    glints = Shape().disc(-0.078, 0.822, 0.01).disc(0.092, 0.822, 0.01).moved(face)
    collar = Shape().blob(*path("-13,62 0,57 13,62 13,58 0,52 -13,58")).moved(grown)
    spots = Shape()
    for x, y, r in (
        (-20, 12, 4),
        (-9, 45, 4),
        (10, 36, 5),
        (24, 16, 4),
        (4, 14, 3),
        (-12, 26, 4),
        (13, 56, 3),
        (-11, 84, 4),
        (9, 90, 3),
    ):
        spots.disc(x / 100, y / 100, r / 100)
    outline = Shape().with_parts_of(tail, 0, 0).with_parts_of(haunch, 0, 0)
    outline.with_parts_of(body, 0, 0).with_parts_of(ears, 0, 0).with_parts_of(head, 0, 0)

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        own = stage.colour_of(mention, usual)
        dark = mix(own, stage.palette.ink, 0.5 if own[0] > 0.3 else 0.25)
        pale = mix(own, stage.palette.light, 0.55 if own[0] > 0.3 else 0.18)
        spot = (x, y, size)
        stage.put(body, *spot, own, flip=flip, rim=0.2)
        stage.put(legs, *spot, mix(own, pale, 0.3), flip=flip, rim=0.3)
        stage.put(chest, *spot, pale, flip=flip, rim=0, strength=0.85)
        if young is False:
            stage.put(
                collar, *spot, mix(stage.accent(0), stage.palette.ink, 0.15), flip=flip, rim=0.2
            )
        stage.put(head, *spot, lighter(own, 0.03), flip=flip)
        stage.put(blaze, *spot, pale, flip=flip, rim=0, strength=0.5)
        if "spotted" in mention.qualities:
            stage.put(spots, *spot, stage.palette.ink, flip=flip, rim=0, within=outline)
        stage.put(ears, *spot, dark, flip=flip, rim=0.35)
        stage.put(muzzle, *spot, pale, flip=flip, rim=0.2)
        stage.put(tongue, *spot, from_hex("#d9706f"), flip=flip, rim=0)
        stage.put(mouth, *spot, mix(dark, stage.palette.ink, 0.7), flip=flip, rim=0)
        stage.put(nose, *spot, mix(stage.palette.ink, dark, 0.1), flip=flip, rim=0)
        stage.put(eyes, *spot, mix(stage.palette.ink, from_hex("#3a2212"), 0.4), flip=flip, rim=0)
        stage.light_up(glints, *spot, stage.palette.light, flip=flip)

    stage.crowd(mention, outline, 0.34 if young else 0.42, usual, after=rest, firm=True)
