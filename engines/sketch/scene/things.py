"""Things that float, fly and hang: boats, balloons, lanterns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engines.sketch.element import Mention, element
from engines.sketch.palette import lighter, mix
from engines.sketch.shape import Shape

if TYPE_CHECKING:
    from engines.sketch.stage import Stage


@element(
    "sailboat",
    "sailboat, boat, ship, yacht, sailing, vessel, fishing boat, 帆船, 船, 小船, 轮船, 渔船, 帆",
    "float",
    60,
)
def sailboat(stage: Stage, mention: Mention) -> None:
    """A hull, a mast, two sails full of light, and its shadow on the water."""
    hull = Shape().blob(
        (-0.36, 0.14), (0, 0.1), (0.4, 0.16), (0.3, 0.0), (0.1, -0.03), (-0.24, -0.01)
    )
    main = Shape().area((0.0, 0.16), (0.02, 0.98), (0.3, 0.3), (0.36, 0.17))
    jib = Shape().area((-0.03, 0.18), (0.0, 0.86), (-0.18, 0.4), (-0.32, 0.2))
    mast = Shape().line([(0, 0.08), (0.01, 1.02)], 0.022, 0.012)
    sail = stage.colour_of(mention, mix(stage.palette.light, stage.haze, 0.2))
    sail = lighter(sail, -0.15 * stage.palette.darkness)

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        stage.put(mast, x, y, size, stage.palette.ink, flip=flip)
        stage.put(main, x, y, size, sail, flip=flip, rim=0.3)
        stage.put(jib, x, y, size, mix(sail, stage.palette.water, 0.25), flip=flip, rim=0.3)

    wood = mix(stage.palette.ink, stage.accent(0), 0.2)
    image = hull.moved(lambda x, y: (x, -y * 0.8)).with_parts_of(
        main.moved(lambda x, y: (x, -y * 0.6)), 0, 0
    )
    for x, y, size in stage.spots(mention, 0.26):
        stage.put(image, x, y, size, mix(stage.palette.water, wood, 0.6), strength=0.35, rim=0)
    stage.crowd(mention.uncoloured(), hull, 0.26, wood, after=rest)


@element("balloon", "hot air balloon, balloon, air balloon, 热气球, 气球", "fly", 61)
def balloon(stage: Stage, mention: Mention) -> None:
    """Striped envelopes at several distances, each with its basket."""
    rng = stage.rng("balloon")
    for i, (x, y, size) in enumerate(stage.spots(mention, 0.3, usual=4)):
        far = 0.45 * i / 4
        one = stage.colour_of(mention, stage.accent(i))
        other = mix(stage.palette.light, one, 0.15 + 0.2 * rng.random())
        envelope = Shape().blob(
            (-0.07, 0.24),
            (-0.3, 0.5),
            (-0.34, 0.72),
            (-0.2, 0.95),
            (0, 1.0),
            (0.2, 0.95),
            (0.34, 0.72),
            (0.3, 0.5),
            (0.07, 0.24),
        )
        stage.put(envelope, x, y, size, one, far=far, shade=0.2)
        for left, right in ((-0.75, -0.4), (-0.12, 0.18), (0.5, 0.8)):
            gore = Shape().blob(
                *((left * r, h) for r, h in _GORE), *((right * r, h) for r, h in reversed(_GORE))
            )
            stage.put(gore, x, y, size, other, far=far, rim=0.1, shade=0.2)
        basket = (
            Shape()
            .box(-0.055, 0.0, 0.055, 0.08)
            .line([(-0.05, 0.08), (-0.07, 0.24)], 0.01)
            .line([(0.05, 0.08), (0.07, 0.24)], 0.01)
        )
        stage.put(basket, x, y, size, mix(stage.palette.ink, stage.accent(1), 0.3), far=far)


#: radius and height along a balloon's seam
_GORE = ((0.07, 0.24), (0.3, 0.5), (0.34, 0.72), (0.2, 0.94))


@element(
    "lantern",
    "lantern, paper lantern, sky lantern, floating lantern, lamp, 灯笼, 孔明灯, 天灯, 灯",
    "fly",
    83,
    mood="night",
)
def lantern(stage: Stage, mention: Mention) -> None:
    """Paper lanterns rising, warm from within, small ones far away."""
    rng = stage.rng("lantern")
    warm = stage.colour_of(mention, np.array([0.74, 0.1, 0.13], np.float32))
    count = min((mention.count or 16), 30)
    for i in range(count):
        near = (i + 0.5) / count
        x, y = rng.random(), 0.06 + 0.75 * rng.random()
        size = 0.025 + 0.075 * near**2 * stage.size(mention)
        body = Shape().blob(
            (-0.3, 0.05), (-0.42, 0.5), (-0.36, 0.95), (0.36, 0.95), (0.42, 0.5), (0.3, 0.05)
        )
        flame = Shape().disc(0, 0.22, 0.16, 0.2)
        stage.halo(x, y - size * 0.4, size * 1.7, warm, 0.34)
        stage.put(body, x, y, size, warm, rim=0.0, shade=-0.3)
        stage.light_up(flame, x, y, size, lighter(mix(warm, stage.palette.light, 0.6), 0.08))
