"""Pictures without things: the abstract, for words that name nothing, and the background of a tile."""

from __future__ import annotations

import numpy as np

from engines.sketch.element import Elements
from engines.sketch.mention import Mention
from engines.sketch.scene.abstracts import compose, flow
from engines.sketch.stage import Stage

ELEMENTS = Elements()


@ELEMENTS.add(
    "abstract",
    "abstract, abstraction, 抽象",
    "whole",
    2,
    near="pattern, marble, fluid, swirl, texture, chaos, emotion, 图案, 大理石, 流动, 纹理",
)
def abstract(stage: Stage, mention: Mention) -> None:
    if stage.canvas.tile:
        flow(stage)
    else:
        compose(stage)
    stage.cover_sky(np.ones_like(stage.sky_left))
