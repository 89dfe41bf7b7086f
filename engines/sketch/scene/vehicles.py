"""Cars, taxis, buses, trucks and motorcycles from the side; on a street they drive, see ``traffic.py``."""

from __future__ import annotations

from functools import partial

import numpy as np

from engines.sketch.element import Elements
from engines.sketch.mention import Mention
from engines.sketch.noise import Floats
from engines.sketch.palette import from_hex, lighter, mix
from engines.sketch.scene.traffic import drive, drives
from engines.sketch.shape import Shape, path
from engines.sketch.stage import Stage

ELEMENTS = Elements()

LAMP = np.array([0.92, 0.01, 0.1], np.float32)
TAIL = np.array([0.6, 0.2, 0.1], np.float32)

SALOON = "-62,10 -64,22 -58,29 -38,32 -22,49 -4,53 18,52 34,34 56,30 65,23 65,10 60,7 -58,7"
SPORTS = "-66,9 -68,24 -60,31 -34,31 -12,42 8,43 30,31 58,24 69,16 69,9 62,6 -60,6"


def _wheels(*spots: float, radius: float = 0.115) -> tuple[Shape, Shape]:
    tyres, hubs = Shape(), Shape()
    for x in spots:
        tyres.disc(x, radius * 0.82, radius)
        hubs.disc(x, radius * 0.82, radius * 0.55)
        hubs.disc(x, radius * 0.82, radius * 0.2, cut=True)
    return tyres, hubs


def painted(
    stage: Stage,
    mention: Mention,
    kind: str,
    body: Shape,
    size: float,
    usual: Floats,
    *,
    glass: Shape,
    trim: Shape,
    wheels: tuple[Shape, Shape],
    sign: Shape | None = None,
    lamp: tuple[float, float] = (0.62, 0.2),
    tail: tuple[float, float] = (-0.62, 0.22),
) -> None:
    """Paint a vehicle from the side, or driving towards us if there is a street."""
    if drives(stage):
        drive(stage, mention, kind, usual)
        return

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        own = stage.colour_of(mention, usual)
        spot = (x, y, size)
        pane = mix(mix(stage.palette.sky[1], from_hex("#27323c"), 0.55), stage.palette.ink, 0.15)
        stage.put(glass, *spot, pane, flip=flip, rim=0.4, shade=-0.15)
        stage.put(trim, *spot, mix(own, stage.palette.ink, 0.45), flip=flip, rim=0)
        if sign:
            stage.light_up(sign, *spot, mix(LAMP, from_hex("#f6e7a0"), 0.4), flip=flip)
        stage.put(
            wheels[0], *spot, mix(stage.palette.ink, from_hex("#17171a"), 0.6), flip=flip, rim=0.3
        )
        stage.put(
            wheels[1], *spot, mix(from_hex("#b8bcc0"), stage.palette.ink, 0.2), flip=flip, rim=0
        )
        side = -1 if flip else 1
        unit = stage.canvas.unit
        night = stage.palette.darkness
        lamp_x = x + side * (lamp[0] + 0.06) * size * unit / stage.canvas.width
        stage.halo(
            lamp_x, y - lamp[1] * size * unit / stage.canvas.height, size * 0.4, LAMP, 0.5 * night
        )
        stage.light_up(Shape().disc(*lamp, 0.035, 0.026), *spot, LAMP, flip=flip)
        stage.light_up(Shape().disc(*tail, 0.022, 0.026), *spot, TAIL, flip=flip)

    stage.crowd(mention, body, size, usual, after=rest, rim=0.7)


