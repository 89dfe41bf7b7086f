"""A Stable Diffusion pipeline of random weights: 1.3 million of them, made in seconds, offline.

It draws noise, but through every part that a real one has: tokenizer, text encoder, UNet, a VAE with
the true factor of eight, scheduler. Used by ``tests/contract/test_engine_diffusers.py``, by
``tiny_families``, which makes other kinds, and from the command line:
``python -m tests.standins.tiny_pipeline FOLDER``. Needs torch and diffusers.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def make(folder: Path, seed: int = 0) -> Path:
    """Write a pipeline into ``folder`` and return that."""
    import torch
    from diffusers import StableDiffusionPipeline

    torch.manual_seed(seed)
    StableDiffusionPipeline(
        **make_parts(folder / "words"),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)
    return folder


def make_parts(words: Path) -> dict[str, Any]:
    """Return the parts of a pipeline, by name; ``words`` is where the tokenizer is written."""
    from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    tokenizer = clip_words(words)
    text_encoder = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=77,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    unet = UNet2DConditionModel(
        sample_size=8,
        in_channels=4,
        out_channels=4,
        layers_per_block=1,
        block_out_channels=(32, 64),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=32,
        attention_head_dim=8,
        norm_num_groups=8,
    )
    vae = AutoencoderKL(
        in_channels=3,
        out_channels=3,
        # three halvings between four blocks: the true factor of eight
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(16, 16, 32, 32),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=8,
    )
    scheduler = DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )
    return {
        "vae": vae,
        "text_encoder": text_encoder,
        "tokenizer": tokenizer,
        "unet": unet,
        "scheduler": scheduler,
    }


def clip_words(folder: Path):
    """A CLIP tokenizer that knows single letters and no merges."""
    from transformers import CLIPTokenizer

    folder.mkdir(parents=True, exist_ok=True)
    letters = [*byte_symbols()]
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = folder / "vocab.json"
    vocabulary.write_text(json.dumps({word: n for n, word in enumerate(words)}), encoding="utf-8")
    merges = folder / "merges.txt"
    merges.write_text("#version: 0.2\n", encoding="utf-8")
    return CLIPTokenizer(str(vocabulary), str(merges), model_max_length=77)


def byte_symbols() -> list[str]:
    """The letters that CLIP writes the 256 bytes with: itself where it can be seen, else one above."""
    seen = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), 256)]
    hidden = [byte for byte in range(256) if byte not in seen]
    return [chr(byte) for byte in seen] + [chr(256 + n) for n in range(len(hidden))]


if __name__ == "__main__":
    print(make(Path(sys.argv[1])))  # noqa: T201 -- a command's answer
