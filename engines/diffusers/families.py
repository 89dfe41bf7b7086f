"""What a kind of pipeline can do, and what it wants: from its index, its parts and the library's source.

``PROVED`` are the kinds that tests draw with, by tiny models; what they take has the effect that it is
claimed to have. Of all others no more is claimed than their arguments show, and nothing as exact. Called by
``model``; no torch here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from engines.diffusers import library

#: ``scale``: away from the negative words, by ``guidance_scale`` · ``true``: the same by ``true_cfg_scale``, and only
#: beside negative words · ``embedded``: a number that the model was taught, without negative words · ``none``
Guides = Literal["scale", "true", "embedded", "none"]

PROVED = frozenset(
    {
        "StableDiffusionPipeline",
        "StableDiffusionXLPipeline",
        "LatentConsistencyModelPipeline",
        "StableDiffusion3Pipeline",
        "FluxPipeline",
        "QwenImagePipeline",
        "ZImagePipeline",
        "SanaPipeline",
        "PixArtSigmaPipeline",
        "ChromaPipeline",
        "Lumina2Pipeline",
    }
)
#: their names: they need a picture, or are no whole pipelines
_WANTING = (
    "Adapter", "Control", "Depth2Img", "Edit", "Fill", "Img2Img", "Inpaint", "Layered", "Onnx", "Pix2Pix",
    "Refiner", "ShapE", "SuperResolution", "Upscale",
)  # fmt: skip
#: fail whatever they are given: diffusers 0.42.1 asks Chroma's transformer for a setting that only Flux's has
_BROKEN = {"ChromaInpaintPipeline"}
#: arguments of those that draw no still picture
_MOVING = {
    "num_frames",
    "audio_length_in_s",
    "audio_duration",
    "video",
    "num_videos_per_prompt",
    "video_length",
}
#: guidance above this counts, unless the kind is named
_GUIDED_FROM = 1.0
_GUIDED_FROM_OF = {"ZImagePipeline": 0.0}
#: SDXL and transformers are made for about a million pixels
_SMALL_PX, _LARGE_PX = 512, 1024
_STEPS, _GUIDANCE = 25, 7.0
#: steps and guidance of a Flux that takes no guidance, so is distilled
_DISTILLED_STEPS = 4


@dataclass(frozen=True, slots=True)
class Family:
    """What a kind of pipeline can do; the defaults are Stable Diffusion's."""

    #: consists of convolutions, which can wrap around
    convolves: bool = True
    #: supports img2img with a strength
    starts_from_pictures: bool = True
    #: takes a picture beside the words, without a strength
    looks_at_pictures: bool = False
    takes_negative: bool = True
    guides: Guides = "scale"
    #: guidance above this counts
    guided_from: float = _GUIDED_FROM
    #: has a second guidance besides, which knows negative words
    second: bool = False
    #: its latents can be shown
    shows_previews: bool = True
    #: has a pipeline that redraws a part, and one takes IP-Adapters
    inpaints: bool = True
    adapts: bool = False
    #: an IP-Adapter can be held to the blocks that decide on style
    has_style_blocks: bool = False
    #: both sides must be multiples of this
    multiple_px: int = 8
    #: what it does best at, where the operator names nothing: steps, guidance, the side of a square
    steps: int = _STEPS
    guidance: float = _GUIDANCE
    native_px: int = _SMALL_PX
    #: tests draw with its kind
    proved: bool = True


#: assumed of one that is not on this machine yet: what the operator does not say is left to it
UNKNOWN = Family(
    guidance=0.0,
    convolves=False,
    starts_from_pictures=False,
    takes_negative=False,
    shows_previews=False,
    inpaints=False,
    multiple_px=32,
    proved=False,
)


def name_of(index: Mapping[str, Any]) -> str:
    """Return the kind that draws from words what a pipeline's index names; "" if it brings code of its own."""
    name = index.get("_class_name")
    return (library.sibling_of(name, "text") or name) if isinstance(name, str) else ""


def trouble_of(index: Mapping[str, Any]) -> str | None:
    """Return why a pipeline with this index can draw nothing from words, or None."""
    name = name_of(index)
    if not name:
        return "brings code of its own, which is not run"
    call = library.call_of(name)
    if call is None:
        return f"is a {name}, which the installed diffusers does not have"
    still = {"prompt", "num_inference_steps"} <= {*call.defaults} and not _MOVING & {*call.defaults}
    if not still or call.default("output_type") not in ("pil", None):
        return f"is a {name}, which draws no pictures from words"
    others = [each for each in call.required if each != "prompt"]
    if others or any(word in name for word in _WANTING):
        return f"is a {name}, which needs more than words"
    return None


def family_of(index: Mapping[str, Any], folder: Path) -> Family:
    """Return what the pipeline with this index can do; ``folder`` is where its parts lie."""
    name = name_of(index)
    call = library.call_of(name)
    if call is None:
        return UNKNOWN
    proved, convolves = name in PROVED, "unet" in index
    guides = _guides_of(call)
    steps, guidance = call.default("num_inference_steps"), call.default("guidance_scale")
    if guides == "true":
        guidance = call.default("true_cfg_scale")
    if convolves:
        # What they were drawn with before the library was asked.
        steps, guidance = _STEPS, _GUIDANCE
    if guides == "embedded" and _config(folder, "transformer").get("guidance_embeds") is False:
        guides, steps, guidance = "none", _DISTILLED_STEPS, 0.0
    picture, mask = library.sibling_of(name, "picture"), library.sibling_of(name, "mask")
    starting = library.call_of(picture) if picture else None
    masking = library.call_of(mask) if mask and mask not in _BROKEN else None
    return Family(
        convolves=convolves and "vae" in index,
        starts_from_pictures=starting is not None and "strength" in starting,
        looks_at_pictures="image" in call and "strength" not in call,
        takes_negative="negative_prompt" in call,
        guides=guides,
        guided_from=_GUIDED_FROM_OF.get(name, _GUIDED_FROM),
        second=guides != "true" and {"true_cfg_scale", "negative_prompt"} <= {*call.defaults},
        shows_previews=proved and _shows(call),
        inpaints=masking is not None and {"mask_image", "strength"} <= {*masking.defaults},
        adapts=convolves and "ip_adapter_image" in call,
        has_style_blocks=name == "StableDiffusionXLPipeline",
        multiple_px=_multiple_px(index, proved),
        steps=steps if isinstance(steps, int) else _STEPS,
        guidance=float(guidance) if isinstance(guidance, int | float) else 0.0,
        native_px=_native_px(name, convolves),
        proved=proved,
    )


def _guides_of(call: library.PipelineCall) -> Guides:
    if "true_cfg_scale" in call:
        return "true" if call.default("guidance_scale") is None else "embedded"
    if "guidance_scale" not in call:
        return "none"
    return "scale" if "negative_prompt" in call else "embedded"


def _shows(call: library.PipelineCall) -> bool:
    return "callback_on_step_end" in call or "callback" in call


def _multiple_px(index: Mapping[str, Any], proved: bool) -> int:
    vae = index.get("vae")
    if not proved or (isinstance(vae, list) and "AutoencoderDC" in vae):
        return 32
    return 8 if "unet" in index else 16


def _native_px(name: str, convolves: bool) -> int:
    return _SMALL_PX if convolves and "XL" not in name else _LARGE_PX


def _config(folder: Path, part: str) -> dict[str, Any]:
    try:
        read = json.loads((folder / part / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return read if isinstance(read, dict) else {}
