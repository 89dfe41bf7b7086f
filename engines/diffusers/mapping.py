"""From a brief to a pipeline's arguments, and how each parameter is honoured; pure functions.

A diffusion pipeline knows neither chaos nor stylize: the formulas are starting points, so the notes
call them near. Called by ``engine``; described in docs/engines/diffusers.md.
"""

from __future__ import annotations

import math
import random
from dataclasses import asdict, dataclass
from typing import Any, Self

from engines.diffusers.config import PipelineConfig
from engines.diffusers.model import Family
from limner.engine import Brief, Capabilities

NIJI_WORDS = "anime illustration, clean line art, cel shading"
STYLE_WORDS = {
    "cute": "cute, charming, rounded shapes",
    "expressive": "expressive, dynamic pose, strong contrast",
    "original": "",
    "scenic": "scenic, detailed background, cinematic light",
}
CHAOS_WORDS = (
    "close-up", "wide shot", "seen from above", "seen from below", "backlit", "in soft morning light",
    "at night", "far away", "off-centre", "minimalist", "richly detailed", "in muted colours",
    "in vivid colours", "in mist", "as a silhouette", "symmetrical",
)  # fmt: skip
#: from this chaos on, each cell but the first gets words of its own
CHAOS_FROM = (math.inf, 50.0, 25.0, 1.0)
#: from this chaos on, it gets additional words
CHAOS_MORE_FROM = (60.0, 85.0)
IMAGE_WEIGHT = 1.0
#: pipelines for fewer steps are distilled: they have neither guidance nor negative prompts
GUIDED_FROM = 1.0
#: less than this does not change the picture
STRENGTH_LEAST = 0.05
GUIDANCE_LEAST = 1.5


@dataclass(frozen=True, slots=True)
class PipelineOrder:
    """One drawing of four cells, as the drawing process sees it; paths, never pictures."""

    model: str
    prompts: tuple[str, ...]
    negative: str
    width: int
    height: int
    #: the size that the pipeline draws at, before resizing
    drawn_px: tuple[int, int]
    seeds: tuple[int, ...]
    steps: int
    guidance: float
    tile: bool = False
    #: the picture to start from, or ""
    start: str = ""
    #: how far to depart from it, above 0 to 1
    strength: float = 1.0

    def to_json(self) -> dict[str, Any]:
        """Return the order as JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Read back what ``to_json`` wrote."""
        lists = {name: tuple(values[name]) for name in ("prompts", "drawn_px", "seeds")}
        return cls(**(values | lists))


def order_of(config: PipelineConfig, family: Family, brief: Brief) -> PipelineOrder:
    """Return the order for the brief."""
    start, strength = start_of(brief)
    return PipelineOrder(
        model=config.model_for(niji=brief.niji),
        prompts=tuple(words(config, brief, cell) for cell in range(4)),
        negative=joined(brief.negative, config.negative),
        width=brief.width,
        height=brief.height,
        drawn_px=drawn_px(brief.width, brief.height, config.native_px, family.multiple_px),
        seeds=brief.seeds,
        steps=steps(config.steps, strength),
        guidance=guidance(config, brief),
        tile=brief.tile,
        start=start,
        strength=strength,
    )


def words(config: PipelineConfig, brief: Brief, cell: int) -> str:
    """Return a cell's prompt."""
    parts = [brief.prompt]
    if brief.niji:
        parts += ["" if config.niji_model else NIJI_WORDS, STYLE_WORDS.get(brief.style, "")]
    chaos = brief.chaos or 0.0
    if chaos >= CHAOS_FROM[cell]:
        # By the job's own seed, so that drawing it again gives the same words, different ones for each cell.
        mixed = random.Random(brief.seeds[0]).sample(CHAOS_WORDS, len(CHAOS_WORDS))
        count = 1 + sum(chaos >= limit for limit in CHAOS_MORE_FROM)
        parts += mixed[cell::4][:count]
    if brief.style != "raw":
        parts.append(config.suffix)
    return joined(*parts)


def guidance(config: PipelineConfig, brief: Brief) -> float:
    """Return the guidance: the lower, the more freedom for the pipeline's own taste."""
    if brief.stylize is None or config.guidance <= GUIDED_FROM:
        return config.guidance
    # 9 - 5·s for pipelines with the usual 7; others keep their own scale.
    scaled = config.guidance * (9 - 5 * brief.stylize / 1000) / 7
    return round(max(scaled, min(GUIDANCE_LEAST, config.guidance)), 3)


def start_of(brief: Brief) -> tuple[str, float]:
    """Return the picture to start from, if any, and how far to depart from it."""
    if brief.parent and brief.parent.picture:
        return str(brief.parent.picture), max(STRENGTH_LEAST, min(1.0, brief.parent.strength))
    if not brief.references:
        return "", 1.0
    weight = IMAGE_WEIGHT if brief.iw is None else brief.iw
    return str(brief.references[0]), max(STRENGTH_LEAST, min(1.0, round(1 - 0.35 * weight, 3)))


def steps(wanted: int, strength: float) -> int:
    """Return the steps to ask for; the pipeline runs ``floor(steps * strength)`` of them."""
    return max(wanted, math.ceil(1 / strength))


def drawn_px(width: int, height: int, native_px: int, multiple_px: int) -> tuple[int, int]:
    """Return the size to draw at: in the ratio asked for, with about the pipeline's usual area."""

    def side(pixels: int) -> int:
        return max(multiple_px, round(pixels * native_px / 512 / multiple_px) * multiple_px)

    return side(width), side(height)


def capabilities(config: PipelineConfig, family: Family) -> Capabilities:
    """Return how well each parameter can be honoured."""
    guided = config.guidance > GUIDED_FROM
    return Capabilities(
        chaos="near",
        stylize="near" if guided else "none",
        style="near",
        niji="exact" if config.niji_model else "near",
        tile="exact" if family.convolves else "none",
        references="near" if family.starts_from_pictures else "none",
        iw="near" if family.starts_from_pictures else "none",
        negative="exact" if guided and family.takes_negative else "none",
        cancel=True,
        previews=family.shows_previews,
    )


def joined(*parts: str) -> str:
    """Join the non-empty parts with commas."""
    return ", ".join(part for part in parts if part.strip())
