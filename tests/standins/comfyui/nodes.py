"""The nodes of the stand-in, and what the real server checks before it takes a graph; called by ``server``.

Inputs and outputs are those of ComfyUI 0.3.64 and of the two packs of custom nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Graph = Mapping[str, Any]
#: what a node refuses: the type of the error, and the input
Fault = tuple[str, str]

CHECKPOINTS = (
    *("sd15.safetensors", "anime.safetensors", "flux.safetensors"),
    *("sd3.5_large_fp8_scaled.safetensors", "sd3.5_large_turbo.safetensors"),
)
UPSCALERS = ("4x-sharp.pth",)
PRESETS = ("LIGHT - SD1.5 only (low strength)", "STANDARD (medium strength)")
SAMPLERS = ("euler", "dpmpp_2m", "res_multistep")
SCHEDULERS = ("normal", "karras", "simple", "sgm_uniform")
OUTPUTS = ("PreviewImage", "SaveImage")


@dataclass(frozen=True)
class Span:
    """A number from ``low`` to ``high``."""

    kind: str
    low: float
    high: float


@dataclass(frozen=True)
class Node:
    """A class of nodes: its required inputs (a type, a tuple of choices, or a span) and its outputs."""

    inputs: Mapping[str, Any]
    gives: tuple[str, ...] = ()
    #: inputs that name an uploaded file
    files: tuple[str, ...] = field(default=())
    optional: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)

    def info(self) -> dict[str, Any]:
        """Return its entry in /object_info."""
        required = {name: self._told(name, kind) for name, kind in self.inputs.items()}
        optional = {name: self._told(name, kind) for name, kind in self.optional.items()}
        return {"input": {"required": required} | ({"optional": optional} if optional else {})}

    def _told(self, name: str, kind: Any) -> list[Any]:
        told = _told(kind)
        if name not in self.defaults:
            return told
        more = told[1] if len(told) > 1 else {}
        return [told[0], more | {"default": self.defaults[name]}]


def _told(kind: Any) -> list[Any]:
    if isinstance(kind, Span):
        return [kind.kind, {"min": kind.low, "max": kind.high}]
    if kind == "FILE":
        return [["example.png"], {"image_upload": True}]
    return [list(kind)] if isinstance(kind, tuple) else [kind]


SIDE = Span("INT", 16, 16384)
SHARE, WEIGHT = Span("FLOAT", 0, 1), Span("FLOAT", -1, 3)
IMAGE = Node({"image": "FILE"}, ("IMAGE", "MASK"), ("image",))
NODES: dict[str, Node] = {
    "CheckpointLoaderSimple": Node({"ckpt_name": CHECKPOINTS}, ("MODEL", "CLIP", "VAE")),
    "CLIPTextEncode": Node({"text": "STRING", "clip": "CLIP"}, ("CONDITIONING",)),
    "EmptyLatentImage": Node(
        {"width": SIDE, "height": SIDE, "batch_size": Span("INT", 1, 4096)}, ("LATENT",)
    ),
    "KSampler": Node(
        {
            "model": "MODEL",
            "seed": Span("INT", 0, 2**64 - 1),
            "steps": Span("INT", 1, 10_000),
            "cfg": Span("FLOAT", 0, 100),
            "sampler_name": SAMPLERS,
            "scheduler": SCHEDULERS,
            "positive": "CONDITIONING",
            "negative": "CONDITIONING",
            "latent_image": "LATENT",
            "denoise": SHARE,
        },
        ("LATENT",),
    ),
    "VAEDecode": Node({"samples": "LATENT", "vae": "VAE"}, ("IMAGE",)),
    "VAEEncode": Node({"pixels": "IMAGE", "vae": "VAE"}, ("LATENT",)),
    "VAEEncodeForInpaint": Node(
        {"pixels": "IMAGE", "vae": "VAE", "mask": "MASK", "grow_mask_by": Span("INT", 0, 64)},
        ("LATENT",),
    ),
    "SetLatentNoiseMask": Node({"samples": "LATENT", "mask": "MASK"}, ("LATENT",)),
    "RepeatLatentBatch": Node({"samples": "LATENT", "amount": Span("INT", 1, 64)}, ("LATENT",)),
    "LoadImage": IMAGE,
    "LoadImageMask": Node(
        {"image": "FILE", "channel": ("alpha", "red", "green", "blue")}, ("MASK",), ("image",)
    ),
    "ImageScale": Node(
        {
            "image": "IMAGE",
            "upscale_method": ("nearest-exact", "bilinear", "area", "bicubic", "lanczos"),
            "width": Span("INT", 0, 16384),
            "height": Span("INT", 0, 16384),
            "crop": ("disabled", "center"),
        },
        ("IMAGE",),
    ),
    "ImageBatch": Node({"image1": "IMAGE", "image2": "IMAGE"}, ("IMAGE",)),
    "UpscaleModelLoader": Node({"model_name": UPSCALERS}, ("UPSCALE_MODEL",)),
    "ImageUpscaleWithModel": Node({"upscale_model": "UPSCALE_MODEL", "image": "IMAGE"}, ("IMAGE",)),
    "PreviewImage": Node({"images": "IMAGE"}),
    "SaveImage": Node({"images": "IMAGE", "filename_prefix": "STRING"}),
}
TILE_NODES = {
    "SeamlessTile": Node(
        {
            "model": "MODEL",
            "tiling": ("enable", "x_only", "y_only", "disable"),
            "copy_model": ("Make a copy", "Modify in place"),
        },
        ("MODEL",),
    ),
    "CircularVAEDecode": Node({"samples": "LATENT", "vae": "VAE"}, ("IMAGE",)),
}
ADAPTER_NODES = {
    "IPAdapterUnifiedLoader": Node({"model": "MODEL", "preset": PRESETS}, ("MODEL", "IPADAPTER")),
    "IPAdapter": Node(
        {
            "model": "MODEL",
            "ipadapter": "IPADAPTER",
            "image": "IMAGE",
            "weight": WEIGHT,
            "start_at": SHARE,
            "end_at": SHARE,
            "weight_type": ("standard", "prompt is more important", "style transfer"),
        },
        ("MODEL",),
    ),
    "IPAdapterModelLoader": Node({"ipadapter_file": ("sd15.bin",)}, ("IPADAPTER",)),
    "CLIPVisionLoader": Node({"clip_name": ("vit-h.bin",)}, ("CLIP_VISION",)),
}


def unknown(graph: Graph, nodes: Mapping[str, Node]) -> str | None:
    """Return the id of a node whose class the server does not have."""
    return next((n for n, node in graph.items() if node["class_type"] not in nodes), None)


def faults(
    graph: Graph, nodes: Mapping[str, Node], has_file: Callable[[str], bool]
) -> Iterator[tuple[str, Fault]]:
    """Yield what is wrong with the nodes that an output needs; a graph must have one."""
    needed = [n for n, node in graph.items() if node["class_type"] in OUTPUTS]
    seen: set[str] = set()
    while needed:
        node_id = needed.pop()
        if node_id in seen:
            continue
        seen.add(node_id)
        node = graph[node_id]
        known = nodes[node["class_type"]]
        for name, kind in {**known.inputs, **known.optional}.items():
            value = node["inputs"].get(name)
            if isinstance(value, list):
                needed.append(value[0])
            elif value is None and name in known.optional:
                continue
            bad = _fault(graph, nodes, kind, value, has_file)
            if bad:
                yield node_id, (bad, name)


def _fault(
    graph: Graph,
    nodes: Mapping[str, Node],
    kind: Any,
    value: Any,
    has_file: Callable[[str], bool],
) -> str | None:
    if value is None:
        return "required_input_missing"
    if isinstance(value, list):
        given = nodes[graph[value[0]]["class_type"]].gives[value[1]]
        return None if given == kind else "return_type_mismatch"
    if isinstance(kind, tuple):
        return None if value in kind else "value_not_in_list"
    if isinstance(kind, Span):
        if not isinstance(value, int | float):
            return "invalid_input_type"
        small = "value_smaller_than_min" if value < kind.low else None
        return small or ("value_bigger_than_max" if value > kind.high else None)
    if kind == "FILE":
        return None if has_file(value) else "custom_validation_failed"
    return None if kind == "STRING" else "return_type_mismatch"
