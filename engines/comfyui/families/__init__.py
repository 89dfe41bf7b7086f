"""The families of models that the default graphs draw with, by the name that an operator gives as ``model``.

One file a maker; the numbers are those of ComfyUI's own example workflows. Read by ``config``.
"""

from __future__ import annotations

from collections.abc import Mapping

from engines.comfyui.families import flux, qwen, sana, stable, zimage
from engines.comfyui.families.family import Layout, ModelFamily, Part, Showing

__all__ = ["FAMILIES", "Layout", "ModelFamily", "Part", "Showing"]

FAMILIES: Mapping[str, ModelFamily] = {
    family.name: family
    for family in (
        *(stable.SD15, stable.SD2, stable.SDXL, stable.SD35, stable.SD35_TURBO),
        *(flux.DEV, flux.SCHNELL, flux.KONTEXT),
        *(qwen.QWEN_IMAGE, qwen.EDIT, qwen.EDIT_2509, qwen.EDIT_2511),
        *(zimage.Z_IMAGE, zimage.Z_IMAGE_TURBO),
        sana.SANA,
    )
}
