"""The options of a diffusers engine; read once by ``build``. See docs/engines/diffusers.md."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from engines.remote.options import Options
from limner.engine import Brief

DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")
DTYPES = ("auto", "float16", "bfloat16", "float32")
#: ``model``: only the part that works lies on the GPU · ``layers``: only its layer, for the smallest ones
OFFLOADS = ("none", "model", "layers")
QUANTIZED = ("none", "8bit", "4bit")


@dataclass(frozen=True, slots=True)
class PipelineConfig:
    """Which pipelines draw, and how. Sent to the drawing process as JSON."""

    #: a pipeline's folder, or its name on the hub
    model: str
    niji_model: str = ""
    #: load only what is already on this machine
    offline: bool = True
    #: the file variant to load, as ``fp16``; empty: the plain one
    variant: str = ""
    #: also load weights in pickle files, which may run any code
    allow_pickle: bool = False
    #: None: what the kind of pipeline does best with
    steps: int | None = None
    guidance: float | None = None
    #: the size a pipeline draws best at: pixels on each side of a square
    native_px: int | None = None
    #: for kinds whose guidance knows no negative words: a second guidance that does, above 1
    true_guidance: float = 1.0
    #: words added to every prompt except in style raw, and a negative prompt for all
    suffix: str = ""
    negative: str = ""
    #: an IP-Adapter for style and object references: a folder, or its name on the hub, and the file in it
    ip_adapter: str = ""
    ip_adapter_weights: str = ""
    #: the model that describes pictures: a folder, or its name on the hub
    caption_model: str = ""
    #: how many models stay loaded; the one not used for longest makes room
    models_in_memory: int = 2
    device: str = "auto"
    dtype: str = "auto"
    #: where the weights lie that are not at work, and how they are made smaller: ``OFFLOADS``, ``QUANTIZED``
    offload: str = "none"
    quantize: str = "none"
    #: LoRAs of ``model``: a file, a folder, or hub name and file, and its weight
    loras: Mapping[str, float] = field(default_factory=dict)
    #: all cells at once; otherwise one after the other, which needs less memory
    batch: bool = True
    #: how long the drawing process stays without work before it exits and frees its memory; 0: for ever
    idle_s: float = 600.0
    #: and how long after the last worker that uses it ended
    linger_s: float = 10.0
    #: time limit for loading a pipeline
    load_s: float = 900.0
    #: time limit between two steps of a drawing
    silent_s: float = 300.0

    @property
    def models(self) -> tuple[str, ...]:
        """Return every configured pipeline."""
        return tuple(filter(None, (self.model, self.niji_model)))

    def model_for(self, brief: Brief) -> str:
        """Return the pipeline that draws a brief: a version's own before the one for niji."""
        niji_model = self.niji_model if brief.niji else ""
        return brief.model or niji_model or self.model

    def to_json(self) -> dict[str, Any]:
        """Return the configuration as JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Read back what ``to_json`` wrote."""
        return cls(**values)


def read_config(options: Options) -> PipelineConfig:
    """Read and check every option.

    Raises:
        ConfigError: one is wrong, unknown or missing.
    """
    config = PipelineConfig(
        model=options.text("model"),
        niji_model=options.optional_text("niji_model") or "",
        offline=options.flag("offline", True),
        variant=options.optional_text("variant") or "",
        allow_pickle=options.flag("allow_pickle"),
        steps=_whole(options, "steps", 1, 1000),
        guidance=options.optional_number("guidance", 0, 30),
        native_px=_whole(options, "native_px", 64, 2048),
        true_guidance=options.number("true_guidance", 1.0, 1, 30),
        suffix=options.optional_text("suffix") or "",
        negative=options.optional_text("negative") or "",
        ip_adapter=options.optional_text("ip_adapter") or "",
        ip_adapter_weights=options.optional_text("ip_adapter_weights") or "",
        caption_model=options.optional_text("caption_model") or "",
        models_in_memory=options.whole("models_in_memory", 2, 1, 16),
        device=options.text("device", "auto"),
        dtype=options.one_of("dtype", DTYPES, "auto"),
        offload=options.one_of("offload", OFFLOADS, "none"),
        quantize=options.one_of("quantize", QUANTIZED, "none"),
        loras=options.weights("loras", -4, 4),
        batch=options.flag("batch", True),
        linger_s=options.number("linger_s", 10.0, 0, 3600),
        idle_s=options.number("idle_s", 600.0, 0, 86_400),
        load_s=options.number("load_s", 900.0, 1, 86_400),
        silent_s=options.number("silent_s", 300.0, 1, 86_400),
    )
    if config.native_px and config.native_px % 8:
        options.wrong("native_px", "must be a multiple of 8")
    if bool(config.ip_adapter) != bool(config.ip_adapter_weights):
        options.wrong("ip_adapter", "and ip_adapter_weights go together")
    if not DEVICE.fullmatch(config.device):
        options.wrong("device", "must be auto, cuda, cuda:1 (and so on), mps or cpu")
    options.done()
    return config


def _whole(options: Options, name: str, low: int, high: int) -> int | None:
    value = options.optional_number(name, low, high)
    if value is not None and value != int(value):
        options.wrong(name, f"must be a whole number from {low} to {high}")
    return None if value is None else int(value)
