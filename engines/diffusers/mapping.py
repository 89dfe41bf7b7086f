"""From a brief to an order for a pipeline; pure functions.

A diffusion pipeline knows neither chaos nor stylize: the formulas are starting points. Called by
``engine``; described in docs/engines/diffusers.md. What of it is exact says ``abilities``.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from pathlib import Path

from engines.diffusers.config import PipelineConfig
from engines.diffusers.families import Family
from engines.diffusers.order import CaptionOrder, PipelineOrder
from limner.engine import Brief

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
#: a second guidance above this heeds negative words
TRUE_FROM = 1.0
#: said where a pipeline guides only beside negative words, and there are none
NO_WORDS = " "
#: less than this does not change the picture
STRENGTH_LEAST = 0.05
GUIDANCE_LEAST = 1.5
#: how far an upscaled picture departs from the enlarged one
UPSCALE_STRENGTH = {"subtle": 0.15, "creative": 0.3}
BLEND_STRENGTH = 0.6
#: a part drawn anew starts from nothing; one beside a kept picture from that one's colours
REGION_STRENGTH, EXTENSION_STRENGTH = 1.0, 0.9
DRAFT_SHARE = 0.3
#: the fewest steps of a draft, and the most of a quality above 1
DRAFT_STEPS, STEPS_MAX = 6, 150
#: an image adapter at the usual weight of 100 leaves the words their say
ADAPTER_SCALE, ADAPTER_SCALE_MAX = 0.6, 1.2
WEIGHT = 100.0
#: the side of the square that cells have unless their size is named
CELL_PX = 512


@dataclass(frozen=True, slots=True)
class Start:
    """What a drawing starts from; see ``PipelineOrder``."""

    pictures: tuple[Path, ...] = ()
    strength: float = 1.0
    mask: Path | None = None
    extends: bool = False
    #: looked at beside the words
    beside: bool = False


@dataclass(frozen=True, slots=True)
class Manner:
    """How a pipeline draws: as the operator says, or as its kind does best."""

    steps: int
    #: None: its kind names none, and nor does the operator
    guidance: float | None
    native_px: int


def manner_of(config: PipelineConfig, family: Family) -> Manner:
    """Return how a pipeline of this kind draws."""
    return Manner(
        config.steps or family.steps,
        config.guidance if config.guidance is not None else family.guidance or None,
        config.native_px or family.native_px,
    )


def is_guided(config: PipelineConfig, family: Family) -> bool:
    """Return whether the strength of the guidance changes what a pipeline draws."""
    guidance = manner_of(config, family).guidance
    return family.guides != "none" and (guidance or 0.0) > family.guided_from


def heeds_negative(config: PipelineConfig, family: Family) -> bool:
    """Return whether negative words change what a pipeline draws."""
    if family.second:
        return config.true_guidance > TRUE_FROM
    return family.takes_negative and family.guides != "embedded" and is_guided(config, family)


def order_of(config: PipelineConfig, family: Family, brief: Brief) -> PipelineOrder | CaptionOrder:
    """Return the order for the brief."""
    if brief.operation == "describe":
        described = str(brief.references[0]) if brief.references else ""
        return CaptionOrder(config.caption_model, described, brief.seeds[0] if brief.seeds else 0)
    start, manner = start_of(brief, family), manner_of(config, family)
    adapted = (*brief.object_references, *brief.style_references) if config.ip_adapter else ()
    drawn = drawn_px(brief.width, brief.height, manner.native_px, family.multiple_px)
    return PipelineOrder(
        model=config.model_for(brief),
        prompts=tuple(words(config, brief, cell) for cell in range(len(brief.seeds))),
        negative=negative(config, family, brief),
        width=brief.width,
        height=brief.height,
        drawn_px=drawn,
        seeds=brief.seeds,
        steps=steps(effort(manner, brief), start.strength),
        options=options(config, family, brief),
        previews=family.shows_previews,
        whole=family.proved and drawn[0] * brief.height == drawn[1] * brief.width,
        tile=brief.tile,
        starts=tuple(map(str, start.pictures)),
        beside=start.beside,
        strength=start.strength,
        mask=str(start.mask or ""),
        extends=start.extends,
        adapted=tuple(map(str, adapted)) if family.adapts else (),
        adapter_scale=adapter_scale(brief),
        style_only=family.has_style_blocks and not brief.object_references,
    )


def words(config: PipelineConfig, brief: Brief, cell: int) -> str:
    """Return a cell's prompt."""
    parts = [brief.prompt]
    if brief.niji:
        own = config.niji_model and config.model_for(brief) == config.niji_model
        parts += ["" if own else NIJI_WORDS, STYLE_WORDS.get(brief.style, "")]
    chaos = brief.chaos or 0.0
    if chaos >= CHAOS_FROM[cell]:
        # By the job's own seed, so that drawing it again gives the same words, different ones for each cell.
        mixed = random.Random(brief.seeds[0]).sample(CHAOS_WORDS, len(CHAOS_WORDS))
        count = 1 + sum(chaos >= limit for limit in CHAOS_MORE_FROM)
        parts += mixed[cell::4][:count]
    if brief.style != "raw":
        parts.append(config.suffix)
    return joined(*parts)


