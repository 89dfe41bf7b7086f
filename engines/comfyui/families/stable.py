"""Stable Diffusion: 1.5, 2, XL, and 3.5."""

from __future__ import annotations

from engines.comfyui.families.family import (
    CLIP_G,
    CLIP_L,
    T5XXL,
    Layout,
    ModelFamily,
    encoders,
    of_checkpoint,
)

#: near the seven ratios
_TRAINED_XL_PX = (
    (1024, 1024), (896, 1152), (832, 1216), (768, 1344), (1152, 896), (1216, 832), (1344, 768),
)  # fmt: skip
#: a picture of fewer pixels is poor, by a model that was trained at a megapixel
MEGAPIXEL_LEAST = 600_000
#: and by one that was trained at 768
_LEAST_768 = 330_000

# Nothing in a name tells whose checkpoint it is, so it has to be named.
_NAMED = (of_checkpoint(), of_checkpoint(vae=True))

SD15 = ModelFamily(
    "sd15",
    _NAMED,
    steps=25,
    cfg=7.0,
    sampler="dpmpp_2m",
    scheduler="karras",
    latent="EmptyLatentImage",
    tiles=True,
    adapts=True,
)
SD2 = ModelFamily(
    "sd2",
    _NAMED,
    steps=25,
    cfg=7.0,
    sampler="dpmpp_2m",
    scheduler="karras",
    latent="EmptyLatentImage",
    least_px=_LEAST_768,
    enlarge=0.5,
    tiles=True,
)
SDXL = ModelFamily(
    "sdxl",
    _NAMED,
    steps=25,
    cfg=7.0,
    sampler="dpmpp_2m",
    scheduler="karras",
    latent="EmptyLatentImage",
    least_px=MEGAPIXEL_LEAST,
    trained_px=_TRAINED_XL_PX,
    tiles=True,
    adapts=True,
)


def _sd35(*has: str, but: tuple[str, ...] = ()) -> tuple[Layout, ...]:
    """Return the layouts: with encoders in files of their own where there are any, else of one file.

    Whether a checkpoint has encoders in it cannot be told from its name; those of their own do for both.
    """
    model = of_checkpoint(*has, but=(*but, "controlnet", "lora"))
    names = {"clip_name1": CLIP_L, "clip_name2": CLIP_G, "clip_name3": T5XXL}
    clip = encoders("TripleCLIPLoader", names)
    parts, loaders = (*model.parts, *clip.parts), model.loaders | clip.loaders
    return (Layout(parts, loaders, model.model, clip.clip, model.vae), model)


SD35 = ModelFamily(
    "sd3.5",
    _sd35("sd3.5-large", "sd3.5-medium", "sd3.5", "sd35", "sd3-medium", but=("turbo",)),
    steps=28,
    cfg=4.5,
    sampler="euler",
    scheduler="sgm_uniform",
    least_px=MEGAPIXEL_LEAST,
)
SD35_TURBO = ModelFamily(
    "sd3.5-turbo",
    _sd35("sd3.5-large-turbo", "sd35-large-turbo", "sd3.5-turbo"),
    steps=4,
    cfg=1.0,
    sampler="euler",
    scheduler="sgm_uniform",
    least_px=MEGAPIXEL_LEAST,
    distilled=True,
)
