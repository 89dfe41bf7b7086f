"""What a cog model can be given, read from its OpenAPI schema; pure functions.

Source: the schema that cog builds from a predictor's signature: ``components.schemas.Input`` with a
property for each argument, choices as a ``$ref`` to an enumeration, files as strings of the format
``uri``; ``components.schemas.Output``, with ``x-cog-array-type: iterator`` if it yields. Argument names are
the author's own, but most image models share a few dozen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engines.cog.manner import CogManner
from limner.errors import Refused

#: what an input is for → its type and its usual names, the most usual first
ROLES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "prompt": ("string", ("prompt", "text_prompt", "text")),
    "negative": ("string", ("negative_prompt", "negative")),
    "seed": ("integer", ("seed", "random_seed")),
    "width": ("integer", ("width", "image_width")),
    "height": ("integer", ("height", "image_height")),
    "ratio": ("string", ("aspect_ratio",)),
    "size": ("string", ("size", "image_size", "resolution", "image_dimensions")),
    "count": (
        "integer",
        ("num_outputs", "num_images", "number_of_images", "num_images_per_prompt", "batch_size"),
    ),
    "steps": ("integer", ("num_inference_steps", "num_steps", "inference_steps", "steps")),
    "guidance": ("number", ("guidance_scale", "guidance", "cfg_scale", "cfg")),
    "picture": ("uri", ("image", "input_image", "init_image", "image_prompt", "reference_image")),
    "pictures": ("uris", ("input_images", "image_input", "images", "reference_images")),
    "strength": ("number", ("prompt_strength", "strength", "denoising_strength")),
    "mask": ("uri", ("mask", "mask_image")),
    "tile": ("boolean", ("tiling", "seamless", "tile")),
    "format": ("string", ("output_format", "format")),
}
_SCHEMAS = "#/components/schemas/"
_NAME_MAX_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class ModelInput:
    """One input: its type, bounds, choices and default. ``uri`` is a file, ``uris`` a list of them."""

    name: str
    kind: str
    least: float | None = None
    most: float | None = None
    choices: tuple[Any, ...] = ()
    default: Any = None
    required: bool = False


@dataclass(frozen=True, slots=True)
class CogModel:
    """The inputs of a model by what they are for, all of them by name, and whether it yields outputs."""

    roles: Mapping[str, ModelInput] = field(default_factory=dict)
    inputs: Mapping[str, ModelInput] = field(default_factory=dict)
    yields: bool = False

    def has(self, *roles: str) -> bool:
        """Return whether it has an input for every one of these."""
        return all(role in self.roles for role in roles)


def model_of(document: Mapping[str, Any], manner: CogManner) -> CogModel:
    """Return the model that an OpenAPI document describes.

    Raises:
        Refused: it describes none, or one that does not fit the operator's options.
    """
    schemas = _table(_table(document.get("components")).get("schemas"))
    described = _table(schemas.get("Input"))
    properties = _table(described.get("properties"))
    listed = described.get("required")
    required = set(map(str, listed)) if isinstance(listed, list) else set()
    inputs = {
        name: _input(name, _table(property_), schemas, name in required)
        for name, property_ in properties.items()
    }
    if not inputs:
        raise Refused("setup", "its schema names no inputs: was its image built by cog?")
    for name in (*manner.names.values(), *manner.inputs):
        if name not in inputs:
            # The server drops what it does not know in silence.
            raise Refused("setup", f"the model has no input {name!r}")
    roles = {role: one for role in ROLES if (one := _found(role, inputs, manner))}
    if "prompt" not in roles:
        raise Refused("setup", "no input of the model is a prompt: name it in names")
    filled = {roles[role].name for role in roles if role not in ("picture", "pictures", "mask")}
    for name, one in inputs.items():
        if one.required and name not in filled and name not in manner.inputs:
            shown = name[:_NAME_MAX_CHARACTERS]
            raise Refused("setup", f"the model wants {shown!r} for every drawing: set it in inputs")
    output = _table(schemas.get("Output"))
    return CogModel(roles, inputs, output.get("x-cog-array-type") == "iterator")


def _found(role: str, inputs: Mapping[str, ModelInput], manner: CogManner) -> ModelInput | None:
    kind, usual = ROLES[role]
    if role in manner.names:
        return inputs[manner.names[role]]
    for name in usual:
        one = inputs.get(name)
        # What the operator has fixed is not the caller's to ask for.
        if one and name not in manner.inputs and _suits(one.kind, kind):
            return one
    return None


def _suits(kind: str, wanted: str) -> bool:
    return kind == wanted or (wanted == "number" and kind == "integer")


def _input(
    name: str, property_: Mapping[str, Any], schemas: Mapping[str, Any], required: bool
) -> ModelInput:
    described = _resolved(property_, schemas)
    kind = str(described.get("type", ""))
    if kind == "string" and described.get("format") == "uri":
        kind = "uri"
    if kind == "array":
        items = _resolved(_table(described.get("items")), schemas)
        kind = "uris" if items.get("format") == "uri" else "array"
    choices = described.get("enum")
    return ModelInput(
        name,
        kind,
        _number(described.get("minimum")),
        _number(described.get("maximum")),
        tuple(choices) if isinstance(choices, list) else (),
        described.get("default"),
        required,
    )


def _resolved(property_: Mapping[str, Any], schemas: Mapping[str, Any]) -> dict[str, Any]:
    """Return a property with what it refers to, and without the choice of null."""
    parts = [property_]
    for key in ("allOf", "anyOf"):
        several = property_.get(key)
        parts += [_table(one) for one in several] if isinstance(several, list) else []
    described: dict[str, Any] = {}
    for part in reversed(parts):
        target = str(part.get("$ref", ""))
        if target.startswith(_SCHEMAS):
            described |= _table(schemas.get(target.removeprefix(_SCHEMAS)))
        if part.get("type") != "null":
            described |= part
    return described


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < float("inf") else None
