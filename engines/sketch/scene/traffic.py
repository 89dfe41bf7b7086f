"""Traffic on a street: vehicles from the front in one lane, from behind in the other, smaller with distance."""

from __future__ import annotations

import numpy as np

from engines.sketch.element import Elements
from engines.sketch.mention import Mention
from engines.sketch.noise import Floats
from engines.sketch.palette import from_hex, lighter, mix
from engines.sketch.scene.city import course
from engines.sketch.shape import Shape, path
from engines.sketch.stage import Stage

ELEMENTS = Elements()

LAMP = np.array([0.94, 0.01, 0.08], np.float32)
TAIL = np.array([0.6, 0.21, 0.11], np.float32)

#: height of a vehicle as a part of its width, and its width as a part of a lane's
HIGH = {"car": 0.8, "sports": 0.6, "taxi": 0.8, "bus": 1.3, "double-decker": 1.75, "truck": 1.35}


def drives(stage: Stage) -> bool:
    """Return whether vehicles drive along a street instead of standing somewhere."""
    return stage.plan.has("street") and not stage.canvas.tile


def lane(stage: Stage, down: float, side: float) -> tuple[float, float, float]:
    """Return the middle of a lane, its height and its width, at this part of the way to the viewer.

    ``side``: -1 to 1 from the left kerb to the right one.
    """
    middle, half = course(stage, np.array(down, np.float32))
    y = stage.horizon + (1 - stage.horizon) * down
    return float(middle + side * half), y, float(half) * (0.5 if stage.plan.has("traffic") else 1.0)


def drive(stage: Stage, mention: Mention, kind: str, usual: Floats) -> None:
    """Paint the vehicle on its street, one near us and any others farther away."""
    own = stage.colour_of(mention, usual)
    count = min(mention.count or 1, 6)
    busy = stage.plan.has("traffic")
    vehicles = [name for name in sorted(stage.plan.places) if name in HIGH]
    turn = vehicles.index(mention.name) if mention.name in vehicles else 0
    lanes = (0.25, -0.75, 0.75, -0.25) if busy else (0.5, -0.5)
    for i in reversed(range(count)):
        down = max(0.12, ((0.78 if busy else 0.7) - 0.17 * (turn % 3)) * 0.72**i)
        side = lanes[(i + turn + stage.plan.mirrored) % len(lanes)]
        one_vehicle(stage, kind, own, down, side, mention.size)