def guidance(config: PipelineConfig, family: Family, brief: Brief) -> float | None:
    """Return the guidance: the lower, the more freedom for the pipeline's own taste."""
    usual = manner_of(config, family).guidance
    if brief.stylize is None or usual is None or not is_guided(config, family):
        return usual
    # 9 - 5·s for pipelines with the usual 7; others keep their own scale.
    scaled = usual * (9 - 5 * brief.stylize / 1000) / 7
    return round(max(scaled, min(GUIDANCE_LEAST, usual)), 3)


def negative(config: PipelineConfig, family: Family, brief: Brief) -> str:
    """Return what is not to be drawn; "" says nothing at all, as some pipelines take no empty words."""
    if not heeds_negative(config, family):
        return ""
    said = joined(brief.negative, config.negative)
    return said or (NO_WORDS if family.guides == "true" else "")


def options(config: PipelineConfig, family: Family, brief: Brief) -> dict[str, float | bool]:
    """Return the arguments for guidance, by the names that the kind has for them."""
    # Pipelines that know sizes by heart would draw the nearest of those, and stretch it.
    asked: dict[str, float | bool] = {"use_resolution_binning": False}
    value = guidance(config, family, brief)
    if value is not None and family.guides != "none":
        asked["true_cfg_scale" if family.guides == "true" else "guidance_scale"] = value
    if family.second and negative(config, family, brief):
        asked["true_cfg_scale"] = config.true_guidance
    return asked


def start_of(brief: Brief, family: Family) -> Start:
    """Return what the drawing starts from, and how far to depart from it."""
    parent = brief.parent.picture if brief.parent else None
    if brief.operation == "edit" and brief.edit:
        edit = brief.edit
        strength = EXTENSION_STRENGTH if edit.kept else REGION_STRENGTH
        return Start((edit.canvas,), strength, edit.mask, extends=edit.kept is not None)
    if brief.operation == "upscale" and parent:
        return Start((parent,), UPSCALE_STRENGTH[brief.upscale or "subtle"])
    if brief.operation == "blend":
        return Start(brief.references, BLEND_STRENGTH)
    if family.looks_at_pictures and (parent or brief.references):
        return Start((parent,) if parent else brief.references[:1], beside=True)
    if brief.parent and parent:
        return Start((parent,), max(STRENGTH_LEAST, min(1.0, brief.parent.strength)))
    if not brief.references:
        return Start()
    weight = IMAGE_WEIGHT if brief.iw is None else brief.iw
    strength = max(STRENGTH_LEAST, min(1.0, round(1 - 0.35 * weight, 3)))
    return Start(brief.references[:1], strength)


def effort(manner: Manner, brief: Brief) -> int:
    """Return the steps to take: by the quality; few for a draft."""
    wanted = manner.steps * (1.0 if brief.quality is None else brief.quality)
    if brief.draft:
        wanted = min(wanted, max(DRAFT_STEPS, manner.steps * DRAFT_SHARE))
    return max(1, round(min(wanted, max(STEPS_MAX, manner.steps))))


def steps(wanted: int, strength: float) -> int:
    """Return the steps to ask for; the pipeline runs ``floor(steps * strength)`` of them."""
    return max(wanted, math.ceil(1 / strength))


def adapter_scale(brief: Brief) -> float:
    """Return the image adapter's weight; it has one for all of its pictures."""
    weights = [
        WEIGHT if weight is None else weight
        for pictures, weight in (
            (brief.style_references, brief.style_weight),
            (brief.object_references, brief.object_weight),
        )
        if pictures
    ]
    scale = ADAPTER_SCALE * max(weights, default=0.0) / WEIGHT
    return round(min(scale, ADAPTER_SCALE_MAX), 3)


def drawn_px(width: int, height: int, native_px: int, multiple_px: int) -> tuple[int, int]:
    """Return the size to draw at: in the ratio asked for, as large as the pipeline draws best.

    Cells have about the pipeline's usual area; sizes above it are drawn as they are.
    """
    times = native_px / CELL_PX
    if width * height > CELL_PX**2:
        times = max(min(1.0, times), native_px / math.sqrt(width * height))

    def side(pixels: int) -> int:
        return max(multiple_px, round(pixels * times / multiple_px) * multiple_px)

    return side(width), side(height)


def joined(*parts: str) -> str:
    """Join the non-empty parts with commas."""
    return ", ".join(part for part in parts if part.strip())
