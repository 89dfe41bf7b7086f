"""Life in and on the water: whales, fish, jellyfish, turtles, swans, corals, and the seabed."""

from __future__ import annotations

from math import pi, sin

import numpy as np

from engines.sketch.element import Elements
from engines.sketch.mention import Mention
from engines.sketch.noise import ridge, smoothstep
from engines.sketch.palette import lighter, mix, to_linear
from engines.sketch.scene.land import below
from engines.sketch.shape import Shape, path
from engines.sketch.stage import Stage

ELEMENTS = Elements()


@ELEMENTS.add(
    "seabed",
    "seabed, sea floor, coral, 海床, 珊瑚, 珊瑚礁",
    "ground",
    34,
    mood="underwater",
    near="kelp, 海草, seaweed",
)
def seabed(stage: Stage, mention: Mention) -> None:
    """Dim sand and rock at the bottom, weed and corals in front, light playing above."""
    canvas, rng, palette = stage.canvas, stage.rng("seabed"), stage.palette
    nets = canvas.field(rng, (7, 7), octaves=2)
    play = smoothstep(0.22, 0.0, np.abs(nets)) * np.exp(-canvas.y * 4)
    canvas.glow((play * 0.3).astype(np.float32), to_linear(palette.light))
    for layer in range(3):
        line = 0.76 + 0.07 * layer + 0.05 * ridge(rng, canvas.width, 2 + layer, octaves=4)
        top, mask, depth = below(stage, line.astype(np.float32))
        tone = to_linear(
            mix(mix(palette.near, palette.ink, 0.3 * layer), palette.sky[2], 0.5 - 0.25 * layer)
        )
        edge = np.exp(-np.clip(depth, 0, None) / 0.03)[..., None] * 0.3
        canvas.wash(mask, tone + (to_linear(palette.sky[1]) - tone) * edge, top=top)
        _growth(stage, line, layer)
        stage.ground = (line + 0.04).astype(np.float32)


def _growth(stage: Stage, line: np.ndarray, layer: int) -> None:
    rng, palette = stage.rng(f"growth {layer}"), stage.palette
    far = 0.5 - 0.25 * layer
    for _ in range(7):
        x = float(rng.random())
        y = float(line[int(x * (len(line) - 1))]) + 0.02
        size = (0.12 + 0.07 * layer) * rng.uniform(0.6, 1.3)
        plant = Shape()
        if rng.random() < 0.55:
            phase, count = rng.uniform(0, 6), 3
            for k in range(count):
                weed = [
                    (0.12 * k + 0.07 * sin(t * 5 + phase + k), t * (1 - 0.2 * k))
                    for t in np.linspace(-0.1, 1, 9)
                ]
                plant.line(weed, 0.06, 0.015)
            tone = mix(np.array([0.5, -0.09, 0.04], np.float32), palette.ink, 0.35)
        else:
            for k in range(7):
                angle = pi * (k + 0.5) / 7
                tip = (0.45 * np.cos(angle), 0.5 * np.sin(angle))
                plant.line([(0, -0.1), (tip[0] * 0.5, tip[1] * 0.6), tip], 0.09, 0.05)
                plant.disc(tip[0], tip[1], 0.05)
            tone = mix(stage.accent(int(rng.integers(3))), palette.ink, 0.2)
        stage.put(plant, x, y, size, mix(tone, palette.sky[2], far), rim=0.3)


@ELEMENTS.add(
    "whale", "whale, 鲸鱼, 鲸", "float", 66, near="blue whale, humpback, orca, 蓝鲸, 座头鲸, 虎鲸"
)
def whale(stage: Stage, mention: Mention) -> None:
    """A large back, a pale grooved belly, one long fin."""
    back = Shape().blob(
        *path(
            "62,34 56,46 30,56 -6,56 -36,46 -58,34 -74,40 -92,52 -84,34 -96,18 -76,26 -58,24 -34,16 0,8 34,10 56,20"
        )
    )
    belly = Shape().blob(*path("62,34 56,20 34,10 0,8 -24,13 6,20 34,28 52,34"))
    fin = Shape().blob(*path("16,20 4,2 -14,-14 -20,-8 -8,8 2,22"))
    eye = Shape().disc(0.43, 0.33, 0.013)
    blue = mix(stage.palette.ink, mix(stage.palette.water, stage.palette.sky[0], 0.5), 0.5)

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        own = stage.colour_of(mention, blue)
        stage.put(belly, x, y, size, mix(own, stage.palette.light, 0.45), flip=flip, rim=0)
        stage.put(fin, x, y, size, mix(own, stage.palette.ink, 0.25), flip=flip)
        stage.put(eye, x, y, size, stage.palette.ink, flip=flip, rim=0)

    stage.crowd(mention, back, 0.4, blue, after=rest, rim=0.6)


