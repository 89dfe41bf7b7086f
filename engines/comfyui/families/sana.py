"""Sana: no node of the server's own loads it, so it needs the custom nodes of ComfyUI_ExtraModels.

Two editions of these are in use, whose loaders differ in further inputs: those are filled in by the
server's own word (``graph.completed``).
"""

from __future__ import annotations

from engines.comfyui.families.family import Layout, ModelFamily, Part, loader
from engines.comfyui.families.stable import MEGAPIXEL_LEAST

_CHECKPOINT = Part(
    "checkpoint",
    "SanaCheckpointLoader",
    "ckpt_name",
    ("sana-1600m-1024px", "sana-1600m", "sana"),
    ("sprint", "512px", "2kpx", "4kpx", "sana-600m"),
)
_CONFIG = Part("config", "SanaCheckpointLoader", "model", ("sanams-1600m-p1-d20",))
_GEMMA = Part("gemma", "GemmaLoader", "model_name", ("gemma-2-2b-it",), ("bnb",))
_VAE = Part("vae", "ExtraVAELoader", "vae_name", ("dc-ae-f32c32-sana", "dc-ae", "dcae"))
_VAE_TYPE = Part("vae_type", "ExtraVAELoader", "vae_type", ("dcae-f32c32-sana",))

_LAYOUT = Layout(
    (_CHECKPOINT, _CONFIG, _GEMMA, _VAE, _VAE_TYPE),
    {
        "checkpoint": loader(_CHECKPOINT, model="{{config}}"),
        "encoder": loader(_GEMMA),
        "vae": loader(_VAE, vae_type="{{vae_type}}"),
    },
    ("checkpoint", 0),
    ("encoder", 0),
    ("vae", 0),
)

SANA = ModelFamily(
    "sana",
    (_LAYOUT,),
    steps=20,
    cfg=4.5,
    sampler="euler",
    scheduler="normal",
    latent="EmptySanaLatentImage",
    multiple_px=32,
    least_px=MEGAPIXEL_LEAST,
    reads=("SanaTextEncode", "GEMMA", "text"),
    # Its latents are 32 times smaller than the picture, and the nodes for masks count on 8 times.
    masks=False,
    pack="ComfyUI_ExtraModels",
)
