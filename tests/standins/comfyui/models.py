"""The nodes that newer families of models are drawn with, and the files that a server may have for them.

Inputs are those of ComfyUI 0.3.64, which 0.10 has as well; of Sana those of the custom nodes
ComfyUI_ExtraModels, in both of its editions. Called by ``server``.
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.standins.comfyui.nodes import SHARE, SIDE, Node, Span

#: the files of every family by loader and input, named as they are published
FILES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("UNETLoader", "unet_name"): (
        "flux1-canny-dev.safetensors",
        "flux1-dev.safetensors",
        "flux1-dev-kontext_fp8_scaled.safetensors",
        "flux1-schnell.safetensors",
        "qwen/qwen_image_fp8_e4m3fn.safetensors",
        "qwen/qwen_image_edit_fp8_e4m3fn.safetensors",
        "qwen/qwen_image_edit_2509_fp8_e4m3fn.safetensors",
        "qwen/qwen_image_edit_2511_bf16.safetensors",
        "z_image_bf16.safetensors",
        "z_image_turbo_bf16.safetensors",
    ),
    ("DualCLIPLoader", "clip_name1"): (
        "clip_l.safetensors",
        "clip_g.safetensors",
        "t5xxl_fp8_e4m3fn.safetensors",
        "t5xxl_fp16.safetensors",
        "qwen_2.5_vl_7b_fp8_scaled.safetensors",
        "qwen_3_4b.safetensors",
    ),
    ("VAELoader", "vae_name"): (
        "sdxl_vae.safetensors",
        "qwen_image_vae.safetensors",
        "ae.safetensors",
    ),
}
_CLIPS = FILES["DualCLIPLoader", "clip_name1"]
_TYPES = ("stable_diffusion", "sd3", "lumina2", "wan", "chroma", "qwen_image")
_WORDS = {"clip": "CLIP", "prompt": "STRING"}
_SHIFT = {"model": "MODEL", "shift": Span("FLOAT", 0, 100)}

MODEL_NODES: dict[str, Node] = {
    "UNETLoader": Node(
        {
            "unet_name": FILES["UNETLoader", "unet_name"],
            "weight_dtype": ("default", "fp8_e4m3fn", "fp8_e5m2"),
        },
        ("MODEL",),
    ),
    "CLIPLoader": Node({"clip_name": _CLIPS, "type": _TYPES}, ("CLIP",)),
    "DualCLIPLoader": Node(
        {"clip_name1": _CLIPS, "clip_name2": _CLIPS, "type": ("sdxl", "sd3", "flux")}, ("CLIP",)
    ),
    "TripleCLIPLoader": Node(
        {"clip_name1": _CLIPS, "clip_name2": _CLIPS, "clip_name3": _CLIPS}, ("CLIP",)
    ),
    "VAELoader": Node({"vae_name": FILES["VAELoader", "vae_name"]}, ("VAE",)),
    "EmptySD3LatentImage": Node(
        {"width": SIDE, "height": SIDE, "batch_size": Span("INT", 1, 4096)}, ("LATENT",)
    ),
    "ModelSamplingAuraFlow": Node(_SHIFT, ("MODEL",)),
    "CFGNorm": Node({"model": "MODEL", "strength": Span("FLOAT", 0, 100)}, ("MODEL",)),
    "FluxGuidance": Node(
        {"conditioning": "CONDITIONING", "guidance": Span("FLOAT", 0, 100)}, ("CONDITIONING",)
    ),
    "ConditioningZeroOut": Node({"conditioning": "CONDITIONING"}, ("CONDITIONING",)),
    "FluxKontextImageScale": Node({"image": "IMAGE"}, ("IMAGE",)),
    "ReferenceLatent": Node(
        {"conditioning": "CONDITIONING"}, ("CONDITIONING",), optional={"latent": "LATENT"}
    ),
    "FluxKontextMultiReferenceLatentMethod": Node(
        {
            "conditioning": "CONDITIONING",
            "reference_latents_method": ("offset", "index", "uxo/uno", "index_timestep_zero"),
        },
        ("CONDITIONING",),
    ),
    "TextEncodeQwenImageEdit": Node(
        _WORDS, ("CONDITIONING",), optional={"vae": "VAE", "image": "IMAGE"}
    ),
    "TextEncodeQwenImageEditPlus": Node(
        _WORDS,
        ("CONDITIONING",),
        optional={"vae": "VAE", "image1": "IMAGE", "image2": "IMAGE", "image3": "IMAGE"},
    ),
}
#: a release that wants more of a node than those before: what the driver fills in by the server's own default
NEWER_NODES = {
    "CFGNorm": Node(
        {"model": "MODEL", "strength": Span("FLOAT", 0, 100), "pre_cfg": Span("FLOAT", 0, 1)},
        ("MODEL",),
        defaults={"pre_cfg": 0.5},
    )
}
_DTYPES = ("auto", "FP32", "FP16", "BF16")
SANA_NODES = {
    "SanaCheckpointLoader": Node(
        {
            "ckpt_name": (
                "Efficient-Large-Model/Sana_Sprint_1.6B_1024px",
                "Efficient-Large-Model/Sana_1600M_512px",
                "Efficient-Large-Model/Sana_1600M_1024px_BF16",
            ),
            "model": (
                "SanaMS_600M_P1_D28",
                "SanaMS_1600M_P1_D20_2K",
                "SanaMS_1600M_P1_D20",
                "SanaSprint_1600M_P1_D20",
            ),
            "dtype": _DTYPES,
            "enable_cfg_passthrough": SHARE,
        },
        ("MODEL",),
        defaults={"enable_cfg_passthrough": True},
    ),
    "GemmaLoader": Node(
        {
            "model_name": ("unsloth/gemma-2-2b-it-bnb-4bit", "Efficient-Large-Model/gemma-2-2b-it"),
            "device": ("auto", "cpu", "cuda"),
            "dtype": ("default", "BF16"),
        },
        ("GEMMA",),
        defaults={"device": "cpu"},
    ),
    "SanaTextEncode": Node({"text": "STRING", "GEMMA": "GEMMA"}, ("CONDITIONING",)),
    "EmptySanaLatentImage": Node(
        {"width": SIDE, "height": SIDE, "batch_size": Span("INT", 1, 4096)}, ("LATENT",)
    ),
    "ExtraVAELoader": Node(
        {
            "vae_name": ("mit-han-lab/dc-ae-f32c32-sana-1.1-diffusers",),
            "vae_type": ("kl-f8", "dcae-f32c32-sana-1.1-diffusers"),
            "dtype": _DTYPES,
        },
        ("VAE",),
        defaults={"dtype": "BF16"},
    ),
}
