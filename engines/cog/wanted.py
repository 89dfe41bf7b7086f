"""Turn a brief into predictions: what each is given, by the inputs that the model has; pure functions."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from engines.cog.manner import CogManner
from engines.cog.model import CogModel, ModelInput
from engines.remote.manner import guidance_of, joined, steps_of, words_of
from engines.remote.start import StartPicture, encoded, start_of
from engines.remote.starting import Size, opened
from limner.engine import Brief

_SIDE_STEP_PX = 16
#: models without bounds of their own are not asked for more
_SIDE_MAX_PX = 2048
_SIZE = re.compile(r"(\d{2,5})\s*[x×*]\s*(\d{2,5})")
_RATIO = re.compile(r"(\d{1,3}):(\d{1,3})")
#: the ratio that makes a model look at width and height
_CUSTOM = "custom"


@dataclass(frozen=True, slots=True)
class Prediction:
    """One prediction: what the model is given, the cells that it draws, and the seed of the first."""

    inputs: dict[str, Any] = field(repr=False)
    cells: tuple[int, ...]
    seed: int


def wanted(brief: Brief, model: CogModel, manner: CogManner) -> list[Prediction]:
    """Return the predictions that draw a brief's cells, in order.

    Raises:
        Rejected: a picture to start from cannot be read.
    """
    common = _common(brief, model, manner)
    predictions = []
    for cells in _shares(len(brief.seeds), model, manner):
        inputs, seed = dict(common), _seed(brief.seeds[cells[0]], model)
        if model.has("seed"):
            inputs[model.roles["seed"].name] = seed
        if model.has("count"):
            inputs[model.roles["count"].name] = len(cells)
        predictions.append(Prediction(inputs, cells, seed))
    return predictions


def cells_at_once(model: CogModel, manner: CogManner, count: int) -> int:
    """Return how many of ``count`` cells the first prediction draws."""
    counted = model.roles.get("count")
    if not manner.batch or counted is None:
        return 1
    if counted.choices:
        fitting = [n for n in counted.choices if isinstance(n, int) and 1 <= n <= count]
        return max(fitting, default=1)
    return max(1, min(count, int(counted.most or 1)))


def usual_steps(model: CogModel) -> float:
    """Return the steps that the model takes unless it is told otherwise; 0 if it cannot be told."""
    return _usual("steps", model)


def usual_guidance(model: CogModel) -> float:
    """Return the guidance that the model has unless it is told otherwise; 0 if it cannot be told."""
    return _usual("guidance", model)


def _usual(role: str, model: CogModel) -> float:
    one = model.roles.get(role)
    right = one and isinstance(one.default, int | float) and not isinstance(one.default, bool)
    return float(one.default) if one and right else 0.0


def _shares(count: int, model: CogModel, manner: CogManner) -> Iterator[tuple[int, ...]]:
    """Yield the cells of each prediction."""
    first = 0
    while first < count:
        share = cells_at_once(model, manner, count - first)
        yield tuple(range(first, first + share))
        first += share


def _common(brief: Brief, model: CogModel, manner: CogManner) -> dict[str, Any]:
    given: dict[str, Any] = {
        "prompt": words_of(brief.prompt, brief, suffix=manner.suffix, niji_model=False)
    }
    if negative := joined(brief.negative, manner.negative):
        given["negative"] = negative
    if usual_steps(model) and (brief.quality is not None or brief.draft):
        given["steps"] = steps_of(brief, usual_steps(model))
    if usual_guidance(model) and brief.stylize is not None:
        given["guidance"] = guidance_of(brief, usual_guidance(model))
    if brief.tile:
        given["tile"] = True
    if "format" in model.roles and "png" in model.roles["format"].choices:
        given["format"] = "png"
    size = _size(brief, model, manner)
    given |= _size_inputs(size, brief, model)
    given |= _start(brief, model, size)
    fields = {
        model.roles[role].name: _within(value, model.roles[role])
        for role, value in given.items()
        if role in model.roles
    }
    return {**manner.inputs, **fields}


def _start(brief: Brief, model: CogModel, size: Size) -> dict[str, Any]:
    """Return what the drawing starts from; empty for a drawing from words alone."""
    several = _pictures(brief)
    if model.has("pictures") and several and not brief.edit:
        return {"pictures": [_uri(opened(path)) for path in several]}
    start: StartPicture | None = start_of(brief, size)
    if start is None:
        return {}
    given: dict[str, Any] = {"picture": _uri(start.picture), "strength": start.strength}
    if start.mask is not None:
        given["mask"] = _uri(start.mask)
    return given


def _pictures(brief: Brief) -> Sequence[Any]:
    if brief.operation == "upscale":
        return ()
    parent = brief.parent.picture if brief.parent else None
    return (parent, *brief.references) if parent else brief.references


def _size(brief: Brief, model: CogModel, manner: CogManner) -> Size:
    """Return the size to draw in: the cell's, some times larger, within the model's bounds."""
    width, height = model.roles.get("width"), model.roles.get("height")
    if not (width and height):
        return brief.width, brief.height
    most = min(
        (width.most or _SIDE_MAX_PX) / brief.width, (height.most or _SIDE_MAX_PX) / brief.height
    )
    least = max((width.least or 1) / brief.width, (height.least or 1) / brief.height)
    # Whatever the bounds of others, a picture is not made larger only to be made smaller again.
    scale = 1.0 if brief.operation == "upscale" else manner.scale
    scale = max(min(scale, most), min(least, most))
    return _side(brief.width * scale, width), _side(brief.height * scale, height)


def _side(pixels: float, one: ModelInput) -> int:
    sides = [n for n in one.choices if isinstance(n, int) and not isinstance(n, bool)]
    if sides:
        return min(sides, key=lambda side: abs(side - pixels))
    exact = round(pixels)
    near = max(_SIDE_STEP_PX, round(pixels / _SIDE_STEP_PX) * _SIDE_STEP_PX)
    # Most models draw multiples of 8 or 16 only; sides that are some already are left alone.
    return exact if exact % 8 == 0 else near


def _size_inputs(size: Size, brief: Brief, model: CogModel) -> dict[str, Any]:
    given: dict[str, Any] = {}
    if model.has("width", "height"):
        given = {"width": size[0], "height": size[1]}
    if ratio := model.roles.get("ratio"):
        if given and _CUSTOM in ratio.choices:
            given["ratio"] = _CUSTOM
        elif chosen := _nearest(ratio, _RATIO, brief):
            given["ratio"] = chosen
    if (
        not given
        and "size" in model.roles
        and (chosen := _nearest(model.roles["size"], _SIZE, brief))
    ):
        given["size"] = chosen
    return given


def _nearest(one: ModelInput, form: re.Pattern[str], brief: Brief) -> str | None:
    """Return the choice whose ratio is the nearest; for a ratio without choices, the cell's own."""
    if not one.choices and form is _RATIO:
        shared = math.gcd(brief.width, brief.height)
        return f"{brief.width // shared}:{brief.height // shared}"
    asked = math.log(brief.width / brief.height)
    found: dict[str, float] = {}
    for choice in one.choices:
        sides = form.fullmatch(str(choice).strip())
        if sides and int(sides[1]) and int(sides[2]):
            found[str(choice)] = abs(math.log(int(sides[1]) / int(sides[2])) - asked)
    return min(found, key=lambda choice: found[choice], default=None)


def _seed(seed: int, model: CogModel) -> int:
    one = model.roles.get("seed")
    if one is None or one.most is None:
        return seed
    # Many models take seeds of 31 bits only.
    return seed % (int(one.most) + 1)


def _within(value: Any, one: ModelInput) -> Any:
    """Return a number within the input's bounds, whole if it is; anything else as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    value = max(value, one.least) if one.least is not None else value
    value = min(value, one.most) if one.most is not None else value
    return round(value) if one.kind == "integer" else value


def _uri(picture: Any) -> str:
    return f"data:image/png;base64,{encoded(picture)}"
