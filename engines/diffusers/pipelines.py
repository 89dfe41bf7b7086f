"""The loaded pipelines of a drawing process, on their device; the only module that loads weights.

Used by ``painter``, in the drawing process only: it imports torch and diffusers.
Source: diffusers 0.42.1, run; its ``AutoPipelineFor…`` classes.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import diffusers
import torch
import transformers

from engines.diffusers.config import PipelineConfig
from engines.diffusers.model import is_path

#: what a pipeline starts from
Kind = Literal["text", "picture", "mask"]
_OTHERS = {
    "picture": diffusers.AutoPipelineForImage2Image,
    "mask": diffusers.AutoPipelineForInpainting,
}

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
    """The pipeline cannot start from a picture, or redraw a part of one."""

    kind = "start"


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that memory ran out."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    said = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in said for words in _MEMORY_WORDS)


class Pipelines:
    """The models of one engine, each loaded on first use; a bounded number stays in memory."""

    def __init__(self, config: PipelineConfig) -> None:
        self._config = config
        self.device = _device(config.device)
        self.dtype = _dtype(config.dtype, self.device)
        #: by name, the one used last at the end
        self._loaded: dict[str, Any] = {}
        # Its warnings quote the prompt.
        diffusers.utils.logging.set_verbosity_error()
        transformers.logging.set_verbosity_error()
        diffusers.utils.logging.disable_progress_bar()
        transformers.logging.disable_progress_bar()

    def get(self, model: str, kind: Kind = "text") -> Any:
        """Return the pipeline of ``model``, by what it starts from: text, a picture, a masked picture.

        Raises:
            Unusable: it or the device is missing or broken.
            NoMemory: it does not fit into memory, even alone.
            CannotStart: no pipeline of its kind can start from that.
        """
        pipeline = self.kept(model, self._load)
        if kind == "text":
            return pipeline
        try:
            # Shares all parts: nothing is loaded twice.
            return _quiet(_OTHERS[kind].from_pipe(pipeline))
        except (ValueError, AttributeError) as error:
            raise CannotStart(f"this kind of pipeline cannot start from a {kind}") from error

    def kept(self, model: str, load: Callable[[str], Any]) -> Any:
        """Return a model, loaded by ``load`` unless it is in memory.

        Raises:
            Unusable: it cannot be loaded.
            NoMemory: it does not fit into memory, even alone.
        """
        found = self._loaded.pop(model, None)
        if found is None:
            spare = len(self._loaded) - self._config.models_in_memory + 1
            if spare > 0:
                self._release(list(self._loaded)[:spare])
            found = self._fit(model, load)
        self._loaded[model] = found
        return found

    def keep_only(self, model: str) -> bool:
        """Release the other models and all spare memory; return whether there were any."""
        others = [name for name in self._loaded if name != model]
        self._release(others)
        return bool(others)

    def _release(self, names: Sequence[str]) -> None:
        for name in names:
            del self._loaded[name]
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        elif self.device == "mps":
            torch.mps.empty_cache()

    def _fit(self, model: str, load: Callable[[str], Any]) -> Any:
        try:
            return load(model)
        # The files may be of any kind and age; whatever is wrong with them, the operator must act.
        except Exception as error:
            if not is_out_of_memory(error):
                said = str(error).strip().splitlines() or [type(error).__name__]
                raise Unusable(f"{model} cannot be loaded: {said[0][:300]}") from error
        # Outside the handler, whose traceback keeps what was half loaded alive.
        if not self.keep_only(model):
            raise NoMemory(f"{model} does not fit into the memory of {self.device}")
        return self._fit(model, load)

    def _load(self, model: str) -> Any:
        pipeline = diffusers.AutoPipelineForText2Image.from_pretrained(
            place_of(model),
            dtype=self.dtype,
            local_files_only=self._config.offline,
            variant=self._config.variant or None,
            # True refuses pickle files; None accepts them if there is nothing else
            use_safetensors=None if self._config.allow_pickle else True,
        ).to(self.device)
        # Decoding all cells at once would be the peak of memory use, and saves no time.
        with contextlib.suppress(AttributeError):
            pipeline.vae.enable_slicing()
        return _quiet(pipeline)


def place_of(model: str) -> str:
    """Return a model's folder or name as the libraries take it."""
    return str(Path(model).expanduser()) if is_path(model) else model


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


@contextlib.contextmanager
def decoding_in_parts(pipeline: Any) -> Iterator[None]:
    """Let the decoder work on a large picture part by part, which bounds its memory; restore it afterwards."""
    vae: Any = getattr(pipeline, "vae", None)
    if not hasattr(vae, "enable_tiling"):
        yield
        return
    vae.enable_tiling()
    try:
        yield
    finally:
        vae.disable_tiling()
