"""Models and versions as Replicate's clients see them: each is this gateway, by a name of the caller's."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from limner.request import CELLS
from schemas.prompt_fields import NEGATIVE_LENGTH, PROMPT_LENGTH, SEED_MOST
from schemas.replicate.input_fields import SIDE_MOST_PX

Json = dict[str, Any]

#: of cog; from 0.3.9 on, libraries take a list of outputs for one that comes at once
COG_VERSION = "0.16.0"
#: nothing here is newer than the gateway
CREATED = "2026-01-01T00:00:00.000Z"
_URL: Json = {"type": "string", "format": "uri"}
_STRENGTH: Json = {"type": "number", "minimum": 0, "maximum": 1}
_COUNT: Json = {"type": "integer", "minimum": 1, "maximum": CELLS, "default": 1}
_SIDE: Json = {"type": "integer", "minimum": 1, "maximum": SIDE_MOST_PX}
_LIST: Json = {"type": "array", "items": _URL}
#: what each input means and takes, by its name
INPUTS: Mapping[str, Json] = {
    "prompt": {"type": "string", "maxLength": PROMPT_LENGTH, "description": "what to draw"},
    "negative_prompt": {"type": "string", "maxLength": NEGATIVE_LENGTH},
    "aspect_ratio": {"type": "string", "description": "as 3:2; drawn in the nearest of seven"},
    "size": {"type": "string", "description": "as 1024x768; wins over aspect_ratio"},
    "width": _SIDE,
    "height": _SIDE,
    "num_outputs": _COUNT,
    "num_images": _COUNT | {"description": "the same as num_outputs"},
    "number_of_images": _COUNT | {"description": "the same as num_outputs"},
    "seed": {"type": "integer", "minimum": -SEED_MOST, "maximum": SEED_MOST,
             "description": "below 0: any"},
    "image": _URL | {"description": "a picture to start from"},
    "input_image": _URL | {"description": "the same as image"},
    **{f"input_image_{number}": _URL for number in range(2, 9)},
    "image_input": _LIST | {"description": "pictures to start from"},
    "input_images": _LIST | {"description": "the same as image_input"},
    "image_prompt": _URL | {"description": "the same as image"},
    "style_reference_images": _LIST | {"description": "pictures whose style to take"},
    "mask": _URL | {"description": "white where to draw anew; with one image"},
    "strength": _STRENGTH | {"description": "the same as prompt_strength"},
    "prompt_strength": _STRENGTH | {"description": "how far from the picture to go: 1 is all anew"},
    "lane": {"enum": ["fast", "relaxed"], "description": "of this gateway"},
}  # fmt: skip


def version_id(model: str) -> str:
    """Return the id of a model's only version."""
    return hashlib.sha256(model.encode()).hexdigest()


def model_body(model: str, base_url: str) -> Json:
    """Return a model, ``owner/name``."""
    owner, _, name = model.partition("/")
    return {
        "url": f"{base_url}/v1/models/{model}",
        "owner": owner,
        "name": name,
        "description": "Drawn by this Limner gateway.",
        "visibility": "public",
        "github_url": None,
        "paper_url": None,
        "license_url": None,
        "run_count": 0,
        "cover_image_url": None,
        "default_example": None,
        "latest_version": version_body(version_id(model)),
    }


def version_body(version: str) -> Json:
    """Return a version, with the schema of what it takes and gives."""
    return {
        "id": version,
        "created_at": CREATED,
        "cog_version": COG_VERSION,
        "openapi_schema": openapi_schema(),
    }


def versions_body(model: str) -> Json:
    """Return a model's versions: the one that there is."""
    return {"previous": None, "next": None, "results": [version_body(version_id(model))]}


def input_schema() -> Json:
    """Return the shape of an input."""
    properties = {
        name: {"title": name.replace("_", " ").capitalize(), "x-order": place} | shape
        for place, (name, shape) in enumerate(INPUTS.items())
    }
    return {"type": "object", "title": "Input", "required": ["prompt"], "properties": properties}


def openapi_schema() -> Json:
    """Return what a model's server would say of itself, as far as clients look at it."""
    return {
        "openapi": "3.0.2",
        "info": {"title": "Cog", "version": "0.1.0"},
        "paths": {},
        "components": {
            "schemas": {
                "Input": input_schema(),
                "Output": {"type": "array", "title": "Output", "items": _URL},
            }
        },
    }
