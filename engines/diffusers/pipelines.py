"""The loaded pipelines of a drawing process, on their device; the only module that loads weights.

Used by ``painter``, in the drawing process only: it imports torch and diffusers.
Source: diffusers 0.42.1, run; its ``AutoPipelineFor…`` classes.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers

from engines.diffusers import library
from engines.diffusers.config import PipelineConfig
from engines.diffusers.library import Kind
from engines.diffusers.model import is_path, split_lora

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
        if config.offload != "none" and self.device == "cpu":
            raise Unusable("offload needs a GPU, and device is cpu")
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
        name = library.sibling_of(type(pipeline).__name__, kind)
        if name is None:
            raise CannotStart(f"this kind of pipeline cannot start from a {kind}")
        return _quiet(_over_the_same_parts(pipeline, getattr(diffusers, name)))

    def dtype_for(self, *, transforms: bool) -> Any:
        """Return torch's dtype for a model: of a transformer, float16 would overflow.

        Half precision is slow on CPUs, and not always correct on MPS.
        """
        wanted = self._config.dtype
        if wanted == "auto":
            half = "bfloat16" if transforms else "float16"
            wanted = half if self.device.startswith("cuda") else "float32"
        return getattr(torch, wanted)

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
        config = self._config
        index = diffusers.DiffusionPipeline.load_config(
            place_of(model), local_files_only=config.offline
        )
        # One that starts from pictures is loaded as its sibling that needs none; many have no sibling.
        listed = library.sibling_of(str(index.get("_class_name")), "text")
        kind = diffusers.AutoPipelineForText2Image if listed else diffusers.DiffusionPipeline
        dtype = self.dtype_for(transforms="unet" not in index)
        pipeline = kind.from_pretrained(
            place_of(model),
            dtype=dtype,
            local_files_only=config.offline,
            variant=config.variant or None,
            # True refuses pickle files; None accepts them if there is nothing else
            use_safetensors=None if config.allow_pickle else True,
            **self._quantized(index, dtype),
        )
        if model == config.model:
            self._with_loras(pipeline)
        self._place(pipeline)
        # Decoding all cells at once would be the peak of memory use, and saves no time.
        with contextlib.suppress(AttributeError, NotImplementedError):
            pipeline.vae.enable_slicing()
        return _quiet(pipeline)

    def _quantized(self, index: dict[str, Any], dtype: Any) -> dict[str, Any]:
        """Return the arguments that make the large parts smaller as they are loaded."""
        bits = self._config.quantize
        if bits == "none":
            return {}
        large = [name for name in index if name.startswith(("transformer", "unet", "text_encoder"))]
        how: dict[str, Any] = (
            {
                "load_in_4bit": True,
                "bnb_4bit_quant_type": "nf4",
                "bnb_4bit_compute_dtype": dtype,
            }
            if bits == "4bit"
            else {"load_in_8bit": True}
        )
        return {
            "quantization_config": diffusers.PipelineQuantizationConfig(
                quant_backend=f"bitsandbytes_{bits}",
                quant_kwargs=how,
                components_to_quantize=[name for name in large if index[name][0]],
            )
        }

    def _with_loras(self, pipeline: Any) -> None:
        names = []
        for number, name in enumerate(self._config.loras):
            place, file = split_lora(name)
            names.append(f"lora{number}")
            pipeline.load_lora_weights(
                place,
                adapter_name=names[-1],
                local_files_only=self._config.offline,
                **({"weight_name": file} if file else {}),
            )
        if names:
            pipeline.set_adapters(names, list(self._config.loras.values()))

    def _place(self, pipeline: Any) -> None:
        match self._config.offload:
            case "model":
                pipeline.enable_model_cpu_offload(device=self.device)
            case "layers":
                pipeline.enable_sequential_cpu_offload(device=self.device)
            case _:
                pipeline.to(self.device)


def _over_the_same_parts(pipeline: Any, kind: Any) -> Any:
    """Return a pipeline of another kind that shares all parts: nothing is loaded twice."""
    parts, settings = kind._get_signature_keys(kind)
    shared = {name: part for name, part in pipeline.components.items() if name in parts}
    known = {name: pipeline.config[name] for name in settings if name in pipeline.config}
    return kind(**shared, **known)


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
