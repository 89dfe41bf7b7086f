"""Things with wheels or engines: trains, cars, bicycles, rockets, aeroplanes, flying saucers."""

from __future__ import annotations

import numpy as np

from engines.sketch.element import Elements
from engines.sketch.mention import Mention
from engines.sketch.palette import lighter, mix
from engines.sketch.shape import Shape, path
from engines.sketch.stage import Stage

ELEMENTS = Elements()

LAMP = np.array([0.92, 0.01, 0.1], np.float32)


@ELEMENTS.add(
    "train",
    "train, locomotive, steam train, 火车, 列车, 蒸汽火车",
    "stand",
    58,
    near="tram, subway, 电车, 地铁",
)
def train(stage: Stage, mention: Mention) -> None:
    """A steam engine and three carriages with lit windows."""
    rng = stage.rng("train")
    engine = (
        Shape()
        .blob(*path("18,14 18,36 22,40 60,40 66,36 68,14"))
        .box(-0.02, 0.12, 0.22, 0.54)
        .area(*path("-6,54 26,54 24,59 -4,59"))
        .area(*path("52,40 50,58 60,58 58,40"))
        .disc(0.38, 0.42, 0.05, 0.06)
        .area(*path("66,10 78,2 66,2"))
        .box(-1.6, 0.07, 0.7, 0.13)
    )
    wheels, cars, panes = Shape(), Shape(), Shape().box(0.03, 0.34, 0.16, 0.47)
    for x in (0.08, 0.28, 0.46, 0.6):
        wheels.disc(x, 0.06, 0.085 if x < 0.5 else 0.06)
    for car in range(3):
        left = -0.55 - 0.52 * car
        cars.box(left, 0.11, left + 0.48, 0.48).box(left - 0.01, 0.48, left + 0.49, 0.52)
        for pane in range(5):
            panes.box(left + 0.05 + 0.08 * pane, 0.28, left + 0.11 + 0.08 * pane, 0.41)
        for x in (0.1, 0.2, 0.3, 0.4):
            wheels.disc(left + x, 0.05, 0.045)
    steam = [
        (
            0.5 - 0.16 * k - rng.random() * 0.05,
            0.66 + 0.05 * k + rng.random() * 0.05,
            0.06 + 0.022 * k,
        )
        for k in range(9)
    ]

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        red = stage.colour_of(mention, mix(stage.accent(0), stage.palette.ink, 0.5))
        smoke = mix(stage.haze, stage.palette.light, 0.4)
        for sx, sy, radius in reversed(steam):
            stage.put(
                Shape().disc(sx, sy, radius * 1.3, radius),
                x,
                y,
                size,
                smoke,
                flip=flip,
                strength=0.4,
                rim=0.2,
            )
        stage.put(cars, x, y, size, red, flip=flip, rim=0.35)
        stage.put(wheels, x, y, size, stage.palette.ink, flip=flip, rim=0.2)
        stage.light_up(panes, x, y, size, mix(LAMP, red, 0.15), flip=flip)

    stage.crowd(
        mention.uncoloured(),
        engine,
        0.3,
        mix(stage.palette.ink, stage.palette.near, 0.15),
        after=rest,
    )


@ELEMENTS.add("bicycle", "bicycle, bike, 自行车, 单车", "stand", 58, near="cyclist")
def bicycle(stage: Stage, mention: Mention) -> None:
    shape = Shape()
    for x in (-0.36, 0.36):
        shape.disc(x, 0.25, 0.25)
        shape.disc(x, 0.25, 0.222, cut=True)
        for k in range(6):
            shape.with_parts_of(
                Shape().line([(0, -0.23), (0, 0.23)], 0.007).turned(30 * k), x, 0.25
            )
    shape.line(path("-36,25 -14,52 24,56 0,24 -36,25"), 0.028)
    shape.line(path("0,24 -16,62"), 0.028).line(path("36,25 22,64 30,70"), 0.028)
    shape.line(path("-24,63 -8,63"), 0.05).line(path("22,68 34,72"), 0.03)
    stage.crowd(mention, shape, 0.3, mix(stage.palette.ink, stage.accent(0), 0.3))


