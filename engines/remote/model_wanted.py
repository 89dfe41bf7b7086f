"""Turn a brief into inputs of a hosted model, by the names that models share; pure but for picture files.

``levels_of`` says what a model can do by its inputs, ``wanted_of`` fills them in. What an operator sets in
``input`` is sent as well, where the brief does not decide; no ability is derived from it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engines.remote.inline import data_url, png_url
from engines.remote.model_inputs import ModelInputs
from engines.remote.sizing import Size, SizeLimits, drawn_size, nearest_word
from engines.remote.starting import blended, filled, fitted
from engines.remote.wording import SharedWords, about_listed, fitting, worded
from limner.engine import Brief, Level
from limner.errors import Rejected

_COUNTS = ("num_outputs", "num_images", "number_of_images", "n")
_STARTS = ("image", "init_image", "input_image", "img", "image_prompt", "image_url")
_LISTS = ("input_images", "image_input", "images", "reference_images", "image_urls")
_STRENGTHS = ("prompt_strength", "strength", "denoising_strength")
_MASKS = ("mask", "mask_image", "mask_url", "mask_image_url")
_STEPS = ("num_inference_steps", "steps")
_STYLES = ("style_reference_images",)
#: what callers ask for with a drawing from words
_PARAMETERS = ("ar", "size", "seed", "chaos", "negative", "quality", "draft")
#: a ratio's word for a size that is said in numbers
_CUSTOM = "custom"
LISTED_MOST = 8
#: how far what is drawn departs from what it starts from, where the caller does not say
BLEND_STRENGTH, REGION_STRENGTH, EXTENSION_STRENGTH = 0.6, 0.95, 0.9
#: models round sizes to 8, 16 or 32 pixels: these they do not
STEP_PX = 32
LONGEST_PX = 2048
DRAFT_QUALITY = 0.5


@dataclass(frozen=True, slots=True)
class ModelManner:
    """How a model is used."""

    #: whether one prediction draws all cells, if the model can
    together: bool = True
    #: how many times larger than the cell to draw, where the model takes sizes
    scale: float = 2.0
    suffix: str = ""
    #: inputs of the operator's, sent with every prediction
    inputs: Mapping[str, Any] = field(default_factory=dict)


def levels_of(model: ModelInputs, manner: ModelManner) -> dict[str, Any]:
    """Return the abilities that the model's inputs allow, as fields of ``Capabilities``."""
    apart = _per_call(model, manner) == 1
    start, several = model.first(*_STARTS), _several(model)
    strength = bool(start and model.first(*_STRENGTHS))
    pictures = bool(start or several)
    fits: Level = "exact" if _takes_sizes(model) else "near"
    seeded: Level = "exact" if apart else "near"

    def near(able: object) -> Level:
        return "near" if able else "none"

    return {
        "ar": fits,
        "size": fits,
        "count": "exact",
        "seed": seeded if model.first("seed") else "none",
        "chaos": near(apart),
        "stylize": "near",
        "style": "near",
        "niji": "near",
        "weird": "near",
        "tile": "none",
        "negative": "exact" if model.first("negative_prompt") else "none",
        "references": near(pictures),
        "iw": near(strength),
        "quality": near(_steps_default(model)),
        "draft": near(_steps_default(model)),
        "style_references": near(several or model.first(*_STYLES)),
        "object_references": near(several),
        "vary": near(pictures),
        "edit": near(start and model.first(*_MASKS)),
        "blend": near(several or strength),
        "previews": apart,
    }


@dataclass(frozen=True, slots=True)
class ModelWanted:
    """The inputs of each prediction that draws a brief, with how many pictures it draws.

    ``seeds``: of each cell, if the model draws it from that one: not if it draws several at once; ``applied``:
    levels that turn out otherwise than ``levels_of`` says.
    """

    calls: Sequence[tuple[Mapping[str, Any], int]] = field(repr=False)
    seeds: tuple[int, ...] = ()
    applied: Mapping[str, Level] = field(default_factory=dict)


def wanted_of(brief: Brief, model: ModelInputs, manner: ModelManner) -> ModelWanted:
    """Return the predictions that draw a brief.

    Raises:
        Rejected: a picture cannot be read, or the model cannot do that.
    """
    common: dict[str, Any] = dict(manner.inputs)
    common |= _size(model, (brief.width, brief.height), manner.scale)
    common |= _effort(model, brief, manner.inputs)
    if model.first("negative_prompt") and brief.negative:
        common["negative_prompt"] = brief.negative
    given = _pictures(brief, model)
    common |= given.inputs
    per_call = _per_call(model, manner)
    counted = model.first(*_COUNTS)
    seeds = tuple(_seed(model, seed) for seed in brief.seeds) if model.first("seed") else ()
    wording = SharedWords(manner.suffix, given.about, negative_apart=True, spread=per_call == 1)
    calls = []
    for first in range(0, len(brief.seeds), per_call):
        count = min(per_call, len(brief.seeds) - first)
        own: dict[str, Any] = {"prompt": worded(brief, first, wording)}
        if seeds:
            own["seed"] = seeds[first]
        if counted:
            own[counted] = count
        calls.append((common | own, count))
    alone = all(count == 1 for _, count in calls)
    return ModelWanted(calls, seeds if alone else (), given.applied)


def turned_out(usual: Mapping[str, Any], here: Mapping[str, Any]) -> dict[str, Level]:
    """Return the levels of the parameters that another model of the same engine does not honour alike."""
    return {
        name: level
        for name, level in here.items()
        if name in _PARAMETERS and usual.get(name) != level
    }


def _seed(model: ModelInputs, seed: int) -> int:
    most = model.number("seed", "maximum")
    return seed if most is None else seed % (int(most) + 1)


