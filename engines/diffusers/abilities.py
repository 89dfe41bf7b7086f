"""How well a pipeline honours each parameter, and which operations it can do; pure functions."""

from __future__ import annotations

from dataclasses import fields

from engines.diffusers.config import PipelineConfig
from engines.diffusers.families import Family
from engines.diffusers.mapping import DRAFT_STEPS, heeds_negative, is_guided, manner_of
from engines.diffusers.order import PipelineOrder
from limner.engine import Brief, Capabilities, Level

#: the gateway's sizes are multiples of this
EXACT_PX = 8


def capabilities(
    config: PipelineConfig, family: Family, *, adapts: bool = False, describes: bool = False
) -> Capabilities:
    """Return what a pipeline of this kind can do.

    ``adapts``, ``describes``: the operator's image adapter, and caption model, are there.
    """
    guided = is_guided(config, family)
    draft: Level = "near" if manner_of(config, family).steps > DRAFT_STEPS else "none"
    # Of a kind that no test draws with, only its arguments are known.
    exact: Level = "exact" if family.proved else "near"
    adapted: Level = "near" if adapts and family.adapts else "none"
    started: Level = "near" if family.starts_from_pictures else "none"
    seen: Level = "near" if family.looks_at_pictures else started
    return Capabilities(
        chaos="near",
        stylize="near" if guided else "none",
        style="near",
        niji="exact" if config.niji_model else "near",
        tile=exact if family.convolves else "none",
        references=seen,
        iw=started,
        negative=exact if heeds_negative(config, family) else "none",
        # Sides in larger steps are drawn in them, and cut.
        size="exact" if family.proved and family.multiple_px == EXACT_PX else "near",
        seed=exact,
        count="exact",
        quality="near",
        draft=draft,
        style_references=adapted,
        object_references=adapted,
        vary=exact if family.starts_from_pictures else seen,
        upscale_subtle=started,
        upscale_creative=started,
        edit=exact if family.inpaints else "none",
        blend=started,
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
    if order.whole and can.size != "exact":
        levels["size"] = "exact"
    elif order.whole:
        levels.pop("size", None)
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