@ELEMENTS.add(
    "car",
    "car, automobile, sedan, 汽车, 轿车, 车",
    "stand",
    58,
    near="vehicle, suv, jeep, vintage car, classic car, convertible, limousine, police car, tesla, beetle car, 老爷车, 警车",
    forms={
        "sports": "sports car, supercar, race car, racing car, ferrari, lamborghini, porsche, 跑车, 赛车"
    },
)
def car(stage: Stage, mention: Mention) -> None:
    """A saloon, or a low sports car."""
    sports = "sports" in mention.qualities
    body = Shape().blob(*path(SPORTS if sports else SALOON))
    glass, trim = Shape(), Shape()
    if sports:
        glass.blob(*path("-26,32 -10,40 6,40 22,32"))
        trim.line(path("-4,32 -8,10"), 0.01).line(path("-64,14 64,12"), 0.02)
        trim.line(path("-68,34 -52,38"), 0.03).line(path("-62,28 -60,36"), 0.018)
    else:
        glass.blob(*path("-33,33 -20,47 -5,48 -5,33")).blob(*path("-1,33 -1,48 15,48 28,34"))
        trim.line(path("-3,48 -3,10"), 0.01).line(path("-60,13 62,13"), 0.016)
        trim.line(path("-12,29 -7,29"), 0.016).line(path("14,29 19,29"), 0.016)
    usual = mix(stage.accent(0), stage.palette.ink, 0.1 if sports else 0.2)
    wheels = _wheels(-0.37, 0.4, radius=0.125 if sports else 0.12)
    painted(stage, mention, "sports" if sports else "car", body, 0.36, usual, glass=glass, trim=trim, wheels=wheels, lamp=(0.62, 0.17 if sports else 0.21))  # fmt: skip


@ELEMENTS.add("taxi", "taxi, cab, taxicab, yellow cab, 出租车, 的士", "stand", 58)
def taxi(stage: Stage, mention: Mention) -> None:
    """A yellow saloon with a lit sign on its roof and a chequered band."""
    glass = Shape().blob(*path("-33,33 -20,47 -5,48 -5,33")).blob(*path("-1,33 -1,48 15,48 28,34"))
    trim = Shape().line(path("-3,48 -3,10"), 0.01)
    for k in range(14):
        x, y = -0.54 + 0.08 * k, 0.22 + 0.022 * (k % 2)
        trim.box(x, y, x + 0.04, y + 0.022).box(x + 0.04, y - 0.022, x + 0.08, y)
    sign = Shape().box(-0.12, 0.53, 0.1, 0.6)
    body = Shape().blob(*path(SALOON))
    usual = lighter(from_hex("#f2b91e"), -0.08 * stage.palette.darkness)
    painted(stage, mention, "taxi", body, 0.36, usual, glass=glass, trim=trim, wheels=_wheels(-0.37, 0.4), sign=sign)  # fmt: skip


def _bus(stage: Stage, mention: Mention, *, decks: int) -> None:
    high = 0.6 if decks == 1 else 1.0
    body = Shape().blob(
        (-0.9, 0.08), (-0.91, high - 0.06), (-0.86, high), (0.84, high), (0.91, high - 0.08), (0.93, 0.3), (0.92, 0.08)
    )  # fmt: skip
    glass, trim = Shape(), Shape()
    for deck in range(decks):
        low = 0.3 + 0.4 * deck
        for k in range(7):
            glass.box(-0.84 + 0.23 * k, low, -0.64 + 0.23 * k, low + 0.2)
    glass.box(0.78, 0.3, 0.9, 0.52)
    trim.line([(-0.89, 0.24), (0.91, 0.24)], 0.02).box(0.5, 0.1, 0.7, 0.52)
    if decks == 2:
        trim.line([(-0.89, 0.6), (0.9, 0.6)], 0.025)
    sign = Shape().box(0.55, high - 0.08, 0.84, high - 0.02)
    red = from_hex("#c8322b" if decks == 2 else "#3f7fae")
    usual = mix(lighter(red, -0.08 * stage.palette.darkness), stage.haze, 0.06)
    kind = "double-decker" if decks == 2 else "bus"
    painted(stage, mention, kind, body, 0.32, usual, glass=glass, trim=trim, wheels=_wheels(-0.58, 0.62), sign=sign, lamp=(0.88, 0.17), tail=(-0.88, 0.2))  # fmt: skip


