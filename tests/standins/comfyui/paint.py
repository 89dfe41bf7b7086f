"""What a graph draws: every node does to flat pictures what the real one does to real ones.

A sampler's picture follows from its model, words, seed, steps and guidance; from the picture that it starts
with as much is left as ``denoise`` leaves, and all of it where the mask is black. Called by ``run``.
"""

from __future__ import annotations

import functools
import hashlib
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image, ImageFilter, ImageOps

from tests.standins.loopback import picture

Size = tuple[int, int]
#: the scale of the upscale model, and a latent's pixel
SCALE, LATENT_PX = 4, 8


@dataclass(frozen=True)
class Latent:
    """A batch of pictures before they are decoded: what is there, and where it may change."""

    pictures: tuple[Image.Image, ...]
    empty: bool = False
    mask: Image.Image | None = None


class Painter:
    """Draws one graph; each node once."""

    def __init__(self, graph: Mapping[str, Any], uploads: Mapping[str, bytes]) -> None:
        self._graph, self._uploads = graph, uploads
        self._made: dict[str, tuple[Any, ...]] = {}
        #: the size of every picture that the samplers drew
        self.drawn: list[Size] = []

    def pictures(self, output: str) -> tuple[Image.Image, ...]:
        """Return what an output node shows."""
        return self._input(output, "images")

    def _input(self, node_id: str, name: str) -> Any:
        value = self._graph[node_id]["inputs"].get(name)
        if not isinstance(value, list):
            return value
        source, slot = value
        if source not in self._made:
            make = getattr(self, f"_{self._graph[source]['class_type'].lower()}")
            made = make(functools.partial(self._input, source))
            self._made[source] = made if isinstance(made, tuple) else (made,)
        return self._made[source][slot]

    # -- models and words ---------------------------------------------------------------------

    def _checkpointloadersimple(self, get: Callable[[str], Any]) -> Any:
        return get("ckpt_name"), get("ckpt_name"), get("ckpt_name")

    def _cliptextencode(self, get: Callable[[str], Any]) -> Any:
        return f"{get('clip')} {get('text')}"

    def _seamlesstile(self, get: Callable[[str], Any]) -> Any:
        return f"{get('model')} {get('tiling')}"

    def _upscalemodelloader(self, get: Callable[[str], Any]) -> Any:
        return get("model_name")

    def _ipadapterunifiedloader(self, get: Callable[[str], Any]) -> Any:
        return f"{get('model')} {get('preset')}", get("preset")

    def _ipadapter(self, get: Callable[[str], Any]) -> Any:
        seen = [image.tobytes()[:30] for image in get("image")]
        return f"{get('model')} {get('weight_type')} {get('weight')} {seen}"

    def _unetloader(self, get: Callable[[str], Any]) -> Any:
        return f"{get('unet_name')} {get('weight_dtype')}"

    def _cliploader(self, get: Callable[[str], Any]) -> Any:
        return f"{get('clip_name')} {get('type')}"

    def _dualcliploader(self, get: Callable[[str], Any]) -> Any:
        return f"{get('clip_name1')} {get('clip_name2')} {get('type')}"

    def _triplecliploader(self, get: Callable[[str], Any]) -> Any:
        return " ".join(get(f"clip_name{place}") for place in (1, 2, 3))

    def _vaeloader(self, get: Callable[[str], Any]) -> Any:
        return get("vae_name")

    def _modelsamplingauraflow(self, get: Callable[[str], Any]) -> Any:
        return f"{get('model')} {get('shift')}"

    def _cfgnorm(self, get: Callable[[str], Any]) -> Any:
        return f"{get('model')} {get('strength')}"

    def _fluxguidance(self, get: Callable[[str], Any]) -> Any:
        return f"{get('conditioning')} guided by {get('guidance')}"

    def _conditioningzeroout(self, get: Callable[[str], Any]) -> Any:
        return f"nothing of {len(get('conditioning'))}"

    def _referencelatent(self, get: Callable[[str], Any]) -> Any:
        return f"{get('conditioning')} beside {_seen(get('latent').pictures)}"

    def _fluxkontextmultireferencelatentmethod(self, get: Callable[[str], Any]) -> Any:
        return f"{get('conditioning')} by {get('reference_latents_method')}"

    def _textencodeqwenimageedit(self, get: Callable[[str], Any]) -> Any:
        images = [get(name) for name in ("image", "image1", "image2", "image3")]
        seen = [_seen(image) for image in images if image]
        return f"{get('clip')} {get('prompt')} {seen}"

    _textencodeqwenimageeditplus = _textencodeqwenimageedit

    def _sanacheckpointloader(self, get: Callable[[str], Any]) -> Any:
        return f"{get('ckpt_name')} {get('model')}"

    def _gemmaloader(self, get: Callable[[str], Any]) -> Any:
        return get("model_name")

    def _sanatextencode(self, get: Callable[[str], Any]) -> Any:
        return f"{get('GEMMA')} {get('text')}"

    def _extravaeloader(self, get: Callable[[str], Any]) -> Any:
        return f"{get('vae_name')} {get('vae_type')}"

    # -- pictures -----------------------------------------------------------------------------

    def _loadimage(self, get: Callable[[str], Any]) -> Any:
        return (self._opened(get("image")).convert("RGB"),), None

    def _loadimagemask(self, get: Callable[[str], Any]) -> Any:
        assert get("channel") == "red"
        return self._opened(get("image")).convert("RGB").getchannel("R")

    def _opened(self, name: str) -> Image.Image:
        return Image.open(io.BytesIO(self._uploads[name]))

    def _imagebatch(self, get: Callable[[str], Any]) -> Any:
        return ((*get("image1"), *get("image2")),)

    def _imagescale(self, get: Callable[[str], Any]) -> Any:
        size = get("width"), get("height")
        return (tuple(ImageOps.fit(image, size) for image in get("image")),)

    def _imageupscalewithmodel(self, get: Callable[[str], Any]) -> Any:
        return (tuple(ImageOps.scale(image, SCALE) for image in get("image")),)

    def _fluxkontextimagescale(self, get: Callable[[str], Any]) -> Any:
        return (tuple(ImageOps.fit(image, (256, 256)) for image in get("image")),)

    # -- latents ------------------------------------------------------------------------------

    def _emptylatentimage(self, get: Callable[[str], Any]) -> Any:
        size = get("width") // LATENT_PX * LATENT_PX, get("height") // LATENT_PX * LATENT_PX
        return Latent((Image.new("RGB", size),) * get("batch_size"), empty=True)

    _emptysd3latentimage = _emptylatentimage

    def _emptysanalatentimage(self, get: Callable[[str], Any]) -> Any:
        size = get("width") // 32 * 32, get("height") // 32 * 32
        return Latent((Image.new("RGB", size),) * get("batch_size"), empty=True)

    def _vaeencode(self, get: Callable[[str], Any]) -> Any:
        return Latent(tuple(_cropped(image) for image in get("pixels")))

    def _vaeencodeforinpaint(self, get: Callable[[str], Any]) -> Any:
        mask, (image,) = get("mask"), get("pixels")
        grey = Image.composite(Image.new("RGB", image.size, "grey"), image, mask)
        grown = mask.filter(ImageFilter.MaxFilter(get("grow_mask_by") // 2 * 2 + 1))
        return Latent((_cropped(grey),), mask=_cropped(grown))

    def _setlatentnoisemask(self, get: Callable[[str], Any]) -> Any:
        return replace(get("samples"), mask=get("mask"))

    def _repeatlatentbatch(self, get: Callable[[str], Any]) -> Any:
        latent = get("samples")
        return replace(latent, pictures=latent.pictures * get("amount"))

    def _ksampler(self, get: Callable[[str], Any]) -> Any:
        latent: Latent = get("latent_image")
        # At a guidance of 1 the real one does not look at the negative prompt.
        negative = get("negative") if get("cfg") > 1 else ""
        words = [get("model"), get("positive"), negative, get("seed"), get("steps"), get("cfg")]
        made = []
        for place, base in enumerate(latent.pictures):
            label = " ".join(map(str, [*words, place]))
            image = Image.open(io.BytesIO(picture(*base.size, label))).convert("RGB")
            if not latent.empty:
                image = Image.blend(base, image, get("denoise"))
            if latent.mask:
                image = Image.composite(image, base, latent.mask.resize(base.size))
            made.append(image)
        self.drawn += [image.size for image in made]
        return Latent(tuple(made))

    def _vaedecode(self, get: Callable[[str], Any]) -> Any:
        return (get("samples").pictures,)

    _circularvaedecode = _vaedecode


def _seen(pictures: tuple[Image.Image, ...]) -> str:
    """What a model sees of pictures: all of it."""
    return hashlib.sha256(b"".join(image.tobytes() for image in pictures)).hexdigest()


def _cropped(image: Image.Image) -> Image.Image:
    width, height = (side // LATENT_PX * LATENT_PX for side in image.size)
    return ImageOps.fit(image, (width, height)) if image.size != (width, height) else image
