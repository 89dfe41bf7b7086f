"""Find a pipeline on this machine, and say before the first drawing what would keep it from drawing.

Called by ``engine`` before the drawing process exists, so without torch. A pipeline's folder has a
``model_index.json`` with its class and parts; the hub's cache has such folders, too.
"""

from __future__ import annotations

import json
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from engines.diffusers.config import PipelineConfig
from engines.diffusers.families import UNKNOWN, Family, family_of, trouble_of
from engines.diffusers.parts import missing_part

#: imported by the drawing process only
NEEDED = ("torch", "diffusers", "transformers")
#: and what some settings need besides
_FOR_OFFLOAD, _FOR_LORAS, _FOR_QUANTIZE = "accelerate", "peft", "bitsandbytes"
INDEX = "model_index.json"
#: what a model that is no pipeline has instead
CONFIG = "config.json"


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


def split_lora(name: str) -> tuple[str, str]:
    """Return a LoRA's folder or hub name, and its file: of ``owner/name/file.safetensors`` both."""
    if is_path(name):
        path = Path(name).expanduser()
        return (str(path), "") if path.is_dir() else (str(path.parent), path.name)
    owner, _, rest = name.partition("/")
    model, _, file = rest.partition("/")
    return f"{owner}/{model}", file


class Models:
    """The pipelines of one engine, looked for until they are found."""

    def __init__(self, config: PipelineConfig, versions: tuple[str, ...] = ()) -> None:
        """``versions``: more pipelines than the configured ones."""
        self._config = config
        self._models = (*config.models, *versions)
        self._lock = threading.Lock()
        self._families: dict[str, Family] = {}

    def trouble(self, *more: str) -> str | None:
        """Return why the engine cannot draw, or None; checks each time, because disks come and go.

        ``more``: models that are needed besides its own.
        """
        for model in (*self._models, *more):
            if why := self._trouble_of(model):
                return why
        return self._trouble_of_settings()

    def has(self, model: str, name: str) -> bool:
        """Return whether a model can be loaded, by a file of it; False for none."""
        return bool(model) and (not self._config.offline or find_file(model, name) is not None)

    def family(self, model: str) -> Family:
        """Return what a pipeline can do; of one that is not downloaded yet, nothing is known."""
        with self._lock:
            if model not in self._families:
                path = find_index(model)
                if path is None:
                    return UNKNOWN
                self._families[model] = family_of(_read(path) or {}, path.parent)
            return self._families[model]

    def _trouble_of(self, model: str) -> str | None:
        path = find_index(model)
        if path is None:
            if is_path(model):
                return f"there is no {INDEX} in {model}"
            if self._config.offline:
                return f"{model} is not in the hub's cache on this machine, and offline is true"
            return None
        index = _read(path)
        if index is None:
            return f"{path} cannot be read"
        why = trouble_of(index)
        if not why and (self._config.offline or is_path(model)):
            variant, allow = self._config.variant, self._config.allow_pickle
            why = missing_part(index, path.parent, variant=variant, allow_pickle=allow)
        return f"{model} {why}" if why else None

    def _trouble_of_settings(self) -> str | None:
        config = self._config
        for wanted, package, setting in (
            (config.offload != "none", _FOR_OFFLOAD, "offload"),
            (config.loras, _FOR_LORAS, "loras"),
            (config.quantize != "none", _FOR_QUANTIZE, "quantize"),
        ):
            if wanted and find_spec(package) is None:
                return f"{setting} needs {package}: pip install {package}"
        for name in config.loras:
            place, file = split_lora(name)
            if (is_path(place) or config.offline) and not _lora_is_there(place, file):
                return f"there is no LoRA {name} on this machine"
        return None


def _lora_is_there(place: str, file: str) -> bool:
    if file:
        return find_file(place, file) is not None
    return Path(place).is_dir() and any(Path(place).glob("*.safetensors"))


def _read(index: Path) -> dict[str, Any] | None:
    try:
        read = json.loads(index.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return read if isinstance(read, dict) else None
