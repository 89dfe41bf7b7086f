"""Whoever lives in the picture: cats, birds, fish, people, and the portrait in double exposure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engines.sketch.element import Mention, element
from engines.sketch.palette import lighter, mix
from engines.sketch.shape import Shape

if TYPE_CHECKING:
    from engines.sketch.stage import Stage


@element("cat", "cat, kitten, kitty, feline, 猫, 小猫, 猫咪, 黑猫", "stand", 70)
def cat(stage: Stage, mention: Mention) -> None:
    """A cat sitting with its back straight, ears up, tail laid around."""
    shape = (
        Shape()
        .blob(
            (-0.2, 0),
            (-0.25, 0.12),
            (-0.21, 0.34),
            (-0.12, 0.56),
            (-0.1, 0.66),
            (0.1, 0.66),
            (0.12, 0.56),
            (0.21, 0.34),
            (0.25, 0.12),
            (0.2, 0),
        )
        .disc(0, 0.76, 0.17, 0.145)
        .area((-0.165, 0.78), (-0.155, 1.0), (-0.03, 0.88))
        .area((0.165, 0.78), (0.155, 1.0), (0.03, 0.88))
        .line([(0.18, 0.05), (0.34, 0.02), (0.43, 0.08), (0.44, 0.2), (0.39, 0.26)], 0.07, 0.05)
    )
    stage.crowd(
        mention, shape, 0.42, mix(stage.palette.ink, stage.palette.near, 0.12), after=_cat_eyes
    )


def _cat_eyes(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
    eyes = Shape().disc(-0.07, 0.77, 0.038, 0.03).disc(0.07, 0.77, 0.038, 0.03)
    pupils = Shape().disc(-0.07, 0.77, 0.01, 0.028).disc(0.07, 0.77, 0.01, 0.028)
    stage.light_up(
        eyes,
        x,
        y,
        size,
        mix(stage.accent(1), np.array([0.88, -0.03, 0.16], np.float32), 0.6),
        flip=flip,
    )
    stage.light_up(pupils, x, y, size, stage.palette.ink, flip=flip)


@element(
    "birds",
    "bird, crow, raven, seagull, gull, crane, swallow, geese, goose, heron, dove, 鸟, 飞鸟, 小鸟, 鹤, 仙鹤, 乌鸦, 海鸥, 燕子",
    "fly",
    62,
)
def birds(stage: Stage, mention: Mention) -> None:
    """A loose flock, each with its wings at another beat."""
    rng = stage.rng("birds")
    colour = stage.colour_of(mention, mix(stage.palette.ink, stage.haze, 0.15))
    middle_x, middle_y = stage.place(mention), stage.horizon * (0.3 + 0.2 * rng.random())
    for _ in range(mention.count or 7):
        lift = rng.uniform(0.1, 0.5)
        wings = Shape().blob(
            (0, 0.05), (-0.25, 0.06 + lift * 0.6), (-0.62, lift * 0.5), (-0.3, lift * 0.42),
            (-0.08, -0.07), (0, -0.1), (0.08, -0.07), (0.3, lift * 0.42), (0.62, lift * 0.5),
            (0.25, 0.06 + lift * 0.6),
        )  # fmt: skip
        x = middle_x + rng.normal() * 0.1
        y = middle_y + rng.normal() * 0.06
        size = 0.05 * stage.size(mention) * rng.uniform(0.5, 1.1)
        stage.put(wings.turned(rng.uniform(-14, 14)), x, y, size, colour, rim=0.2)


@element(
    "portrait",
    "portrait, face, double exposure, profile, head, self-portrait, 肖像, 人像, 脸, 侧脸, 头像, 双重曝光",
    "whole",
    60,
    mood="misty",
)
def portrait(stage: Stage, mention: Mention) -> None:
    """A head in profile that holds the landscape: everything outside it becomes paper."""
    canvas, palette = stage.canvas, stage.palette
    head = Shape().blob(
        (-0.62, -0.1), (-0.55, 0.08), (-0.3, 0.17), (-0.17, 0.24), (-0.2, 0.36), (-0.34, 0.5), (-0.4, 0.72),
        (-0.34, 0.93), (-0.14, 1.06), (0.08, 1.05), (0.24, 0.94), (0.3, 0.8), (0.31, 0.7), (0.33, 0.64),
        (0.395, 0.545), (0.37, 0.52), (0.325, 0.51), (0.345, 0.465), (0.325, 0.44), (0.338, 0.405), (0.31, 0.375), (0.315, 0.315),
        (0.26, 0.265), (0.12, 0.262), (0.09, 0.2), (0.16, 0.12), (0.4, 0.03), (0.52, -0.1),
    )  # fmt: skip
    flip = stage.plan.mirrored
    mask = head.mask(0.5 * canvas.width, 1.0 * canvas.height, 0.86 * canvas.height, flip=flip)
    inside = np.zeros((canvas.height, canvas.width), np.float32)
    x0, y0 = max(mask.left, 0), max(mask.top, 0)
    part = mask.alpha[y0 - mask.top :, x0 - mask.left :][: canvas.height - y0, : canvas.width - x0]
    inside[y0 : y0 + part.shape[0], x0 : x0 + part.shape[1]] = part
    from engines.sketch.palette import to_linear

    paper = mix(lighter(palette.sky[-1], 0.06), palette.light, 0.4)
    shade = canvas.y * np.float32(0.12)
    canvas.wash((1 - inside) * (0.97 - shade), to_linear(paper))
    # the face itself is pale, the back of the head full of the picture
    across = (canvas.x - 0.5) * (canvas.width / canvas.height) * (-1 if flip else 1)
    pale = np.clip((across - 0.1) / 0.22, 0, 1) * np.clip((0.86 - canvas.y) / 0.25, 0, 1)
    canvas.wash((inside * pale * 0.55).astype(np.float32), to_linear(paper))
    stage.cover_sky(1 - inside)
