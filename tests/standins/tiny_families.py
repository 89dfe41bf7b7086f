"""Pipelines of the newer families, of random weights, some megabytes each: made in seconds, offline.

They draw noise, but by the library's own code for each family: text encoders, transformer or UNet, decoder,
scheduler. Their shapes are those of its own small test models, except where its code asks for a real one's.
Used by ``tests/contract/test_engine_diffusers_families.py`` and from the command line:
``python -m tests.standins.tiny_families FOLDER [FAMILY …]``. Needs torch, diffusers and transformers.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from tests.standins.tiny_pipeline import byte_symbols, clip_words, make_parts

#: of every text encoder; small, and divisible by their heads
WORDS_DIM = 32
#: tokens of a text encoder that is a language model
VOCABULARY = 300


class Maker:
    """Makes pipelines in a folder."""

    def __init__(self, folder: Path, seed: int = 0) -> None:
        import diffusers
        import torch
        import transformers

        torch.manual_seed(seed)
        self.folder = folder
        self.d, self.t = diffusers, transformers

    # -- parts -------------------------------------------------------------------------------------

    def flow(self, **more: Any):
        return self.d.FlowMatchEulerDiscreteScheduler(**more)

    def decoder(self, channels: int):
        return self.d.AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            block_out_channels=(16, 16, 32, 32),
            latent_channels=channels,
            norm_num_groups=8,
            use_quant_conv=False,
            use_post_quant_conv=False,
            shift_factor=0.06,
            scaling_factor=1.5,
        )

    def clip(self, *, projects: bool):
        words = clip_words(self.folder / "words")
        config = self.t.CLIPTextConfig(
            vocab_size=len(words),
            hidden_size=WORDS_DIM,
            intermediate_size=37,
            num_hidden_layers=2,
            num_attention_heads=4,
            projection_dim=WORDS_DIM,
            bos_token_id=words.bos_token_id,
            eos_token_id=words.eos_token_id,
            pad_token_id=words.pad_token_id,
        )
        kind = self.t.CLIPTextModelWithProjection if projects else self.t.CLIPTextModel
        return words, kind(config)

    def t5(self):
        pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
        pieces += [(chr(letter), -3.0) for letter in range(ord("a"), ord("z") + 1)]
        words = self.t.T5TokenizerFast(vocab=pieces, extra_ids=0)
        config = self.t.T5Config(
            vocab_size=len(words) + 8,
            d_model=WORDS_DIM,
            d_kv=8,
            d_ff=37,
            num_layers=2,
            num_heads=4,
            decoder_start_token_id=0,
        )
        return words, self.t.T5EncoderModel(config)

    def qwen_words(self):
        vocabulary = {symbol: number for number, symbol in enumerate(byte_symbols())}
        for special in ("<|endoftext|>", "<|im_start|>", "<|im_end|>"):
            vocabulary[special] = len(vocabulary)
        words = self.t.Qwen2TokenizerFast(vocab=vocabulary, merges=[])
        words.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
        words.chat_template = (
            "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n"
            "{% endfor %}<|im_start|>assistant\n"
        )
        return words

    def gemma(self, **shape: Any):
        specials = ("<pad>", "<eos>", "<bos>", "<unk>", "<mask>")
        vocabulary = {word: number for number, word in enumerate(specials)}
        for byte in range(256):
            vocabulary[f"<0x{byte:02X}>"] = len(vocabulary)
        config = self.t.Gemma2Config(
            hidden_size=8,
            num_attention_heads=2,
            num_key_value_heads=2,
            vocab_size=VOCABULARY,
            **shape,
        )
        return self.t.GemmaTokenizer(vocab=vocabulary, merges=[]), self.t.Gemma2Model(config)

    # -- families ----------------------------------------------------------------------------------

    def sdxl(self):
        parts = make_parts(self.folder / "words")
        words, encoder = self.clip(projects=True)
        shape = plain(parts.pop("unet").config)
        shape |= {"cross_attention_dim": 2 * WORDS_DIM, "addition_embed_type": "text_time"}
        shape |= {
            "addition_time_embed_dim": 8,
            # Its six numbers of size, and the second encoder's words.
            "projection_class_embeddings_input_dim": 6 * 8 + WORDS_DIM,
        }
        return self.d.StableDiffusionXLPipeline(
            **parts,
            unet=self.d.UNet2DConditionModel.from_config(shape),
            text_encoder_2=encoder,
            tokenizer_2=words,
        )

    def lcm(self):
        parts = make_parts(self.folder / "words")
        shape = plain(parts.pop("unet").config) | {"time_cond_proj_dim": 32}
        parts["scheduler"] = self.d.LCMScheduler.from_config(parts["scheduler"].config)
        return self.d.LatentConsistencyModelPipeline(
            **parts,
            unet=self.d.UNet2DConditionModel.from_config(shape),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )

    def sd3(self):
        (words, first), (_, second), (letters, third) = (
            self.clip(projects=True),
            self.clip(projects=True),
            self.t5(),
        )
        transformer = self.d.SD3Transformer2DModel(
            sample_size=32,
            patch_size=1,
            # Its inpaint pipeline takes no other number.
            in_channels=16,
            out_channels=16,
            num_layers=1,
            attention_head_dim=8,
            num_attention_heads=4,
            caption_projection_dim=WORDS_DIM,
            joint_attention_dim=WORDS_DIM,
            pooled_projection_dim=2 * WORDS_DIM,
        )
        return self.d.StableDiffusion3Pipeline(
            transformer=transformer,
            scheduler=self.flow(shift=3.0),
            vae=self.decoder(16),
            text_encoder=first,
            tokenizer=words,
            text_encoder_2=second,
            tokenizer_2=words,
            text_encoder_3=third,
            tokenizer_3=letters,
        )

    def flux(self, *, kind: str = "FluxPipeline", guided: bool = True):
        words, first = self.clip(projects=False)
        letters, second = self.t5()
        transformer = self.d.FluxTransformer2DModel(
            patch_size=1,
            in_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=WORDS_DIM,
            pooled_projection_dim=WORDS_DIM,
            axes_dims_rope=[4, 4, 8],
            guidance_embeds=guided,
        )
        return getattr(self.d, kind)(
            scheduler=self.flow(shift=3.0, use_dynamic_shifting=True),
            vae=self.decoder(4),
            text_encoder=first,
            tokenizer=words,
            text_encoder_2=second,
            tokenizer_2=letters,
            transformer=transformer,
        )

    def schnell(self):
        return self.flux(guided=False)

    def kontext(self):
        return self.flux(kind="FluxKontextPipeline")

    def qwenimage(self):
        text = {
            "hidden_size": 16,
            "intermediate_size": 16,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "rope_scaling": {
                "mrope_section": [1, 1, 2],
                "rope_type": "default",
                "type": "default",
            },
            "rope_theta": 1_000_000.0,
            "vocab_size": VOCABULARY,
            "hidden_act": "silu",
        }
        vision = {"depth": 1, "hidden_size": 16, "intermediate_size": 16}
        encoder = self.t.Qwen2_5_VLForConditionalGeneration(
            self.t.Qwen2_5_VLConfig(
                text_config=text,
                vision_config=vision | {"num_heads": 2, "out_hidden_size": 16},
                vocab_size=VOCABULARY,
                vision_end_token_id=261,
                vision_start_token_id=260,
                vision_token_id=262,
            )
        )
        transformer = self.d.QwenImageTransformer2DModel(
            patch_size=2,
            in_channels=16,
            out_channels=4,
            num_layers=2,
            attention_head_dim=16,
            num_attention_heads=3,
            joint_attention_dim=16,
            guidance_embeds=False,
            axes_dims_rope=(8, 4, 4),
        )
        decoder = self.d.AutoencoderKLQwenImage(
            base_dim=16,
            z_dim=4,
            dim_mult=[1, 2, 2, 2],
            num_res_blocks=1,
            temperal_downsample=[False, True, True],
            latents_mean=[0.1] * 4,
            latents_std=[0.5] * 4,
        )
        return self.d.QwenImagePipeline(
            scheduler=self.flow(),
            vae=decoder,
            text_encoder=encoder,
            tokenizer=self.qwen_words(),
            transformer=transformer,
        )

    def zimage(self):
        encoder = self.t.Qwen3Model(
            self.t.Qwen3Config(
                hidden_size=16,
                intermediate_size=16,
                num_hidden_layers=2,
                num_attention_heads=2,
                num_key_value_heads=2,
                vocab_size=VOCABULARY,
                head_dim=8,
                max_position_embeddings=1024,
            )
        )
        transformer = self.d.ZImageTransformer2DModel(
            all_patch_size=(2,),
            all_f_patch_size=(1,),
            in_channels=16,
            dim=32,
            n_layers=2,
            n_refiner_layers=1,
            n_heads=2,
            n_kv_heads=2,
            cap_feat_dim=16,
            axes_dims=[8, 4, 4],
            axes_lens=[512, 64, 64],
        )
        return self.d.ZImagePipeline(
            scheduler=self.flow(),
            vae=self.decoder(16),
            text_encoder=encoder,
            tokenizer=self.qwen_words(),
            transformer=transformer,
        )

    def sana(self, *, sprint: bool = False):
        sides = {
            f"{side}_{name}": value
            for side in ("encoder", "decoder")
            for name, value in (
                ("block_types", ("ResBlock", "EfficientViTBlock")),
                ("block_out_channels", (8, 8)),
                ("qkv_multiscales", ((), (5,))),
                ("layers_per_block", (1, 1)),
            )
        }
        decoder = self.d.AutoencoderDC(
            latent_channels=4,
            attention_head_dim=2,
            downsample_block_type="conv",
            upsample_block_type="interpolate",
            decoder_norm_types="rms_norm",
            decoder_act_fns="silu",
            scaling_factor=0.41407,
            **sides,
        )
        words, encoder = self.gemma(head_dim=16, intermediate_size=64, num_hidden_layers=1)
        transformer = self.d.SanaTransformer2DModel(
            patch_size=1,
            in_channels=4,
            out_channels=4,
            num_layers=1,
            num_attention_heads=2,
            attention_head_dim=4,
            num_cross_attention_heads=2,
            cross_attention_head_dim=4,
            cross_attention_dim=8,
            caption_channels=8,
            sample_size=32,
            guidance_embeds=sprint,
            qk_norm="rms_norm_across_heads" if sprint else None,
        )
        scheduler = self.d.SCMScheduler() if sprint else self.flow(shift=7.0)
        kind = self.d.SanaSprintPipeline if sprint else self.d.SanaPipeline
        return kind(
            scheduler=scheduler,
            vae=decoder,
            text_encoder=encoder,
            tokenizer=words,
            transformer=transformer,
        )

    def sprint(self):
        return self.sana(sprint=True)

    def pixart(self):
        words, encoder = self.t5()
        transformer = self.d.PixArtTransformer2DModel(
            sample_size=32,
            num_layers=2,
            patch_size=2,
            attention_head_dim=8,
            num_attention_heads=3,
            caption_channels=WORDS_DIM,
            in_channels=4,
            cross_attention_dim=24,
            out_channels=8,
        )
        return self.d.PixArtSigmaPipeline(
            tokenizer=words,
            text_encoder=encoder,
            vae=self.decoder(4),
            transformer=transformer,
            scheduler=self.d.DDIMScheduler(),
        )

    def chroma(self):
        words, encoder = self.t5()
        transformer = self.d.ChromaTransformer2DModel(
            patch_size=1,
            in_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=WORDS_DIM,
            axes_dims_rope=[4, 4, 8],
            approximator_hidden_dim=32,
            approximator_layers=1,
            approximator_num_channels=16,
        )
        return self.d.ChromaPipeline(
            scheduler=self.flow(),
            vae=self.decoder(4),
            text_encoder=encoder,
            tokenizer=words,
            transformer=transformer,
        )

    def lumina2(self):
        words, encoder = self.gemma(
            head_dim=4, intermediate_size=8, num_hidden_layers=2, sliding_window=2
        )
        transformer = self.d.Lumina2Transformer2DModel(
            sample_size=4,
            patch_size=2,
            in_channels=4,
            hidden_size=8,
            num_layers=2,
            num_attention_heads=1,
            num_kv_heads=1,
            multiple_of=16,
            axes_dim_rope=[4, 2, 2],
            cap_feat_dim=8,
        )
        return self.d.Lumina2Pipeline(
            scheduler=self.flow(),
            vae=self.decoder(4),
            text_encoder=encoder,
            tokenizer=words,
            transformer=transformer,
        )


def plain(config: Any) -> dict[str, Any]:
    """Return a part's settings without the library's own notes, of which some would undo them."""
    return {name: value for name, value in config.items() if not name.startswith("_")}


FAMILIES = (
    "sdxl", "lcm", "sd3", "flux", "schnell", "kontext", "qwenimage", "zimage", "sana", "sprint", "pixart",
    "chroma", "lumina2",
)  # fmt: skip


def make_family(folder: Path, name: str, seed: int = 0) -> Path:
    """Write a pipeline of a family into ``folder``, and return that."""
    getattr(Maker(folder, seed), name)().save_pretrained(folder)
    return folder


if __name__ == "__main__":
    for family in sys.argv[2:] or FAMILIES:
        print(make_family(Path(sys.argv[1]) / family, family))  # noqa: T201 -- a command's answer
