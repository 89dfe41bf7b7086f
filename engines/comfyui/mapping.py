"""From a brief to the numbers and words of a graph, and what each parameter became; pure functions.

The formulas are starting points (a diffusion model has no chaos and no stylize), so the notes call
them near. Called by ``engine``; described in docs/engines/comfyui.md.
"""

from __future__ import annotations

import random
from typing import Any

from engines.comfyui.config import ComfyConfig
from engines.remote.levels import asked_of
from limner.engine import Brief, Level

#: the sizes SDXL was trained on that are close to the seven ratios
SDXL_SIZES_PX = (
    (1024, 1024), (896, 1152), (832, 1216), (768, 1344), (1152, 896), (1216, 832), (1344, 768),
)  # fmt: skip
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
IW_DEFAULT = 1.0
SEED_MAX = 2**64


def size_px(config: ComfyConfig, brief: Brief) -> tuple[int, int]:
    """Return the size to draw at: the brief's, or the one nearest in ratio that SDXL was trained on."""
    if config.family == "sd15":
        return brief.width, brief.height
    shape = brief.width / brief.height
    return min(SDXL_SIZES_PX, key=lambda size: abs(size[0] / size[1] - shape))


def denoise(brief: Brief) -> float:
    """Return how far to depart from the starting picture: 1 is completely."""
    if brief.parent and brief.parent.picture:
        return min(max(brief.parent.strength, 0.05), 1.0)
    if not brief.references:
        return 1.0
    iw = IW_DEFAULT if brief.iw is None else brief.iw
    return round(min(max(1 - 0.35 * iw, 0.05), 1.0), 3)


def guidance(config: ComfyConfig, brief: Brief, cell: int) -> float:
    """Return a cell's cfg: less for more stylize, spread over the cells by chaos."""
    cfg = config.cfg
    if brief.stylize is not None:
        # 9 - 5·s for a cfg of 7; models made for a low cfg keep their own scale.
        cfg *= (9 - 5 * brief.stylize / 1000) / 7
    cfg *= 1 + 0.4 * (brief.chaos or 0) / 100 * CHAOS_CFG_SPREAD[cell]
    return round(max(cfg, min(1.0, config.cfg)), 3)


def words(config: ComfyConfig, brief: Brief, cell: int) -> str:
    """Return a cell's prompt."""
    parts = [brief.prompt]
    if brief.niji:
        parts.append("" if config.niji_checkpoint else NIJI_WORDS)
        parts.append(STYLE_WORDS.get(brief.style, ""))
    chaos = brief.chaos or 0
    if chaos > CHAOS_WORDS_FROM and cell > 0:
        # By the cell's own seed, so that drawing the job again gives the same words.
        count = 1 + int(chaos > 60) + int(chaos > 85)
        parts += random.Random(brief.seeds[cell]).sample(CHAOS_WORDS, count)
    if brief.style != "raw":
        parts.append(config.suffix)
    return ", ".join(part for part in parts if part)


def cell_values(
    config: ComfyConfig, brief: Brief, cell: int, reference: str, batch: int
) -> dict[str, Any]:
    """Return the values of the placeholders in one cell."""
    width, height = size_px(config, brief)
    niji = brief.niji and config.niji_checkpoint
    return {
        "prompt": words(config, brief, cell),
        "negative": ", ".join(part for part in (brief.negative, config.negative) if part),
        "seed": brief.seeds[cell] % SEED_MAX,
        "width": width,
        "height": height,
        "steps": config.steps,
        "cfg": guidance(config, brief, cell),
        "sampler": config.sampler,
        "scheduler": config.scheduler,
        "checkpoint": config.niji_checkpoint if niji else config.checkpoint,
        "denoise": denoise(brief),
        "reference": reference,
        "batch": batch,
        "tile": "enable" if brief.tile else "disable",
        "chaos": brief.chaos or 0,
        "stylize": 100 if brief.stylize is None else brief.stylize,
        "iw": IW_DEFAULT if brief.iw is None else brief.iw,
        "cell": cell + 1,
    }


def levels(config: ComfyConfig, *, can_tile: bool, batch: bool) -> dict[str, Level]:
    """Return how well each parameter can be honoured, by name as in ``Capabilities``."""
    found: dict[str, Level] = {
        "ar": "exact" if config.family == "sd15" else "near",
        "chaos": "none" if batch else "near",
        "stylize": "near",
        "style": "near",
        "niji": "exact" if config.niji_checkpoint else "near",
        "tile": "exact" if can_tile else "none",
        "references": "near",
        "iw": "near",
        "negative": "exact",
        "seed": "near" if batch else "exact",
    }
    if config.workflow is None:
        return found
    used = config.workflow.placeholders
    if not {"width", "height"} <= used:
        found["ar"] = "near"
    if "cfg" not in used:
        found["stylize"] = "near" if "stylize" in used else "none"
    if config.workflow_img2img is None:
        found["references"] = found["iw"] = "none"
    elif not {"denoise", "iw"} & config.workflow_img2img.placeholders:
        found["iw"] = "none"
    if "checkpoint" not in used:
        found["niji"] = "near"
    if "negative" not in used:
        found["negative"] = "none"
    return found


def notes(brief: Brief, found: dict[str, Level]) -> dict[str, Any]:
    """Return how each parameter that the job asked for was honoured."""
    return {"parameters": {name: found[name] for name in ("ar", "seed", *asked_of(brief))}}