def one_vehicle(
    stage: Stage, kind: str, colour: Floats, down: float, side: float, grown: float = 1.0
) -> None:
    """Paint one vehicle in its lane: coming on the left, going on the right."""
    x, y, width = lane(stage, down, side)
    size = width * 0.82 * grown**0.5 * stage.canvas.width / stage.canvas.unit
    coming = side < 0
    high = HIGH[kind]
    far = 0.5 * (1 - down) ** 2
    roof = 0.95 if kind == "truck" else high
    body = Shape().blob(
        (-0.47, 0.08), (-0.48, 0.34 * roof), (-0.36, 0.92 * roof), (-0.28, roof), (0.28, roof), (0.36, 0.92 * roof),
        (0.48, 0.34 * roof), (0.47, 0.08),
    )  # fmt: skip
    cargo = Shape().box(-0.5, 0.12, 0.5, high)
    if kind in ("bus", "double-decker"):
        body = Shape().blob(
            (-0.47, 0.08), (-0.48, 0.5), (-0.46, high - 0.06), (-0.4, high), (0.4, high), (0.46, high - 0.06),
            (0.48, 0.5), (0.47, 0.08),
        )  # fmt: skip
    glass = _panes(kind, high)
    tyres = Shape().box(-0.45, 0.0, -0.3, 0.16).box(0.3, 0.0, 0.45, 0.16)
    grille = (
        Shape().box(-0.24, 0.18, 0.24, 0.27) if coming else Shape().box(-0.13, 0.16, 0.13, 0.24)
    )
    bumper = Shape().blob(*path("-48,14 -48,8 48,8 48,14"))
    lamps = Shape().disc(-0.37, 0.32, 0.065, 0.05).disc(0.37, 0.32, 0.065, 0.05)
    shade = Shape().disc(0, 0.0, 0.56, 0.07)
    ink = stage.palette.ink
    spot = (x, y, size)
    stage.put(shade, *spot, ink, rim=0, strength=0.5)
    stage.put(tyres, *spot, mix(ink, from_hex("#151517"), 0.6), rim=0, far=far)
    if kind == "truck":
        # its box stands behind the cab; from behind there is nothing else
        white = mix(from_hex("#e4e1d8"), stage.haze, 0.2)
        stage.put(cargo, *spot, white if coming else colour, rim=0.4, shade=0.15, far=far)
        doors = (
            Shape()
            .line([(0, 0.16), (0, high - 0.05)], 0.02)
            .box(-0.44, high - 0.08, 0.44, high - 0.05)
        )
        if not coming:
            stage.put(doors, *spot, mix(colour, ink, 0.5), rim=0, far=far)
            glass = Shape().box(-0.06, 0.55, -0.03, 0.7).box(0.03, 0.55, 0.06, 0.7)
    if kind != "truck" or coming:
        stage.put(body, *spot, colour, rim=0.5, shade=0.2, far=far)
    pane = mix(mix(stage.palette.sky[1], from_hex("#27323c"), 0.55), ink, 0.2)
    stage.put(glass, *spot, pane, rim=0.3, shade=-0.2, far=far)
    dark = mix(colour, ink, 0.6)
    stage.put(bumper, *spot, dark, rim=0, far=far)
    stage.put(grille, *spot, dark if coming else from_hex("#e8e4d8"), rim=0, far=far)
    if kind in ("taxi", "bus", "double-decker"):
        low = high + 0.02 if kind == "taxi" else high - 0.13
        sign = Shape().box(-0.16, low, 0.16, low + 0.1)
        stage.light_up(sign, *spot, mix(LAMP, from_hex("#f6e7a0"), 0.4))
    light = LAMP if coming else TAIL
    if stage.palette.darkness > 0.25:
        reach = size * stage.canvas.unit
        for dx in (-0.37, 0.37):
            lx = x + dx * reach / stage.canvas.width
            ly = y - 0.32 * reach / stage.canvas.height
            stage.halo(lx, ly, size * 0.26, light, 0.4 * stage.palette.darkness)
    stage.light_up(lamps, *spot, light)


def _panes(kind: str, high: float) -> Shape:
    if kind == "double-decker":
        return Shape().box(-0.4, 0.5, 0.4, 0.88).box(-0.4, 1.12, 0.4, 1.5)
    if kind == "bus":
        return Shape().box(-0.41, 0.46, 0.41, high - 0.2)
    if kind == "truck":
        return Shape().area((-0.38, 0.46), (-0.3, 0.84), (0.3, 0.84), (0.38, 0.46))
    return Shape().area(
        (-0.37, 0.42 * high), (-0.27, 0.9 * high), (0.27, 0.9 * high), (0.37, 0.42 * high)
    )


@ELEMENTS.add(
    "traffic", "traffic, traffic jam, rush hour, busy street, busy road, 交通, 堵车, 车流", "ground", 57, spread="",
)  # fmt: skip
def traffic(stage: Stage, mention: Mention) -> None:
    """Fill both lanes of the street with vehicles, from far away to near."""
    rng = stage.rng("traffic")
    colours = [
        mix(stage.accent(0), stage.palette.ink, 0.2),
        mix(stage.accent(2), stage.palette.ink, 0.3),
        from_hex("#d8d8d4"), from_hex("#3a3f48"), from_hex("#8f2f2a"), from_hex("#31506f"),
    ]  # fmt: skip
    named = [kind for kind in HIGH if stage.plan.has(kind)]
    for down in (0.12, 0.17, 0.23, 0.3, 0.38, 0.48, 0.6):
        for side in (-0.75, -0.25, 0.25, 0.75):
            if rng.random() < 0.18:
                continue
            kind = str(rng.choice(("car", "car", "car", "bus", "truck", *named, *named)))
            own = lighter(colours[int(rng.integers(len(colours)))], -0.08 * stage.palette.darkness)
            own = from_hex("#f2b91e") if kind == "taxi" else own
            asked = stage.plan.find(kind)
            if asked is not None and asked.colour is not None:
                own = stage.colour_of(asked, own)
            one_vehicle(stage, kind, own, down + 0.04 * float(rng.random()), side)