@ELEMENTS.add("dolphin", "dolphin, 海豚", "float", 66, near="shark, porpoise, 鲨鱼")
def dolphin(stage: Stage, mention: Mention) -> None:
    """Dolphins in mid-leap."""
    shape = Shape().blob(
        *path(
            "60,20 50,28 40,36 18,46 -8,42 -32,26 -48,8 -62,10 -74,4 -58,0 -56,-12 -46,0 -28,16 -4,26 20,26 40,22 50,18"
        )
    )
    shape.area(*path("6,44 -10,62 -10,42")).blob(*path("22,28 12,10 8,12 12,28"))
    grey = mix(stage.palette.ink, stage.palette.sky[1], 0.4)
    stage.crowd(mention, shape, 0.26, grey, rim=0.7)


@ELEMENTS.add(
    "fish",
    "fish, 鱼, 鱼群",
    "float",
    67,
    mood="underwater",
    near="koi, carp, salmon, 锦鲤, 鲤鱼, goldfish, tropical fish, 金鱼, 热带鱼",
    many=True,
)
def fish(stage: Stage, mention: Mention) -> None:
    """A school of fish of different sizes, all facing the same way."""
    body = Shape().blob(
        *path("40,20 28,32 6,37 -18,28 -32,22 -52,38 -46,20 -54,4 -32,17 -16,11 6,5 28,10")
    )
    body.area(*path("8,35 -6,48 -12,32"))
    stripe = (
        Shape()
        .blob(*path("12,35 16,20 12,6 4,6 7,20 4,36"))
        .blob(*path("-12,29 -10,20 -13,13 -18,16 -17,26"))
    )
    eye = Shape().disc(0.28, 0.23, 0.028)
    for i, (x, y, size) in enumerate(stage.spots(mention, 0.3, usual=7)):
        own = stage.colour_of(mention, stage.accent(0))
        flip = stage.plan.mirrored
        stage.put(body, x, y, size, own, flip=flip, far=0.04 * i)
        stage.put(stripe, x, y, size, mix(own, stage.palette.light, 0.7), flip=flip, rim=0)
        stage.put(eye, x, y, size, stage.palette.ink, flip=flip, rim=0)


@ELEMENTS.add(
    "jellyfish", "jellyfish, 水母", "float", 68, mood="underwater", near="medusa", many=True
)
def jellyfish(stage: Stage, mention: Mention) -> None:
    """Glowing bells with long trailing arms."""
    rng = stage.rng("jellyfish")
    bell = Shape().blob(
        *path("-30,62 -26,84 -12,97 0,100 12,97 26,84 30,62 20,66 10,61 0,65 -10,61 -20,66")
    )
    heart = Shape().blob(*path("-14,70 -12,84 0,90 12,84 14,70 0,74"))
    for i, (x, y, size) in enumerate(stage.spots(mention, 0.34, usual=3)):
        own = stage.colour_of(mention, stage.accent(i + 2))
        arms = Shape()
        for k in range(7):
            phase = rng.uniform(0, 6)
            arms.line(
                [
                    (-0.22 + 0.07 * k + 0.05 * sin(7 * t + phase), 0.64 - t * 0.9)
                    for t in np.linspace(0, 1, 12)
                ],
                0.028,
                0.006,
            )
        stage.halo(
            x, y - size * 0.8 * stage.canvas.unit / stage.canvas.height, size * 0.7, own, 0.4
        )
        stage.put(arms, x, y, size, mix(own, stage.palette.light, 0.3), strength=0.6, rim=0)
        stage.put(bell, x, y, size, mix(own, stage.palette.light, 0.35), strength=0.72, rim=0.8)
        stage.put(heart, x, y, size, mix(own, stage.palette.light, 0.75), strength=0.6, rim=0)


@ELEMENTS.add("turtle", "turtle, sea turtle, 海龟", "float", 67, near="tortoise, 乌龟, 龟")
def turtle(stage: Stage, mention: Mention) -> None:
    limbs = (
        Shape().blob(*path("26,26 38,34 50,34 54,26 46,18 32,16"))
        .blob(*path("18,18 22,-4 12,-22 4,-18 8,0 6,16"))
        .blob(*path("-22,18 -36,4 -44,6 -34,20"))
    )  # fmt: skip
    shell = Shape().blob(*path("-34,18 -26,36 -4,46 18,40 32,24 26,14 0,8 -22,10"))
    plates = Shape()
    for x, y in path("-16,27 0,33 14,28 -8,18 8,18"):
        plates.disc(x, y, 0.065, 0.05)
    green = mix(np.array([0.5, -0.06, 0.07], np.float32), stage.palette.ink, 0.35)

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        own = stage.colour_of(mention, green)
        stage.put(shell, x, y, size, mix(own, stage.palette.ink, 0.35), flip=flip)
        stage.put(plates, x, y, size, mix(own, stage.accent(1), 0.3), flip=flip, rim=0)

    stage.crowd(mention, limbs, 0.32, green, after=rest)


