"""What a family of models is: how its files are loaded and recognised, and what its sampler wants.

Families are data: a graph is made of one by ``engines.comfyui.graph``, its files are found by
``engines.comfyui.finder``, and what it can honour is told by ``engines.comfyui.levels``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from engines.comfyui.workflow import Graph

#: where a node's output comes from: the node, and which of its outputs
Link = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Part:
    """A file, or another choice of a loader, and how it is recognised in the server's own list."""

    #: as operators call it in ``files``, and as its placeholder is called
    name: str
    node: str
    input: str
    #: a word of its name begins with one of these, the best first; none: it must be named. Lower case, with
    #: ``-`` for ``_``
    has: tuple[str, ...] = ()
    #: and none of these is in it
    but: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """One way to load a family: its loaders, and which of their outputs is what.

    ``parts[0]`` is the model itself, of which there may be versions.
    """

    parts: tuple[Part, ...]
    loaders: Graph
    model: Link
    clip: Link
    vae: Link


@dataclass(frozen=True, slots=True)
class Showing:
    """How a model that edits is shown pictures, beside the words: see ``graph``."""

    #: ``latent``: as latents beside the words · ``encoder``: by the node that reads the words
    by: Literal["latent", "encoder"]
    #: the inputs of that node, of one picture each; of ``latent``, so many pictures
    inputs: tuple[str, ...]
    #: nodes that every picture goes through · the words go through, after it
    scale: str = ""
    method: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ModelFamily:
    """Models that are drawn by the same graph."""

    name: str
    #: the first is taken that the server has all parts of
    layouts: tuple[Layout, ...]
    steps: int
    cfg: float
    sampler: str
    scheduler: str
    #: the node of the empty latent, the pixels of which its sides are multiples
    latent: str = "EmptySD3LatentImage"
    multiple_px: int = 8
    #: below so many pixels it is drawn two, three … times as large (in steps of ``enlarge``), then reduced
    least_px: int = 0
    enlarge: float = 1.0
    #: the seven ratios are drawn at these sizes instead, nearest in shape
    trained_px: tuple[tuple[int, int], ...] = ()
    #: nodes that the model goes through, in this order
    through: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    #: the node that reads the words, its input for the encoder and for the text
    reads: tuple[str, str, str] = ("CLIPTextEncode", "clip", "text")
    #: made to be drawn at a cfg of 1: it never sees a negative prompt
    distilled: bool = False
    #: what it was told of its guidance instead, if it was; ``FluxGuidance``
    guidance: float | None = None
    #: how it is shown the pictures of a caller; None: it starts from them
    shown: Showing | None = None
    #: what works with its latents and layers: masks, a seamless tile, the IP-Adapter
    masks: bool = True
    tiles: bool = False
    adapts: bool = False
    #: the oldest server that knows its model, though older ones have all of its nodes
    since: tuple[int, ...] = ()
    #: the custom nodes that it needs
    pack: str = ""

    @property
    def part_names(self) -> tuple[str, ...]:
        """The names of all parts, each once."""
        return tuple(dict.fromkeys(p.name for layout in self.layouts for p in layout.parts))


def of_checkpoint(*has: str, but: tuple[str, ...] = (), vae: bool = False) -> Layout:
    """Return the layout of one file with everything in it; ``vae``: but with a VAE of its own."""
    checkpoint = Part("checkpoint", "CheckpointLoaderSimple", "ckpt_name", has, but)
    loaders = {"checkpoint": loader(checkpoint)}
    parts = [checkpoint]
    if vae:
        parts.append(Part("vae", "VAELoader", "vae_name"))
        loaders["vae"] = loader(parts[-1])
    of_vae = ("vae", 0) if vae else ("checkpoint", 2)
    return Layout(tuple(parts), loaders, ("checkpoint", 0), ("checkpoint", 1), of_vae)


def of_parts(
    unet: tuple[str, ...], but: tuple[str, ...], clip: Layout, vae: tuple[str, ...]
) -> Layout:
    """Return the layout of a model, text encoders and a VAE in files of their own.

    ``clip``: the encoders, by ``encoders`` or a layout that begins with another model.
    """
    model = Part("unet", "UNETLoader", "unet_name", unet, but)
    decoder = Part("vae", "VAELoader", "vae_name", vae)
    loaders = {
        "unet": loader(model, weight_dtype="default"),
        **clip.loaders,
        "vae": loader(decoder),
    }
    return Layout((model, *clip.parts, decoder), loaders, ("unet", 0), clip.clip, ("vae", 0))


def encoders(node: str, parts: Mapping[str, Part], **more: Any) -> Layout:
    """Return only the text encoders: a loader, and the part of each of its inputs."""
    inputs = {name: f"{{{{{part.name}}}}}" for name, part in parts.items()}
    graph: Graph = {"encoder": {"class_type": node, "inputs": inputs | more}}
    found = tuple(Part(p.name, node, name, p.has, p.but) for name, p in parts.items())
    return Layout(found, graph, ("encoder", 0), ("encoder", 0), ("encoder", 0))


def loader(part: Part, **more: Any) -> dict[str, Any]:
    """Return the node that loads a part."""
    return {"class_type": part.node, "inputs": {part.input: f"{{{{{part.name}}}}}"} | more}


CLIP_L = Part("clip_l", "", "", ("clip-l", "vit-l-14"), ("clip-large",))
CLIP_G = Part("clip_g", "", "", ("clip-g",))
#: the VAE of Flux, which Z-Image has too
FLUX_VAE = ("ae.", "flux-ae", "flux-vae", "flux1-vae")
T5XXL = Part("t5xxl", "", "", ("t5xxl", "t5-v1-1-xxl", "t5-xxl"), ("umt5",))
