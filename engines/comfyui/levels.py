"""How well each parameter and operation can be honoured: by a server in general, and in one drawing.

Pure functions, called by ``engine``; described in docs/engines/comfyui.md.
"""

from __future__ import annotations

from typing import Any

from engines.comfyui import mapping
from engines.comfyui.abilities import Found
from engines.comfyui.config import ComfyConfig
from engines.remote.levels import asked_of
from limner.engine import Brief, Level

Levels = dict[str, Level]

#: above this guidance, the sampler looks at the negative prompt
CFG_HEEDS_NEGATIVE = 1.0
#: what an upscale model knows nothing of
_OF_WORDS = (
    *("chaos", "stylize", "style", "niji", "tile", "references", "iw", "negative", "seed"),
    *("quality", "weird", "draft", "style_references", "object_references"),
)


def levels(config: ComfyConfig, found: Found, *, batch: bool) -> Levels:
    """Return how well each parameter can be honoured, by name as in ``Capabilities``."""
    exact_if: Any = {True: "exact", False: "none"}
    near_if: Any = {True: "near", False: "none"}
    family, graph = config.family, config.workflow
    coarse = family.multiple_px > mapping.LATENT_PX
    said: Levels = {
        "ar": "near" if family.trained_px or coarse else "exact",
        "chaos": near_if[not batch],
        "stylize": near_if[mapping.is_steered(config)],
        "style": "near",
        "niji": "exact" if config.niji_checkpoint else "near",
        "tile": exact_if[found.can_tile],
        "references": "near",
        # What it is shown beside the words has no weight.
        "iw": near_if[family.shown is None or graph is not None],
        "negative": exact_if[config.cfg > CFG_HEEDS_NEGATIVE and mapping.follows_cfg(config)],
        "seed": "near" if batch else "exact",
        "size": "near" if coarse else "exact",
        "count": "exact",
        "quality": "near",
        "weird": "near",
        "draft": "near",
        "style_references": near_if[found.adapts],
        "object_references": near_if[found.adapts],
        "vary": "exact",
        "upscale_subtle": exact_if[found.upscales],
        "upscale_creative": "exact",
        "edit": exact_if[found.edits and family.masks],
        "blend": "near",
        "describe": "none",
    }
    if graph is None:
        return said
    img2img = config.workflow_img2img
    from_picture = img2img.placeholders if img2img else None
    return said | _of_own_graph(graph.placeholders, from_picture, batch=batch)


def _of_own_graph(
    used: frozenset[str], from_picture: frozenset[str] | None, *, batch: bool
) -> Levels:
    """Return what an operator's own graph does otherwise: it can do what it has placeholders for."""
    near_if: Any = {True: "near", False: "none"}
    said: Levels = {"edit": "none", "upscale_creative": "none", "blend": "none"}
    if not {"width", "height"} <= used:
        said["ar"] = said["size"] = "near"
    said["stylize"] = near_if[bool({"cfg", "guidance", "stylize"} & used)]
    if "steps" not in used:
        said["quality"] = said["draft"] = "none"
    if "checkpoint" not in used:
        said["niji"] = "near"
    if "negative" not in used:
        said["negative"] = "none"
    elif "cfg" not in used:
        # Its guidance is its own.
        said["negative"] = "exact"
    if batch and "batch" not in used:
        said["count"] = "near"
    if from_picture is None:
        said["references"] = said["iw"] = said["vary"] = "none"
    elif "denoise" in from_picture:
        said["upscale_creative"] = said["blend"] = "near"
    else:
        said["vary"] = "near"
        said["iw"] = near_if["iw" in from_picture]
    return said


def turned_out(config: ComfyConfig, found: Found, brief: Brief, *, batch: bool) -> Levels:
    """Return the levels that this drawing has otherwise than the engine's ``Capabilities`` say."""
    said = levels(config, found, batch=config.batch)
    now = levels(config, found, batch=batch) | _of_brief(config, said, brief)
    return {name: level for name, level in now.items() if level != said[name]}


def _of_brief(config: ComfyConfig, said: Levels, brief: Brief) -> Levels:
    now: Levels = {}
    if brief.operation == "upscale" and brief.upscale == "subtle":
        return dict.fromkeys(_OF_WORDS, "none")
    if brief.operation == "blend":
        now["iw"] = "none"
    elif brief.operation != "draw" or (brief.parent and brief.parent.picture):
        # It starts from the picture that it is about.
        now["references"] = now["iw"] = "none"
    if brief.niji and not mapping.has_niji_model(config, brief):
        now["niji"] = "near"
    if brief.chaos and not mapping.is_steered(config) and not mapping.adds_words(brief):
        now["chaos"] = "none"
    if said["negative"] == "exact" and _uses_cfg(config):
        cells = range(len(brief.seeds))
        heeded = {mapping.cfg(config, brief, c) > CFG_HEEDS_NEGATIVE for c in cells}
        now["negative"] = "near" if len(heeded) > 1 else "exact" if True in heeded else "none"
    return now


def _uses_cfg(config: ComfyConfig) -> bool:
    return config.workflow is None or "cfg" in config.workflow.placeholders


def notes(brief: Brief, said: Levels) -> dict[str, Any]:
    """Return how each parameter that the job asked for was honoured."""
    return {"parameters": {name: said[name] for name in ("ar", "seed", *asked_of(brief))}}


def of_operation(said: Levels, brief: Brief) -> Level:
    """Return how well the operation of a brief can be done."""
    if brief.operation == "draw":
        varies = brief.parent is not None and brief.parent.picture is not None
        return said["vary"] if varies else "exact"
    if brief.operation == "upscale":
        return said[f"upscale_{brief.upscale}"]
    return said[brief.operation]
