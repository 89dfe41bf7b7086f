"""An IP-Adapter of random weights for ``tiny_pipeline``, and a caption model that knows a few letters.

They say and change what they will, but are loaded and called as real ones are. Need torch, diffusers and
transformers.
"""

from __future__ import annotations

from pathlib import Path

WEIGHTS = "models/ip-adapter_tiny.safetensors"
#: of the encoder, and of the tiny pipeline's words
IMAGE_DIM, WORDS_DIM, TOKENS = 32, 32, 4


def make_adapter(folder: Path, pipeline: str) -> Path:
    """Write an adapter for the tiny pipeline into ``folder``, and return that."""
    import torch
    from diffusers import UNet2DConditionModel
    from safetensors.torch import save_file
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    torch.manual_seed(3)
    vision = CLIPVisionConfig(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=4,
        image_size=224,
        patch_size=56,
        projection_dim=IMAGE_DIM,
    )
    encoder = CLIPVisionModelWithProjection(vision)
    encoder.save_pretrained(folder / "models" / "image_encoder")
    weights = {
        "image_proj.proj.weight": torch.randn(TOKENS * WORDS_DIM, IMAGE_DIM),
        "image_proj.proj.bias": torch.randn(TOKENS * WORDS_DIM),
        "image_proj.norm.weight": torch.ones(WORDS_DIM),
        "image_proj.norm.bias": torch.zeros(WORDS_DIM),
    }
    unet = UNet2DConditionModel.from_pretrained(pipeline, subfolder="unet")
    crossing = [name for name in unet.attn_processors if name.endswith("attn2.processor")]
    sides = [
        unet.get_submodule(name.removesuffix(".processor")).to_k.out_features for name in crossing
    ]
    for number, side in enumerate(sides):
        for part in ("k", "v"):
            key = f"ip_adapter.{2 * number + 1}.to_{part}_ip.weight"
            weights[key] = torch.randn(side, WORDS_DIM) * 3
    save_file(weights, folder / WEIGHTS)
    return folder


def make_captioner(folder: Path) -> Path:
    """Write a BLIP model into ``folder``, and return that."""
    import torch
    from transformers import (
        BertTokenizer,
        BlipConfig,
        BlipForConditionalGeneration,
        BlipImageProcessor,
        BlipProcessor,
    )

    torch.manual_seed(4)
    folder.mkdir(parents=True, exist_ok=True)
    words = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        "sea",
        "cliff",
        "red",
        "boat",
        "tower",
        ",",
    ]
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(words), encoding="utf-8")
    tokenizer = BertTokenizer(str(vocabulary))
    small = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1}
    text = small | {
        "vocab_size": len(words),
        "num_attention_heads": 2,
        "bos_token_id": 2,
        "eos_token_id": 3,
        "sep_token_id": 3,
        "pad_token_id": 0,
        "encoder_hidden_size": 32,
    }
    vision = small | {"num_attention_heads": 2, "image_size": 32, "patch_size": 16}
    config = BlipConfig(text_config=text, vision_config=vision, projection_dim=16)
    BlipForConditionalGeneration(config).save_pretrained(folder)
    processor = BlipImageProcessor(size={"height": 32, "width": 32})
    BlipProcessor(processor, tokenizer).save_pretrained(folder)
    return folder