@ELEMENTS.add("swan", "swan, 天鹅", "float", 66, near="duck, goose on water, 鸭子, 鸳鸯")
def swan(stage: Stage, mention: Mention) -> None:
    """A swan and its reflection in the water."""
    shape = Shape().blob(*path("-44,12 -50,26 -36,24 -20,34 4,34 22,24 28,8 18,0 -30,0"))
    shape.line(path("20,16 30,34 24,50 22,62 28,70 36,70"), 0.1, 0.055)
    bill = Shape().area(*path("36,73 46,67 36,66"))
    white = mix(stage.palette.light, stage.haze, 0.12)
    image = shape.moved(lambda x, y: (x, -y * 0.7))
    for x, y, size in stage.spots(mention, 0.2):
        stage.put(
            image,
            x,
            y,
            size,
            mix(stage.palette.water, white, 0.4),
            flip=x > 0.5,
            rim=0,
            strength=0.5,
        )

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        stage.put(bill, x, y, size, np.array([0.65, 0.12, 0.12], np.float32), flip=flip, rim=0)

    stage.crowd(
        mention, shape, 0.2, lighter(white, -0.2 * stage.palette.darkness), after=rest, firm=True
    )


@ELEMENTS.add(
    "lotus",
    "lotus, water lily, waterlily, lily pad, 荷花, 莲花, 睡莲, 莲, 荷叶",
    "float",
    68,
    takes="colour, count",
    many=True,
)
def lotus(stage: Stage, mention: Mention) -> None:
    """Pads flat on the water, with open flowers among them."""
    rng = stage.rng("lotus")
    pink = stage.colour_of(mention, np.array([0.8, 0.1, 0.0], np.float32))
    green = mix(
        np.array([0.5, -0.09, 0.07], np.float32),
        stage.palette.ink,
        0.25 + 0.3 * stage.palette.darkness,
    )
    count = min((mention.count or 6) * 2, 18)
    spots = sorted((rng.random() ** 0.8, rng.random(), rng.random()) for _ in range(count))
    for near, x, kind in spots:
        y = stage.horizon + (1 - stage.horizon) * (0.2 + 0.78 * near)
        size = 0.06 + 0.13 * near
        pad = Shape().disc(0, 0, 0.62, 0.19).area((0, 0), (0.7, 0.14), (0.7, -0.05), cut=True)
        stage.put(pad, x, y, size, lighter(green, 0.06 * (kind - 0.5)), rim=0.5)
        if kind < 0.45:
            for tone, reach in (
                (lighter(pink, -0.08), 0.5),
                (pink, 0.4),
                (lighter(pink, 0.08), 0.26),
            ):
                bloom = Shape()
                for k in range(5):
                    angle = pi * (0.14 + 0.72 * k / 4)
                    tip = (reach * np.cos(angle), 0.06 + reach * 1.1 * np.sin(angle))
                    bloom.blob(
                        (0, 0.02),
                        (tip[0] * 0.7 - 0.06, tip[1] * 0.6),
                        tip,
                        (tip[0] * 0.7 + 0.06, tip[1] * 0.6),
                    )
                stage.put(bloom, x, y, size, tone, rim=0.3)


@ELEMENTS.add(
    "waves",
    "wave, 波浪, 海浪, 巨浪, 浪",
    "ground",
    31,
    near="tsunami, surf, great wave",
    takes="colour, size",
)
def waves(stage: Stage, mention: Mention) -> None:
    """Rows of curling waves with white crests, the nearest the highest."""
    canvas, rng, palette = stage.canvas, stage.rng("waves"), stage.palette
    own = stage.colour_of(mention, mix(palette.water, palette.ink, 0.5))
    across = canvas.width / canvas.unit
    for layer in range(4):
        near = layer / 3
        y = stage.horizon + (1 - stage.horizon) * (0.06 + 0.27 * layer)
        step = 0.3 + 0.28 * near
        body, foam = Shape().box(-0.5, -1, across + 0.5, 0), Shape()
        x = -rng.random() * step - 0.2
        while x < across + 0.4:
            high = (0.06 + 0.16 * near) * rng.uniform(0.75, 1.25) * mention.size**0.5
            curl = path("0,0 30,30 52,72 74,96 96,92 104,72 96,78 86,74 80,50 92,22 120,0")
            body.blob(*((x + px * step, py * high) for px, py in curl))
            lip = path("44,56 60,82 76,99 97,95 106,70 97,82 84,84 68,74")
            foam.blob(*((x + px * step, py * high) for px, py in lip))
            for _ in range(9):
                foam.dab(
                    x + step * rng.uniform(0.7, 1.15),
                    high * rng.uniform(0.5, 1.15),
                    0.004 + 0.006 * near * rng.random(),
                )
            for k in range(4):
                vein = [
                    (
                        x + step * (0.1 + 0.13 * k + 0.5 * t),
                        high * (0.02 + (0.86 - 0.16 * k) * t**1.3),
                    )
                    for t in np.linspace(0, 0.9, 6)
                ]
                foam.line(vein, 0.002, 0.006 * (0.4 + near))
            x += step * rng.uniform(0.75, 1.1)
        stage.put(
            body, 0, y, 1, lighter(own, 0.1 * (1 - near)), far=0.4 * (1 - near), rim=0.2, shade=0.3
        )
        stage.put(
            foam,
            0,
            y,
            1,
            mix(palette.light, palette.sky[-1], 0.25),
            far=0.3 * (1 - near),
            rim=0,
            shade=0,
        )
    stage.water_top = stage.horizon