def _per_call(model: ModelInputs, manner: ModelManner) -> int:
    """Return how many pictures one prediction draws at most."""
    name = model.first(*_COUNTS)
    if not name or not manner.together:
        return 1
    most = model.number(name, "maximum")
    if most is None:
        most = max((int(word) for word in model.words(name) if word.isdecimal()), default=1)
    return max(1, min(int(most), 4))


def _several(model: ModelInputs) -> str | None:
    """Return the input that takes a list of pictures."""
    return next((name for name in _LISTS if model.is_list(name)), None)


# -- sizes and effort ------------------------------------------------------------------------------


def _takes_sizes(model: ModelInputs) -> bool:
    words = model.words("aspect_ratio")
    # A ratio of the model's own comes before numbers, unless it says otherwise.
    numbers = model.first("width") and model.first("height") and (not words or _CUSTOM in words)
    return bool(numbers) or model.is_size("image_size")


def _size(model: ModelInputs, asked: Size, scale: float) -> dict[str, Any]:
    if not _takes_sizes(model):
        for name in ("aspect_ratio", "image_size", "size"):
            word = nearest_word(asked, model.words(name))
            if word:
                return {name: word}
        return {}
    width, height = drawn_size(asked, _limits(model, scale))
    size = {"width": width, "height": height}
    if model.is_size("image_size"):
        return {"image_size": size}
    return {"aspect_ratio": _CUSTOM, **size} if model.words("aspect_ratio") else {**size}


def _limits(model: ModelInputs, scale: float) -> SizeLimits:
    sides = [
        (model.number(name, "minimum") or 0, model.number(name, "maximum") or LONGEST_PX)
        for name in ("width", "height")
    ]
    longest = int(min(LONGEST_PX, *(most for _, most in sides)))
    return SizeLimits(
        step_px=STEP_PX,
        scale=scale,
        pixels=(0, longest * longest),
        shortest_px=int(max(least for least, _ in sides)),
        longest_px=longest,
    )


def _steps_default(model: ModelInputs) -> float | None:
    name = model.first(*_STEPS)
    return model.number(name, "default") if name else None


def _effort(model: ModelInputs, brief: Brief, chosen: Mapping[str, Any]) -> dict[str, int]:
    """Return the steps for a quality or a draft, as a part of the usual ones; none for the usual effort."""
    name, usual = model.first(*_STEPS), _steps_default(model)
    quality = DRAFT_QUALITY if brief.draft else brief.quality
    if name is None or usual is None or quality in (None, 1):
        return {}
    least, most = model.number(name, "minimum") or 1, model.number(name, "maximum") or usual * 4
    own = chosen.get(name)
    usual = float(own) if isinstance(own, int | float) else usual
    return {name: int(min(max(round(usual * quality), least), most))}


# -- pictures --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Given:
    """The inputs that are pictures, the words that say what they are for, and what found no room."""

    inputs: Mapping[str, Any]
    about: str = ""
    applied: Mapping[str, Level] = field(default_factory=dict)


def _pictures(brief: Brief, model: ModelInputs) -> _Given:
    if brief.operation == "edit":
        return _Given(_edited(brief, model))
    if brief.operation not in ("draw", "blend"):
        raise Rejected("parameter", "The engine's model cannot do that.")
    parent = brief.parent.picture if brief.parent else None
    starts = [parent] if parent else list(brief.references)
    several = _several(model)
    if several:
        return _listed(brief, several, starts[:LISTED_MOST])
    start, strength, styles = (model.first(*names) for names in (_STARTS, _STRENGTHS, _STYLES))
    found: dict[str, Any] = {}
    about = ""
    if start and starts:
        blends = brief.operation == "blend" and strength
        size = brief.width, brief.height
        found[start] = png_url(blended(starts, size)) if blends else data_url(starts[0])
        if strength:
            found[strength] = _strength(brief)
        # A blend may have no words of its own, and every model wants some.
        if brief.operation == "blend" or not strength:
            alone = dataclasses.replace(brief, style_references=(), object_references=())
            about = about_listed(alone, 1)
    if styles and brief.style_references:
        urls = [data_url(path) for path in brief.style_references[:LISTED_MOST]]
        found[styles] = urls if model.is_list(styles) else urls[0]
    return _Given(found, about)


def _listed(brief: Brief, name: str, starts: Sequence[Path]) -> _Given:
    """Return what goes to a model that takes a list of pictures."""
    brief, left_out = fitting(brief, LISTED_MOST, len(starts))
    listed = [*starts, *brief.style_references, *brief.object_references]
    urls = {name: [data_url(path) for path in listed]} if listed else {}
    return _Given(urls, about_listed(brief, len(starts)), left_out)


def _strength(brief: Brief) -> float:
    if brief.operation == "blend":
        return BLEND_STRENGTH
    if brief.parent and brief.parent.picture:
        return brief.parent.strength
    return round(1 - 0.35 * (1.0 if brief.iw is None else brief.iw), 3)


def _edited(brief: Brief, model: ModelInputs) -> dict[str, Any]:
    start, mask_name = model.first(*_STARTS), model.first(*_MASKS)
    if brief.edit is None or start is None or mask_name is None:
        raise Rejected("parameter", "The engine's model cannot redraw a part of a picture.")
    size = brief.width, brief.height
    canvas, mask = fitted(brief.edit.canvas, size), fitted(brief.edit.mask, size).convert("L")
    found: dict[str, Any] = {mask_name: png_url(mask.convert("RGB"))}
    found[start] = png_url(filled(canvas, mask) if brief.edit.kept else canvas)
    strength = model.first(*_STRENGTHS)
    if strength:
        found[strength] = EXTENSION_STRENGTH if brief.edit.kept else REGION_STRENGTH
    return found
