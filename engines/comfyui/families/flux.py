"""Flux.1: dev, schnell and Kontext."""

from __future__ import annotations

from engines.comfyui.families.family import (
    CLIP_L,
    FLUX_VAE,
    T5XXL,
    Layout,
    ModelFamily,
    Showing,
    encoders,
    of_checkpoint,
    of_parts,
)
from engines.comfyui.families.stable import MEGAPIXEL_LEAST

_ENCODERS = encoders("DualCLIPLoader", {"clip_name1": CLIP_L, "clip_name2": T5XXL}, type="flux")
#: models for other purposes, with the same beginning
_OTHERS = ("fill", "canny", "depth", "redux", "lora", "controlnet", "inpaint")


def _layouts(*has: str, but: tuple[str, ...] = ()) -> tuple[Layout, ...]:
    but = (*_OTHERS, *but)
    return (of_parts(has, but, _ENCODERS, FLUX_VAE), of_checkpoint(*has, but=but))


DEV = ModelFamily(
    "flux-dev",
    _layouts("flux1-dev", "flux.1-dev", "flux-dev", "flux1-krea", but=("kontext", "schnell")),
    steps=20,
    cfg=1.0,
    sampler="euler",
    scheduler="simple",
    least_px=MEGAPIXEL_LEAST,
    distilled=True,
    guidance=3.5,
)
SCHNELL = ModelFamily(
    "flux-schnell",
    _layouts("flux1-schnell", "flux.1-schnell", "flux-schnell"),
    steps=4,
    cfg=1.0,
    sampler="euler",
    scheduler="simple",
    least_px=MEGAPIXEL_LEAST,
    distilled=True,
)
KONTEXT = ModelFamily(
    "flux-kontext",
    _layouts("kontext"),
    steps=20,
    cfg=1.0,
    sampler="euler",
    scheduler="simple",
    least_px=MEGAPIXEL_LEAST,
    distilled=True,
    guidance=2.5,
    shown=Showing("latent", ("image1", "image2", "image3"), scale="FluxKontextImageScale"),
)
