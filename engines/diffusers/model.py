"""Where a pipeline lies on this machine, and what kind it is, found out without importing torch.

Called by ``engine`` before the drawing process is there. A pipeline's folder has a
``model_index.json`` that names its class and parts; what each class can do was read in diffusers
0.42.1 (``pipelines/auto_pipeline.py`` and the pipelines' ``__call__``).
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

#: imported by the drawing process alone
NEEDED = ("torch", "diffusers", "transformers")
INDEX = "model_index.json"


@dataclass(frozen=True, slots=True)
class Family:
    """What a kind of pipeline can do."""

    #: made of convolutions, which can be told to wrap around
    convolves: bool = True
    #: img2img with a strength
    starts_from_pictures: bool = True
    takes_negative: bool = True
    #: four latent channels of which the colours are known
    shows_previews: bool = True
    #: both sides are multiples of this
    multiple_px: int = 8


_TRANSFORMER = Family(convolves=False, shows_previews=False, multiple_px=16)

#: class name in ``model_index.json`` → what it can do
FAMILIES = {
    "StableDiffusionPipeline": Family(),
    "StableDiffusionXLPipeline": Family(),
    "LatentConsistencyModelPipeline": Family(takes_negative=False),
    "StableDiffusion3Pipeline": _TRANSFORMER,
    "ZImagePipeline": _TRANSFORMER,
    "FluxPipeline": Family(False, True, False, False, 16),
    "QwenImagePipeline": Family(False, True, False, False, 16),
}


def missing_packages() -> list[str]:
    """Return which of the needed packages are not installed; imports none of them."""
    return [name for name in NEEDED if find_spec(name) is None]


def is_path(model: str) -> bool:
    """Say whether ``model`` is a folder's path rather than a name on the hub."""
    return model.startswith(("/", ".", "~")) or Path(model).exists()


def find_index(model: str) -> Path | None:
    """Return the ``model_index.json`` of a pipeline on this machine, or None."""
    if is_path(model):
        path = Path(model).expanduser() / INDEX
        return path if path.is_file() else None
    # Small beside the rest, and the one place that knows the hub's cache.
    from huggingface_hub import try_to_load_from_cache

    try:
        found = try_to_load_from_cache(model, INDEX)
    except ValueError:
        # no name that the hub could have
        return None
    return Path(found) if isinstance(found, str) else None


class Models:
    """The pipelines of one engine, looked for until they were found."""

    def __init__(self, models: tuple[str, ...], *, offline: bool) -> None:
        self._models = models
        self._offline = offline
        self._lock = threading.Lock()
        self._families: dict[str, Family] = {}

    def trouble(self) -> str | None:
        """Return why the engine cannot draw, or None; looks each time, for disks come and go."""
        for model in self._models:
            if find_index(model):
                continue
            if is_path(model):
                return f"there is no {INDEX} in {model}"
            if self._offline:
                return f"{model} is not in the hub's cache on this machine, and offline is true"
        return None

    def family(self, model: str) -> Family:
        """Return what a pipeline can do; one that is still to be fetched is taken for the usual."""
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
    # Of a class never tried, promise only what its parts show.
    return Family("unet" in index, False, False, False, 16)
