"""A rough picture straight from latents, for previews: one small matrix instead of the decoder.

A latent's channels map to colours nearly linearly, so 64 x 64 latents make a thumbnail in a millisecond
where the VAE takes a second. Those of Stable Diffusion are known; of other kinds they are measured
(``colours``). Sources: Keturn, "Decoding latents to RGB without
upscaling" (Hugging Face forum, for SD 1.x), and T. A. Vass, "Explaining the SDXL latent space"
(Hugging Face blog). Called by ``drawing`` with arrays; no torch here.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

Latents = npt.NDArray[np.float32]

#: each channel's red, green and blue, for values from -1 to 1
SD_COLOURS = np.array(
    [
        [0.298, 0.207, 0.208],
        [0.187, 0.286, 0.173],
        [-0.158, 0.189, 0.264],
        [-0.184, -0.271, -0.473],
    ],
    dtype=np.float32,
)
#: the same for values from 0 to 255, before the bias
SDXL_COLOURS = np.array([[60, 60, 60], [-60, -5, 10], [25, 15, -5], [-70, -50, -35]], np.float32)
SDXL_BIAS = np.array([150, 140, 130], dtype=np.float32)

#: below this VAE scaling factor, the latents of four channels are SDXL's (0.13025; SD has 0.18215)
SDXL_BELOW = 0.15
QUALITY = 80


@dataclass(frozen=True, slots=True)
class Colours:
    """Each channel's red, green and blue, of values to 255, and what is added to them."""

    #: of shape (channels, 3)
    of_channels: Latents
    bias: Latents


SD = Colours(SD_COLOURS * np.float32(127.5), np.full(3, 127.5, np.float32))
SDXL = Colours(SDXL_COLOURS, SDXL_BIAS)


def pictures(latents: Latents, colours: Colours) -> list[Image.Image]:
    """Return one small picture for each of ``latents``, of shape (pictures, channels, height, width)."""
    shown = np.einsum("nchw,cr->nhwr", latents, colours.of_channels) + colours.bias
    # A drawing that overflowed has no colours; a preview is not the place to report that.
    whole = np.clip(np.nan_to_num(shown), 0, 255).astype(np.uint8)
    return [Image.fromarray(each) for each in whole]


def preview(latents: Latents, colours: Colours, width: int, height: int) -> bytes:
    """Return a JPEG of this size: several cells as a grid, a single one as it is."""
    cells = pictures(latents, colours)
    across = 2 if len(cells) > 1 else 1
    cell_width, cell_height = cells[0].size
    whole = Image.new("RGB", (cell_width * across, cell_height * across))
    for index, cell in enumerate(cells):
        whole.paste(cell, (index % across * cell_width, index // across * cell_height))
    buffer = io.BytesIO()
    large = whole.resize((width, height), Image.Resampling.BILINEAR)
    large.save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()
