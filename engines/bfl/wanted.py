"""Turn a brief into BFL's request bodies, one a cell; pure but for picture files.

Source: BFL's documentation. ``mask`` is white where to draw; pictures are bare base64.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engines.bfl.models import RATIO_MOST, BflModel, BflModels
from engines.remote.inline import bare, data_url, png_url
from engines.remote.sizing import SizeLimits, drawn_size
from engines.remote.starting import filled, fitted
from engines.remote.wording import SharedWords, about_listed, fitting, worded
from limner.engine import Brief, Level
from limner.errors import Rejected
from limner.ratios import ratio_of

DRAFT_QUALITY = 0.5


@dataclass(frozen=True, slots=True)
class BflManner:
    """The operator's options for what is drawn."""

    scale: float = 2.0
    suffix: str = ""
    output_format: str = "png"
    inputs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BflWanted:
    """The model that draws, a body for each cell, and levels that turn out otherwise than usual."""

    model: BflModel
    bodies: Sequence[Mapping[str, Any]] = field(repr=False)
    applied: Mapping[str, Level] = field(default_factory=dict)


def levels_of(models: BflModels) -> dict[str, Any]:
    """Return the abilities of an engine's models, as fields of ``Capabilities``."""
    usual, pictures = models.usual, models.pictures
    starts = pictures.pictures or pictures.prompted

    def near(able: object) -> Level:
        return "near" if able else "none"

    return {
        **sized_by(usual),
        "count": "exact",
        "seed": "exact",
        "chaos": "near",
        "stylize": "near",
        "style": "near",
        "niji": "near",
        "weird": "near",
        "tile": "none",
        "negative": "none",
        "references": near(starts),
        "iw": near(pictures.prompted),
        "style_references": near(pictures.pictures > 1),
        "object_references": near(pictures.pictures > 1),
        "vary": near(starts),
        "edit": near(models.fill),
        "blend": near(pictures.pictures > 1),
    }


def sized_by(model: BflModel) -> dict[str, Level]:
    """Return the levels that differ from model to model."""
    fits: Level = "exact" if model.limits else "near"
    effort: Level = "near" if model.steps else "none"
    return {"ar": fits, "size": fits, "quality": effort, "draft": effort}


def wanted_of(brief: Brief, models: BflModels, manner: BflManner) -> BflWanted:
    """Return the requests that draw a brief.

    Raises:
        Rejected: it cannot be drawn here, or a picture to start from cannot be read.
    """
    common: dict[str, Any] = {"output_format": manner.output_format, **manner.inputs}
    if brief.operation == "edit":
        if brief.edit is None or models.fill is None:
            raise Rejected("parameter", "The engine cannot redraw a part of a picture.")
        common |= _part(brief, models.fill, manner.scale)
        bodies = _bodies(brief, common, SharedWords(manner.suffix, "", True))
        return BflWanted(models.fill, bodies, _turned_out(models.fill, models.usual))
    if brief.operation not in ("draw", "blend"):
        raise Rejected("parameter", "The engine cannot do that.")
    model = models.for_brief(brief)
    common |= _size(brief, model, manner.scale) | _effort(brief, model)
    if model.raw and brief.style == "raw":
        common["raw"] = True
    pictures, about, left_out = _pictures(brief, model)
    common |= pictures
    bodies = _bodies(brief, common, SharedWords(manner.suffix, about, negative_apart=True))
    return BflWanted(model, bodies, {**_turned_out(model, models.usual), **left_out})


def _turned_out(model: BflModel, usual: BflModel) -> dict[str, Level]:
    """Return the levels that another model than the usual one honours otherwise."""
    known = sized_by(usual)
    return {name: level for name, level in sized_by(model).items() if known[name] != level}


def _bodies(brief: Brief, common: Mapping[str, Any], wording: SharedWords) -> list[dict[str, Any]]:
    return [
        {**common, "prompt": worded(brief, cell, wording), "seed": seed}
        for cell, seed in enumerate(brief.seeds)
    ]


def _size(brief: Brief, model: BflModel, scale: float) -> dict[str, Any]:
    asked = brief.width, brief.height
    if model.limits is None:
        if max(asked) > RATIO_MOST * min(asked):
            return {"aspect_ratio": "7:3" if asked[0] > asked[1] else "3:7"}
        return {"aspect_ratio": ratio_of(*asked)}
    width, height = drawn_size(asked, replace(model.limits, scale=scale))
    return {"width": width, "height": height}


def _effort(brief: Brief, model: BflModel) -> dict[str, int]:
    quality = DRAFT_QUALITY if brief.draft else brief.quality
    if model.steps is None or quality is None or quality >= 1:
        return {}
    return {"steps": max(1, round(model.steps * quality))}


def _pictures(brief: Brief, model: BflModel) -> tuple[dict[str, Any], str, dict[str, Level]]:
    """Return the fields that are pictures, the words about them, and what found no room."""
    parent = brief.parent.picture if brief.parent else None
    starts: list[Path] = [parent] if parent else list(brief.references)
    if model.prompted:
        if not starts:
            return {}, "", {}
        weight = 1 - brief.parent.strength if parent and brief.parent else _weight(brief)
        picture = bare(data_url(starts[0]))
        return {"image_prompt": picture, "image_prompt_strength": round(weight, 3)}, "", {}
    if not model.pictures:
        return {}, "", {}
    starts = starts[: model.pictures]
    brief, left_out = fitting(brief, model.pictures, len(starts))
    listed = [*starts, *brief.style_references, *brief.object_references]
    names = ("input_image", *(f"input_image_{number}" for number in range(2, 9)))
    fields = {name: bare(data_url(path)) for name, path in zip(names, listed, strict=False)}
    return fields, about_listed(brief, len(starts)), left_out


def _weight(brief: Brief) -> float:
    """Return the weight of a picture beside the words, 0-1."""
    return (1.0 if brief.iw is None else brief.iw) / 2


def _part(brief: Brief, model: BflModel, scale: float) -> dict[str, Any]:
    assert brief.edit
    size = drawn_size(
        (brief.width, brief.height), replace(model.limits or SizeLimits(), scale=scale)
    )
    canvas, mask = fitted(brief.edit.canvas, size), fitted(brief.edit.mask, size).convert("L")
    start = filled(canvas, mask) if brief.edit.kept else canvas
    return {"image": bare(png_url(start)), "mask": bare(png_url(mask.convert("RGB")))}
