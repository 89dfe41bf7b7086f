"""How well a cog model honours each parameter, by the inputs that it has; pure functions."""

from __future__ import annotations

from engines.cog.manner import CogManner
from engines.cog.model import CogModel
from engines.cog.wanted import cells_at_once, usual_guidance, usual_steps
from engines.remote.manner import CFG_LEAST_TO_VARY, DRAFT_STEPS
from limner.engine import Brief, Capabilities, Level

CELLS = 4


def capabilities(model: CogModel, manner: CogManner) -> Capabilities:
    """Return what this model can do."""
    alone = cells_at_once(model, manner, CELLS) == 1
    sized: Level = "exact" if _is_sized(model) else "near"
    steps = usual_steps(model)
    pictured = model.has("picture") or model.has("pictures")
    redraws = model.has("picture", "strength")
    larger: Level = "near" if redraws and model.has("width", "height") else "none"
    return Capabilities(
        ar=sized,
        chaos="none",
        stylize="near" if usual_guidance(model) >= CFG_LEAST_TO_VARY else "none",
        style="near",
        niji="near",
        tile="exact" if model.has("tile") else "none",
        references="near" if pictured else "none",
        iw="near" if redraws else "none",
        negative="exact" if model.has("negative") else "none",
        seed=("exact" if alone else "near") if model.has("seed") else "none",
        size=sized,
        count="exact",
        quality="near" if steps else "none",
        draft="near" if steps and steps > DRAFT_STEPS else "none",
        vary=("exact" if redraws else "near") if pictured else "none",
        upscale_subtle=larger,
        upscale_creative=larger,
        edit="near" if model.has("picture", "mask") else "none",
        blend="near" if redraws or model.has("pictures") else "none",
        cancel=True,
        previews=alone or model.yields,
    )


def otherwise(
    brief: Brief, model: CogModel, manner: CogManner, *, as_sized: bool, as_seeded: bool
) -> dict[str, Level]:
    """Return the levels that a drawing had otherwise than ``capabilities`` says."""
    levels: dict[str, Level] = {}
    if not as_sized and _is_sized(model):
        levels |= {"ar": "near", "size": "near"}
    if model.has("seed"):
        alone = cells_at_once(model, manner, len(brief.seeds)) == 1
        usually: Level = capabilities(model, manner).seed
        now: Level = "exact" if alone and as_seeded else "near"
        if now != usually:
            levels["seed"] = now
    return levels


def _is_sized(model: CogModel) -> bool:
    """Return whether the model draws any width and height."""
    return model.has("width", "height") and not (
        model.roles["width"].choices or model.roles["height"].choices
    )