ELEMENTS.add(
    "bus",
    "bus, city bus, 公交车, 巴士, 公共汽车",
    "stand",
    58,
    near="coach, school bus, minibus, 校车",
)(partial(_bus, decks=1))
ELEMENTS.add(
    "double-decker", "double decker, double-decker, double decker bus, double-decker bus, 双层巴士", "stand", 58
)(partial(_bus, decks=2))  # fmt: skip


@ELEMENTS.add(
    "truck", "truck, lorry, 卡车, 货车", "stand", 58, near="van, pickup, pickup truck, fire truck, tractor, ambulance, 面包车, 消防车",
)  # fmt: skip
def truck(stage: Stage, mention: Mention) -> None:
    """A cab and a long box."""
    body = (
        Shape()
        .box(-0.92, 0.14, 0.36, 0.72)
        .blob(*path("40,12 40,56 48,62 62,60 76,40 84,34 86,12"))
    )
    body.box(-0.9, 0.09, 0.84, 0.16)
    glass = Shape().blob(*path("48,38 48,55 58,56 70,40"))
    trim = Shape().line(path("-92,20 36,20"), 0.02).box(0.36, 0.14, 0.4, 0.5)
    for k in range(5):
        trim.line([(-0.8 + 0.24 * k, 0.24), (-0.8 + 0.24 * k, 0.68)], 0.008)
    usual = mix(stage.accent(2), stage.palette.ink, 0.25)
    painted(stage, mention, "truck", body, 0.36, usual, glass=glass, trim=trim, wheels=_wheels(-0.62, -0.36, 0.6), lamp=(0.82, 0.2), tail=(-0.9, 0.2))  # fmt: skip


@ELEMENTS.add(
    "motorcycle", "motorcycle, motorbike, 摩托车, 机车", "stand", 58, near="scooter, vespa, moped, 电动车",
)  # fmt: skip
def motorcycle(stage: Stage, mention: Mention) -> None:
    """Two fat wheels, a tank, an engine, a long seat."""
    tyres, hubs = Shape(), Shape()
    for x in (-0.46, 0.48):
        tyres.disc(x, 0.2, 0.2).disc(x, 0.2, 0.135, cut=True)
        hubs.disc(x, 0.2, 0.05)
        for k in range(5):
            hubs.with_parts_of(Shape().line([(0, -0.14), (0, 0.14)], 0.012).turned(36 * k), x, 0.2)
    frame = Shape().line(path("48,20 30,62"), 0.04).line(path("-46,20 -12,26 10,22"), 0.05)
    frame.line(path("30,62 40,70 28,74"), 0.035).line(path("-46,34 -62,30"), 0.03)
    engine = (
        Shape()
        .blob(*path("-16,18 -18,36 -4,44 12,42 20,30 14,18"))
        .line(path("6,20 -30,14 -58,18"), 0.055, 0.07)
    )
    tank = Shape().blob(*path("-8,46 -4,56 10,62 26,58 30,50 14,45"))
    seat = Shape().blob(*path("-48,48 -44,54 -24,50 -8,52 -8,45 -30,42"))
    usual = mix(stage.accent(0), stage.palette.ink, 0.15)

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        metal = mix(from_hex("#8f9498"), stage.palette.ink, 0.3)
        stage.put(hubs, x, y, size, metal, flip=flip, rim=0)
        stage.put(frame, x, y, size, mix(metal, stage.palette.ink, 0.4), flip=flip)
        stage.put(engine, x, y, size, metal, flip=flip)
        stage.put(seat, x, y, size, mix(stage.palette.ink, from_hex("#1c1a1a"), 0.5), flip=flip)
        stage.put(tank, x, y, size, stage.colour_of(mention, usual), flip=flip, rim=0.8)
        stage.light_up(Shape().disc(0.4, 0.62, 0.055), x, y, size, LAMP, flip=flip)

    stage.crowd(
        mention.uncoloured(),
        tyres,
        0.4,
        mix(stage.palette.ink, from_hex("#17171a"), 0.6),
        after=rest,
    )