@ELEMENTS.add(
    "rocket",
    "rocket, 火箭",
    "fly",
    65,
    mood="space",
    near="spaceship, spacecraft, space shuttle, space station, starship, 飞船, 宇宙飞船, 航天飞机, 空间站",
)
def rocket(stage: Stage, mention: Mention) -> None:
    """A rising rocket on its flame."""
    hull = Shape().blob(*path("-13,18 -15,50 -9,82 0,100 9,82 15,50 13,18 0,15"))
    fins = Shape().blob(*path("-12,44 -30,22 -32,4 -14,18")).blob(*path("12,44 30,22 32,4 14,18"))
    nose = Shape().blob(*path("-9,81 -5,92 0,100 5,92 9,81 0,79"))
    porthole, glass = Shape().disc(0, 0.6, 0.065), Shape().disc(0, 0.6, 0.045)
    flame = Shape().blob(*path("-9,16 -12,-4 -4,-22 0,-44 5,-20 12,-4 9,16"))
    core = Shape().blob(*path("-5,16 -6,2 0,-18 6,2 5,16"))
    lean = 24 if stage.plan.mirrored else -24
    for x, y, size in stage.spots(mention, 0.38):
        red = stage.colour_of(mention, stage.accent(0))
        white = lighter(mix(stage.palette.light, stage.haze, 0.12), -0.05)
        stage.halo(x, y + size * 0.15, size * 0.6, LAMP, 0.35)
        stage.light_up(flame.turned(lean), x, y, size, np.array([0.74, 0.12, 0.14], np.float32))
        stage.light_up(core.turned(lean), x, y, size, np.array([0.96, -0.01, 0.08], np.float32))
        stage.put(fins.turned(lean), x, y, size, mix(red, stage.palette.ink, 0.2))
        stage.put(hull.turned(lean), x, y, size, white, rim=0.8, shade=0.2)
        stage.put(nose.turned(lean), x, y, size, red)
        stage.put(porthole.turned(lean), x, y, size, mix(white, stage.palette.ink, 0.5), rim=0)
        stage.put(
            glass.turned(lean), x, y, size, mix(stage.accent(1), stage.palette.ink, 0.2), rim=0
        )


@ELEMENTS.add(
    "airplane",
    "airplane, aeroplane, plane, aircraft, 飞机, 客机",
    "fly",
    65,
    near="jet, biplane, airship, zeppelin, 飞艇, 战斗机",
)
def airplane(stage: Stage, mention: Mention) -> None:
    shape = Shape().blob(*path("-58,26 -48,20 0,16 38,17 54,24 56,29 46,35 0,38 -40,33"))
    shape.area(*path("-58,27 -70,56 -58,56 -40,32"))
    wings = (
        Shape().area(*path("14,26 -24,-6 -36,-6 -12,25")).area(*path("-46,29 -64,16 -72,16 -60,29"))
    )
    far_wing = Shape().area(*path("16,34 -2,58 -10,58 -6,35"))
    panes = Shape()
    for k in range(9):
        panes.dab(-0.28 + 0.07 * k, 0.3, 0.014)
    white = lighter(mix(stage.palette.light, stage.haze, 0.15), -0.2 * stage.palette.darkness)
    for x, y, size in stage.spots(mention, 0.28):
        flip = stage.plan.mirrored
        own = stage.colour_of(mention, white)
        stage.put(far_wing, x, y, size, mix(own, stage.palette.sky[1], 0.5), flip=flip)
        stage.put(shape.turned(6), x, y, size, own, flip=flip, shade=0.25)
        stage.put(wings.turned(6), x, y, size, mix(own, stage.palette.ink, 0.3), flip=flip)
        stage.put(
            panes.turned(6),
            x,
            y,
            size,
            mix(stage.palette.ink, stage.palette.sky[0], 0.5),
            flip=flip,
            rim=0,
        )


@ELEMENTS.add(
    "ufo",
    "ufo, flying saucer, 飞碟, 不明飞行物",
    "fly",
    65,
    mood="night",
    near="alien, aliens, 外星人, alien spaceship",
)
def ufo(stage: Stage, mention: Mention) -> None:
    """A saucer and the beam below it."""
    disc = Shape().blob(*path("-56,30 -30,42 0,45 30,42 56,30 30,20 0,17 -30,20"))
    dome = Shape().blob(*path("-22,40 -18,58 0,66 18,58 22,40 0,37"))
    lamps = Shape()
    for k in range(7):
        lamps.dab(-0.42 + 0.14 * k, 0.27 - 0.045 * (1 - abs(k - 3) / 3), 0.026)
    metal = mix(stage.palette.ink, np.array([0.75, -0.01, -0.01], np.float32), 0.5)
    beam_light = lighter(mix(stage.accent(1), stage.palette.light, 0.4), 0.05)
    for x, y, size in stage.spots(mention, 0.34):
        reach = (stage.ground_at(x) - y) * stage.canvas.height / stage.canvas.unit / size + 0.1
        beam = Shape().area((-0.16, 0.2), (-0.5, -reach), (0.5, -reach), (0.16, 0.2))
        stage.put(beam, x, y, size, beam_light, rim=0, shade=0.0, strength=0.3)
        stage.put(dome, x, y, size, mix(stage.accent(1), stage.palette.light, 0.3), strength=0.85)
        stage.put(disc, x, y, size, stage.colour_of(mention, metal), rim=0.8)
        stage.light_up(lamps, x, y, size, beam_light)
