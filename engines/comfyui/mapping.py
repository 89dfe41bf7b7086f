"""From a brief to the numbers and words of a graph; pure functions.

The formulas are starting points (a diffusion model has no chaos and no stylize), so ``levels`` calls
them near. Called by ``planner``; described in docs/engines/comfyui.md.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from typing import Any

from engines.comfyui.config import ComfyConfig
from limner.engine import Brief
from limner.ratios import CELL_SIZE_PX

CHAOS_WORDS = (
    "close-up", "wide shot", "seen from above", "low angle", "backlit", "in soft morning light",
    "at night", "in the far distance", "off-centre composition", "minimalist", "richly detailed",
    "in muted colours", "in vivid colours", "in mist", "silhouette", "symmetrical",
)  # fmt: skip
#: above this, cells differ in words and not only in guidance
CHAOS_WORDS_FROM = 30
CHAOS_CFG_SPREAD = (0.0, -1.0, 1.0, 0.5)
NIJI_WORDS = "anime illustration"
STYLE_WORDS = {
    "cute": "cute, charming, rounded shapes",
    "expressive": "expressive, dynamic, strong contrast",
    "original": "",
    "scenic": "scenic background, cinematic light",
}
#: what a picture may become when it is weird: one word, or two, or three
WEIRD_WORDS = (
    "surreal", "uncanny", "dreamlike", "otherworldly", "absurd proportions", "impossible geometry",
    "unexpected materials", "strange perspective", "bizarre details", "unlikely combination",
)  # fmt: skip
WEIRD_STEPS = (0, 500, 1500)
IW_DEFAULT = 1.0
SEED_MAX = 2**64
#: a latent's pixel, of nearly all families
LATENT_PX = 8
STEPS_MAX = 150
#: the share of the steps that a draft gets, and the least
DRAFT_SHARE, DRAFT_STEPS = 0.3, 6
#: how far to depart from an enlarged picture, from several pictures in one, and from what is redrawn
CREATIVE_DENOISE, BLEND_DENOISE, REGION_DENOISE = 0.3, 0.65, 0.9
#: of --sw and --ow, which mean 100 if they are not given
WEIGHT_DEFAULT, WEIGHT_MOST = 100.0, 1.5


def size_px(config: ComfyConfig, brief: Brief) -> tuple[int, int]:
    """Return the size to draw at, from which the picture is reduced to the brief's if that differs.

    For a family that was trained at certain sizes, a cell of one of the seven ratios is drawn at that of them
    that is nearest in shape; any other size as it is, or two, three … times as large if it is small.
    """
    family, size = config.family, (brief.width, brief.height)
    is_cell = brief.operation in ("draw", "blend") and size in CELL_SIZE_PX.values()
    if family.trained_px and is_cell:
        shape = brief.width / brief.height
        return min(family.trained_px, key=lambda trained: abs(trained[0] / trained[1] - shape))
    times = math.sqrt(family.least_px / (brief.width * brief.height))
    scale = max(1.0, math.ceil(times / family.enlarge) * family.enlarge)
    width, height = (
        math.ceil(side * scale / family.multiple_px) * family.multiple_px for side in size
    )
    return width, height


def steps(config: ComfyConfig, brief: Brief) -> int:
    """Return the number of steps: more for more quality, few for a draft."""
    wanted = config.steps * (1.0 if brief.quality is None else brief.quality)
    if brief.draft:
        wanted = max(wanted * DRAFT_SHARE, min(wanted, DRAFT_STEPS))
    return max(1, min(round(wanted), max(config.steps, STEPS_MAX)))


def denoise(brief: Brief) -> float:
    """Return how far to depart from the starting picture: 1 is completely."""
    if brief.operation == "edit":
        # Around a picture there is nothing yet to depart from.
        return 1.0 if brief.edit and brief.edit.kept else REGION_DENOISE
    if brief.operation == "upscale":
        return CREATIVE_DENOISE
    if brief.operation == "blend":
        return BLEND_DENOISE
    if brief.parent and brief.parent.picture:
        return min(max(brief.parent.strength, 0.05), 1.0)
    if not brief.references:
        return 1.0
    iw = IW_DEFAULT if brief.iw is None else brief.iw
    return round(min(max(1 - 0.35 * iw, 0.05), 1.0), 3)


def follows_cfg(config: ComfyConfig) -> bool:
    """Return whether the cfg may be changed: an own graph says so itself, a distilled model keeps its own."""
    return config.workflow is not None or not config.family.distilled


def is_steered(config: ComfyConfig) -> bool:
    """Return whether stylize and chaos can change how closely the words are followed."""
    return follows_cfg(config) or config.guidance > 0


def adds_words(brief: Brief) -> bool:
    """Return whether the cells differ in words, by chaos."""
    return (brief.chaos or 0) > CHAOS_WORDS_FROM


def cfg(config: ComfyConfig, brief: Brief, cell: int) -> float:
    """Return a cell's cfg: less for more stylize, spread over the cells by chaos."""
    if not follows_cfg(config):
        return config.cfg
    return round(max(_steered(config.cfg, brief, cell), min(1.0, config.cfg)), 3)


