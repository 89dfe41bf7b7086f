"""Qwen-Image, and its editions that edit."""

from __future__ import annotations

from dataclasses import replace

from engines.comfyui.families.family import (
    Layout,
    ModelFamily,
    Part,
    Showing,
    encoders,
    of_checkpoint,
    of_parts,
)
from engines.comfyui.families.stable import MEGAPIXEL_LEAST

_QWEN = Part("qwen25vl", "", "", ("qwen-2.5-vl-7b", "qwen2.5-vl-7b", "qwen25-vl", "qwen2.5-vl"))
_ENCODERS = encoders("CLIPLoader", {"clip_name": _QWEN}, type="qwen_image")
_OTHERS = ("layered", "lightning", "lora", "controlnet", "inpaint")


def _layouts(*has: str, but: tuple[str, ...] = ()) -> tuple[Layout, ...]:
    but = (*_OTHERS, *but)
    return (of_parts(has, but, _ENCODERS, ("qwen-image-vae",)), of_checkpoint(*has, but=but))


QWEN_IMAGE = ModelFamily(
    "qwen-image",
    _layouts("qwen-image", but=("edit",)),
    steps=20,
    cfg=4.0,
    sampler="euler",
    scheduler="simple",
    least_px=MEGAPIXEL_LEAST,
    through=(("ModelSamplingAuraFlow", {"shift": 3.1}),),
)
#: one picture at most
EDIT = ModelFamily(
    "qwen-image-edit",
    _layouts("qwen-image-edit", but=("2509", "2511")),
    steps=20,
    cfg=2.5,
    sampler="euler",
    scheduler="simple",
    least_px=MEGAPIXEL_LEAST,
    through=(("ModelSamplingAuraFlow", {"shift": 3.0}), ("CFGNorm", {"strength": 1.0})),
    reads=("TextEncodeQwenImageEdit", "clip", "prompt"),
    shown=Showing("encoder", ("image",)),
)
#: three
EDIT_2509 = replace(
    EDIT,
    name="qwen-image-edit-2509",
    layouts=_layouts("qwen-image-edit-2509"),
    cfg=4.0,
    reads=("TextEncodeQwenImageEditPlus", "clip", "prompt"),
    shown=Showing("encoder", ("image1", "image2", "image3")),
)
EDIT_2511 = replace(
    EDIT_2509,
    name="qwen-image-edit-2511",
    layouts=_layouts("qwen-image-edit-2511"),
    steps=40,
    cfg=3.0,
    through=(("ModelSamplingAuraFlow", {"shift": 3.1}), ("CFGNorm", {"strength": 1.0})),
    shown=Showing(
        "encoder",
        ("image1", "image2", "image3"),
        method={"reference_latents_method": "index_timestep_zero"},
    ),
)
