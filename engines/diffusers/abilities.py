"""How well a pipeline honours each parameter, and which operations it can do; pure functions."""

from __future__ import annotations

from dataclasses import fields

from engines.diffusers.config import PipelineConfig
from engines.diffusers.mapping import DRAFT_STEPS, GUIDED_FROM
from engines.diffusers.model import Family
from engines.diffusers.order import PipelineOrder
from limner.engine import Brief, Capabilities, Level


def capabilities(
    config: PipelineConfig, family: Family, *, adapts: bool = False, describes: bool = False
) -> Capabilities:
    """Return what a pipeline of this kind can do.

    ``adapts``, ``describes``: the operator's image adapter, and caption model, are there.
    """
    guided = config.guidance > GUIDED_FROM
    adapted: Level = "near" if adapts and family.adapts else "none"
    from_pictures: Level = "near" if family.starts_from_pictures else "none"
    return Capabilities(
        chaos="near",
        stylize="near" if guided else "none",
        style="near",
        niji="exact" if config.niji_model else "near",
        tile="exact" if family.convolves else "none",
        references=from_pictures,
        iw=from_pictures,
        negative="exact" if guided and family.takes_negative else "none",
        count="exact",
        quality="near",
        draft="near" if config.steps > DRAFT_STEPS else "none",
        style_references=adapted,
        object_references=adapted,
        vary="exact" if family.starts_from_pictures else "none",
        upscale_subtle=from_pictures,
        upscale_creative=from_pictures,
        edit="exact" if family.inpaints else "none",
        blend=from_pictures,
        describe="near" if describes else "none",
        cancel=True,
        previews=family.shows_previews,
    )


def otherwise(
    can: Capabilities, here: Capabilities, brief: Brief, order: PipelineOrder, niji_model: str
) -> dict[str, Level]:
    """Return the levels that a drawing had otherwise than ``can`` says.

    ``here``: what the pipeline that drew it can do; a version may have one of another kind.
    """
    levels: dict[str, Level] = {
        one.name: level
        for one in fields(Capabilities)
        if (level := getattr(here, one.name)) != getattr(can, one.name)
        and level in ("exact", "near", "none")
    }
    if brief.niji and can.niji == "exact" and order.model != niji_model:
        levels["niji"] = "near"
    if brief.chaos:
        if len(order.seeds) == 1:
            # There is nothing that one picture could differ from.
            levels["chaos"] = "none"
        elif len(set(order.prompts)) > 1:
            # With words of its own, a cell is not the one that its seed alone would give.
            levels["seed"] = "near"
    return levels
