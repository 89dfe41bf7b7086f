"""Z-Image, and its turbo edition."""

from __future__ import annotations

from engines.comfyui.families.family import (
    FLUX_VAE,
    Layout,
    ModelFamily,
    Part,
    encoders,
    of_checkpoint,
    of_parts,
)
from engines.comfyui.families.stable import MEGAPIXEL_LEAST

_QWEN = Part("qwen3", "", "", ("qwen-3-4b", "qwen3-4b"))
_ENCODERS = encoders("CLIPLoader", {"clip_name": _QWEN}, type="lumina2")
_OTHERS = ("controlnet", "lora", "omni", "edit", "union", "patch")
_SHIFT = (("ModelSamplingAuraFlow", {"shift": 3.0}),)
#: 0.3.73 and earlier have all of the nodes, and cannot tell what the file is
_SINCE = (0, 3, 74)


def _layouts(*has: str, but: tuple[str, ...] = ()) -> tuple[Layout, ...]:
    but = (*_OTHERS, *but)
    return (of_parts(has, but, _ENCODERS, FLUX_VAE), of_checkpoint(*has, but=but))


Z_IMAGE = ModelFamily(
    "z-image",
    _layouts("z-image", but=("turbo",)),
    steps=25,
    cfg=4.0,
    sampler="res_multistep",
    scheduler="simple",
    least_px=MEGAPIXEL_LEAST,
    through=_SHIFT,
    since=_SINCE,
)
Z_IMAGE_TURBO = ModelFamily(
    "z-image-turbo",
    _layouts("z-image-turbo"),
    steps=8,
    cfg=1.0,
    sampler="res_multistep",
    scheduler="simple",
    least_px=MEGAPIXEL_LEAST,
    through=_SHIFT,
    distilled=True,
    since=_SINCE,
)
