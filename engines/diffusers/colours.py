"""What latents look like, measured on the pipeline's own decoder: its encoder is shown a few colours.

Latents map to colours nearly linearly, by a matrix that differs from kind to kind. One fitted to a picture
of random patches serves any; it takes a moment, once for each loaded model. Used by ``drawing``, in the
drawing process only: it imports torch. Source: diffusers 0.42.1, run with tiny models.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from engines.diffusers.latents import Colours, Latents

#: the patches on each side of the picture, and the latents on each side of a patch: enough for a decoder to
#: see one colour in the middle of it
PATCHES, PATCH = 8, 2


def measured(pipeline: Any) -> Colours:
    """Return the colours of the pipeline's latents, as they are while it draws."""
    vae = pipeline.vae
    # Of the middle parts, a kind may say how much they shrink a picture; of the others, three halvings.
    shrinks = int(getattr(pipeline, "vae_scale_factor", 8))
    side = PATCHES * PATCH * shrinks
    patches = np.random.default_rng(0).uniform(-1, 1, (PATCHES, PATCHES, 3)).astype(np.float32)
    pixels = patches.repeat(side // PATCHES, axis=0).repeat(side // PATCHES, axis=1)
    given = torch.from_numpy(pixels.transpose(2, 0, 1)[None]).to(
        pipeline._execution_device, vae.dtype
    )
    moving = "latents_mean" in vae.config and "temperal_downsample" in vae.config
    with torch.inference_mode():
        encoded = vae.encode(given[:, :, None] if moving else given)
    latents = encoded.latent_dist.mode() if hasattr(encoded, "latent_dist") else encoded[0]
    values = flat(pipeline, _normalised(vae, latents), side, side)[0]
    channels, height, width = values.shape
    seen = patches.repeat(height // PATCHES, axis=0).repeat(width // PATCHES, axis=1)
    rows = np.concatenate([values.reshape(channels, -1).T, np.ones((height * width, 1))], axis=1)
    fitted, *_ = np.linalg.lstsq(rows, (seen.reshape(-1, 3) + 1) * 127.5, rcond=None)
    return Colours(fitted[:-1].astype(np.float32), fitted[-1].astype(np.float32))


def flat(pipeline: Any, latents: Any, width: int, height: int) -> Latents:
    """Return latents as (pictures, channels, height, width), however the pipeline holds them.

    ``width``, ``height``: of the picture, in pixels.
    """
    if latents.ndim == 3:
        # Packed: each of a row holds four latents.
        latents = pipeline._unpack_latents(latents, height, width, pipeline.vae_scale_factor)
    if latents.ndim == 5:
        # Of a decoder for films: one picture.
        latents = latents[:, :, 0]
    values: Latents = latents.detach().float().cpu().numpy()
    return values


def _normalised(vae: Any, latents: Any) -> Any:
    """Return latents as the pipeline keeps them, from the decoder's own scale."""
    config = vae.config
    if (mean := config.get("latents_mean")) is not None:
        shape = (1, -1, *[1] * (latents.ndim - 2))
        mean, std = (
            torch.tensor(values).view(shape).to(latents) for values in (mean, config["latents_std"])
        )
        return (latents - mean) / std
    shift = config.get("shift_factor") or 0.0
    return (latents - shift) * (config.get("scaling_factor") or 1.0)