def guidance(config: ComfyConfig, brief: Brief, cell: int) -> float:
    """Return a cell's guidance, of a family that is told of it: as its cfg would be."""
    return round(_steered(config.guidance, brief, cell), 3)


def _steered(value: float, brief: Brief, cell: int) -> float:
    if brief.stylize is not None:
        # 9 - 5·s for a cfg of 7; models made for a low cfg keep their own scale.
        value *= (9 - 5 * brief.stylize / 1000) / 7
    return value * (1 + 0.4 * (brief.chaos or 0) / 100 * CHAOS_CFG_SPREAD[cell])


def words(config: ComfyConfig, brief: Brief, cell: int) -> str:
    """Return a cell's prompt."""
    parts = [brief.prompt]
    if brief.niji:
        parts.append("" if has_niji_model(config, brief) else NIJI_WORDS)
        parts.append(STYLE_WORDS.get(brief.style, ""))
    chaos = brief.chaos or 0
    if adds_words(brief) and cell > 0:
        # By the cell's own seed, so that drawing the job again gives the same words.
        count = 1 + int(chaos > 60) + int(chaos > 85)
        parts += random.Random(brief.seeds[cell]).sample(CHAOS_WORDS, count)
    if brief.weird:
        count = sum(brief.weird > step for step in WEIRD_STEPS)
        parts += random.Random(brief.seeds[cell]).sample(WEIRD_WORDS, count)
    if brief.style != "raw":
        parts.append(config.suffix)
    return ", ".join(part for part in parts if part)


def has_niji_model(config: ComfyConfig, brief: Brief) -> bool:
    """Return whether a niji drawing has a model of its own: a version that was asked for goes first."""
    return bool(config.niji_checkpoint) and not brief.model


def checkpoint(config: ComfyConfig, brief: Brief, usual: str | None = None) -> str:
    """Return the model's file; ``usual``: the one that was found, if it is none that the operator named."""
    if brief.model:
        return brief.model
    usual = config.checkpoint if usual is None else usual
    return config.niji_checkpoint if brief.niji and config.niji_checkpoint else usual


def cell_values(
    config: ComfyConfig, brief: Brief, cell: int, reference: str, batch: int
) -> dict[str, Any]:
    """Return the values of the placeholders in one cell."""
    width, height = size_px(config, brief)
    return {
        "prompt": words(config, brief, cell),
        "negative": ", ".join(part for part in (brief.negative, config.negative) if part),
        "seed": brief.seeds[cell] % SEED_MAX,
        "width": width,
        "height": height,
        "steps": steps(config, brief),
        "cfg": cfg(config, brief, cell),
        "guidance": guidance(config, brief, cell),
        "sampler": config.sampler,
        "scheduler": config.scheduler,
        "checkpoint": checkpoint(config, brief),
        "denoise": denoise(brief) if reference else 1.0,
        "reference": reference,
        "batch": batch,
        "tile": "enable" if brief.tile else "disable",
        "chaos": brief.chaos or 0,
        "stylize": 100 if brief.stylize is None else brief.stylize,
        "iw": IW_DEFAULT if brief.iw is None else brief.iw,
        "cell": cell + 1,
    }


def adapter_values(
    config: ComfyConfig, brief: Brief, pictures: Mapping[str, list[str]]
) -> dict[str, Any]:
    """Return the values of the adapters' placeholders; ``pictures``: their names at the server."""
    weights = {"style": brief.style_weight, "object": brief.object_weight}
    values: dict[str, Any] = {"preset": config.ip_adapter}
    for kind, names in pictures.items():
        values |= {f"{kind}_{place}": name for place, name in enumerate(names)}
        weight = weights[kind]
        weight = (WEIGHT_DEFAULT if weight is None else weight) / 100
        values[f"{kind}_weight"] = round(min(weight, WEIGHT_MOST), 3)
    return values


def file_values(
    config: ComfyConfig, brief: Brief, files: Mapping[str, str], model: str
) -> dict[str, Any]:
    """Return the values of the loaders' placeholders; ``model``: the part of which there may be versions."""
    return {**files, model: checkpoint(config, brief, files[model])}


def shown_values(names: Sequence[str], most: int, cell: int) -> dict[str, Any]:
    """Return the pictures that a cell's edit model is shown; more than it can take are dealt out in turn."""
    first = cell if len(names) > most else 0
    return {
        f"shown_{place}": names[(first + place) % len(names)]
        for place in range(min(len(names), most))
    }
