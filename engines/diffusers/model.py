"""Find a pipeline on this machine and determine its kind, without importing torch.

Called by ``engine`` before the drawing process exists. A pipeline's folder has a ``model_index.json``
with its class and parts; what each class can do is taken from diffusers 0.42.1
(``pipelines/auto_pipeline.py`` and the pipelines' ``__call__``).
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

#: imported by the drawing process only
NEEDED = ("torch", "diffusers", "transformers")
INDEX = "model_index.json"
#: what a model that is no pipeline has instead
CONFIG = "config.json"


@dataclass(frozen=True, slots=True)
class Family:
    """What a kind of pipeline can do."""

    #: consists of convolutions, which can wrap around
    convolves: bool = True
    #: supports img2img with a strength
    starts_from_pictures: bool = True
    takes_negative: bool = True
    #: has four latent channels with known colours
    shows_previews: bool = True
    #: has a pipeline that redraws a part, and one takes IP-Adapters
    inpaints: bool = True
    adapts: bool = False
    #: an IP-Adapter can be held to the blocks that decide on style
    has_style_blocks: bool = False
    #: both sides must be multiples of this
    multiple_px: int = 8


_TRANSFORMER = Family(convolves=False, shows_previews=False, multiple_px=16)

#: class name in ``model_index.json`` → what it can do
FAMILIES = {
    "StableDiffusionPipeline": Family(adapts=True),
    "StableDiffusionXLPipeline": Family(adapts=True, has_style_blocks=True),
    "LatentConsistencyModelPipeline": Family(takes_negative=False, inpaints=False),
    "StableDiffusion3Pipeline": _TRANSFORMER,
    "ZImagePipeline": _TRANSFORMER,
    "FluxPipeline": replace(_TRANSFORMER, takes_negative=False),
    "QwenImagePipeline": replace(_TRANSFORMER, takes_negative=False),
}


def missing_packages() -> list[str]:
    """Return which required packages are not installed, without importing them."""
    return [name for name in NEEDED if find_spec(name) is None]


def is_path(model: str) -> bool:
    """Return whether ``model`` is a folder's path rather than a name on the hub."""
    return model.startswith(("/", ".", "~")) or Path(model).exists()


def find_index(model: str) -> Path | None:
    """Return the ``model_index.json`` of a pipeline on this machine, or None."""
    return find_file(model, INDEX)


def find_file(model: str, name: str) -> Path | None:
    """Return a file of a model on this machine, or None."""
    if is_path(model):
        path = Path(model).expanduser() / name
        return path if path.is_file() else None
    # A small package, and the only one that knows the hub's cache.
    from huggingface_hub import try_to_load_from_cache

    try:
        found = try_to_load_from_cache(model, name)
    except ValueError:
        # not a valid name on the hub
        return None
    return Path(found) if isinstance(found, str) else None


class Models:
    """The pipelines of one engine, looked for until they are found."""

    def __init__(self, models: tuple[str, ...], *, offline: bool) -> None:
        self._models = models
        self._offline = offline
        self._lock = threading.Lock()
        self._families: dict[str, Family] = {}

    def trouble(self, *more: str) -> str | None:
        """Return why the engine cannot draw, or None; checks each time, because disks come and go.

        ``more``: models that are needed besides its own.
        """
        for model in (*self._models, *more):
            if find_index(model):
                continue
            if is_path(model):
                return f"there is no {INDEX} in {model}"
            if self._offline:
                return f"{model} is not in the hub's cache on this machine, and offline is true"
        return None

    def has(self, model: str, name: str) -> bool:
        """Return whether a model can be loaded, by a file of it; False for none."""
        return bool(model) and (not self._offline or find_file(model, name) is not None)

    def family(self, model: str) -> Family:
        """Return what a pipeline can do; one that is not downloaded yet is assumed to be of the usual kind."""
        with self._lock:
            if model not in self._families:
                index = find_index(model)
                if index is None:
                    return Family()
                self._families[model] = _family_of(_read(index))
            return self._families[model]


def _read(index: Path) -> dict[str, Any]:
    try:
        read = json.loads(index.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        # The drawing process will say what is wrong with it.
        return {}
    return read if isinstance(read, dict) else {}


def _family_of(index: dict[str, Any]) -> Family:
    known = FAMILIES.get(str(index.get("_class_name")))
    if known:
        return known
    # For an untested class, promise only what its parts show.
    return Family("unet" in index, False, False, False, inpaints=False, multiple_px=16)
