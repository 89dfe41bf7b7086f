"""The loaded pipelines of a drawing process, on their device; the only module that loads weights.

Used by ``painter``, in the drawing process only: it imports torch and diffusers.
Source: diffusers 0.42.1, run; ``AutoPipelineForText2Image`` and ``AutoPipelineForImage2Image``.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers

from engines.diffusers.config import PipelineConfig
from engines.diffusers.model import is_path

#: messages of out-of-memory errors without a class of their own (MPS, CPU)
_MEMORY_WORDS = ("out of memory", "can't allocate memory", "not enough memory")


class PainterError(Exception):
    """A drawing failed; the engine chooses one of our errors by ``kind``."""

    kind = "failed"


class Unusable(PainterError):
    """The pipeline or the device is not as configured."""

    kind = "setup"


class NoMemory(PainterError):
    """Not even one picture fits into memory."""

    kind = "memory"


class CannotStart(PainterError):
    """The pipeline cannot start from a picture."""

    kind = "start"


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that memory ran out."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    said = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in said for words in _MEMORY_WORDS)


class Pipelines:
    """The pipelines of one engine, each loaded on first use and kept while memory allows."""

    def __init__(self, config: PipelineConfig) -> None:
        self._config = config
        self._device = _device(config.device)
        self._dtype = _dtype(config.dtype, self._device)
        self._loaded: dict[str, Any] = {}
        # Its warnings quote the prompt.
        diffusers.utils.logging.set_verbosity_error()
        transformers.logging.set_verbosity_error()
        diffusers.utils.logging.disable_progress_bar()
        transformers.logging.disable_progress_bar()

    def get(self, model: str, *, starts_from_picture: bool) -> Any:
        """Return the pipeline of ``model``, for text or for a picture to start from.

        Raises:
            Unusable: it or the device is missing or broken.
            NoMemory: it does not fit into memory, even alone.
            CannotStart: no pipeline of its kind can start from a picture.
        """
        pipeline = self._loaded.get(model) or self._fit(model)
        if not starts_from_picture:
            return pipeline
        try:
            # Shares all parts: nothing is loaded twice.
            other = diffusers.AutoPipelineForImage2Image.from_pipe(pipeline)
        except (ValueError, AttributeError) as error:
            raise CannotStart("this kind of pipeline has no img2img") from error
        return _quiet(other)

    def keep_only(self, model: str) -> bool:
        """Release the other pipelines and all spare memory; return whether there were any."""
        others = [name for name in self._loaded if name != model]
        for name in others:
            del self._loaded[name]
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        elif self._device == "mps":
            torch.mps.empty_cache()
        return bool(others)

    def _fit(self, model: str) -> Any:
        try:
            self._loaded[model] = self._load(model)
        # The files may be of any kind and age; whatever is wrong with them, the operator must act.
        except Exception as error:
            if not is_out_of_memory(error):
                said = str(error).strip().splitlines() or [type(error).__name__]
                raise Unusable(f"{model} cannot be loaded: {said[0][:300]}") from error
        else:
            return self._loaded[model]
        # Outside the handler, whose traceback keeps what was half loaded alive.
        if not self.keep_only(model):
            raise NoMemory(f"{model} does not fit into the memory of {self._device}")
        return self._fit(model)

    def _load(self, model: str) -> Any:
        pipeline = diffusers.AutoPipelineForText2Image.from_pretrained(
            str(Path(model).expanduser()) if is_path(model) else model,
            dtype=self._dtype,
            local_files_only=self._config.offline,
            variant=self._config.variant or None,
            # True refuses pickle files; None accepts them if there is nothing else
            use_safetensors=None if self._config.allow_pickle else True,
        ).to(self._device)
        # Decoding four at once would be the peak of memory use, and saves no time.
        with contextlib.suppress(AttributeError):
            pipeline.vae.enable_slicing()
        return _quiet(pipeline)


def _quiet(pipeline: Any) -> Any:
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _device(wanted: str) -> str:
    """Return the configured device, or the best one there is.

    Raises:
        Unusable: the configured one is missing.
    """
    there = [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    there += ["cuda"] if there else []
    there += ["mps"] if torch.backends.mps.is_available() else []
    there.append("cpu")
    if wanted == "auto":
        return there[0]
    if wanted not in there:
        raise Unusable(f"device is {wanted}, and torch finds only {', '.join(there)}")
    return wanted


def _dtype(wanted: str, device: str) -> Any:
    """Return torch's dtype; half precision is slow on CPUs and not always correct on MPS."""
    if wanted == "auto":
        wanted = "float16" if device.startswith("cuda") else "float32"
    return getattr(torch, wanted)


@contextlib.contextmanager
def wrapping_around(pipeline: Any) -> Iterator[None]:
    """Make every convolution wrap around the picture's edges, for tiles; restore it afterwards."""
    parts = [getattr(pipeline, name, None) for name in ("unet", "vae")]
    layers = [
        layer
        for part in parts
        if part is not None
        for layer in part.modules()
        if isinstance(layer, torch.nn.Conv2d) and layer.padding_mode == "zeros"
    ]
    for layer in layers:
        layer.padding_mode = "circular"
    try:
        yield
    finally:
        for layer in layers:
            layer.padding_mode = "zeros"
