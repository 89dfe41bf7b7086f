"""The default graphs: what a family of models is drawn with, in the server's own nodes; see ``workflow``.

Custom nodes are used where the server has them: ``SeamlessTile``, which differs from version to version, so
that its inputs are read from the server's ``/object_info`` and filled in by type; and those of the
IP-Adapter, for references of style and object.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from engines.comfyui.families import Layout, ModelFamily
from engines.comfyui.families.family import Link
from engines.comfyui.workflow import Graph, Workflow

TILE_MODEL, TILE_DECODE = "SeamlessTile", "CircularVAEDecode"
EDIT_NODES = ("LoadImageMask", "SetLatentNoiseMask", "VAEEncodeForInpaint")
UPSCALE_LOADER = "UpscaleModelLoader"
ADAPTER_LOADER, ADAPTER = "IPAdapterUnifiedLoader", "IPAdapter"
#: what an adapter takes over from its pictures, as the node calls it
ADAPTED = {"style": "style transfer", "object": "standard"}
#: how far the sampler may go into the kept part when it draws around a picture, so that no seam is left
GROW_PX = 8

#: class name → its entry in /object_info
NodeInfo = Mapping[str, Any]

#: what the sampler starts from: nothing · a picture · a picture, enlarged by the upscale model · a picture of
#: which it redraws the masked part · a picture whose masked part is still empty
Start = Literal["noise", "picture", "enlarged", "masked", "around"]


@dataclass(frozen=True, slots=True)
class GraphOptions:
    """What one drawing wants of the graph besides its family."""

    start: Start = "noise"
    #: the server's entries of the nodes for seamless tiles, if it is to be one
    tile: NodeInfo | None = None
    #: how many pictures each adapter gets, by its name in ``ADAPTED``
    adapted: Mapping[str, int] | None = None
    #: how many pictures an edit model is shown
    shown: int = 0


def default_workflow(
    family: ModelFamily, layout: Layout, wanted: GraphOptions | None = None
) -> Workflow:
    """Return the graph: loaders, words, latent, sampler, decoder, picture."""
    wanted = wanted or GraphOptions()
    graph: Graph = dict(layout.loaders)
    vae = list(layout.vae)
    graph |= _words(family, layout, wanted.shown) | _latent(family, layout.vae, wanted.start)
    model = layout.model
    for place, (class_type, inputs) in enumerate(family.through):
        graph[f"model{place}"] = _node(class_type, model=list(model), **inputs)
        model = (f"model{place}", 0)
    decode = _node("VAEDecode", samples=["sampler", 0], vae=vae)
    if wanted.tile:
        links = {"MODEL": list(model)}
        graph["tile"] = _node(TILE_MODEL, **_required(wanted.tile[TILE_MODEL], links))
        model = ("tile", 0)
        if TILE_DECODE in wanted.tile:
            links = {"LATENT": ["sampler", 0], "VAE": vae}
            decode = _node(TILE_DECODE, **_required(wanted.tile[TILE_DECODE], links))
    if wanted.adapted:
        graph["adapter"] = _node(ADAPTER_LOADER, model=list(model), preset="{{preset}}")
        model = ("adapter", 0)
        for kind, count in wanted.adapted.items():
            graph |= _adapter(kind, count, model)
            model = (kind, 0)
    graph["sampler"] = _node(
        "KSampler",
        model=list(model),
        positive=["positive", 0],
        negative=["negative", 0],
        latent_image=["latent", 0],
        seed="{{seed}}",
        steps="{{steps}}",
        cfg="{{cfg}}",
        sampler_name="{{sampler}}",
        scheduler="{{scheduler}}",
        denoise="{{denoise}}",
    )
    return Workflow(graph | {"decode": decode, "picture": _picture("decode")}, "picture")


def upscale_workflow() -> Workflow:
    """Return the graph that enlarges a picture by the upscale model, and then to the exact size."""
    graph = _reference() | _enlarged() | {"picture": _picture("scaled")}
    return Workflow(graph, "picture")


def _words(family: ModelFamily, layout: Layout, shown: int) -> Graph:
    """Return the nodes from the words, and the pictures shown with them, to ``positive`` and ``negative``."""
    graph, inputs, latents = _shown(family, layout, shown)
    reader, clip, text = family.reads
    for name, words in (("positive", "{{prompt}}"), ("negative", "{{negative}}")):
        if name == "negative" and family.distilled:
            graph[name] = _node("ConditioningZeroOut", conditioning=["positive", 0])
            continue
        chain = [_node(reader, **{clip: list(layout.clip), text: words}, **inputs)]
        chain += [_node("ReferenceLatent", latent=[latent, 0]) for latent in latents]
        if shown and family.shown and family.shown.method:
            chain.append(_node("FluxKontextMultiReferenceLatentMethod", **family.shown.method))
        if family.guidance is not None and name == "positive":
            chain.append(_node("FluxGuidance", guidance="{{guidance}}"))
        for place, node in enumerate(chain[:-1]):
            graph[f"{name}{place}"] = node
            chain[place + 1]["inputs"]["conditioning"] = [f"{name}{place}", 0]
        graph[name] = chain[-1]
    return graph


def _shown(
    family: ModelFamily, layout: Layout, count: int
) -> tuple[Graph, dict[str, Any], tuple[str, ...]]:
    """Return the nodes of pictures that a model is shown, the inputs they go to, and their latents."""
    graph: Graph = {}
    inputs: dict[str, Any] = {}
    latents: list[str] = []
    for place in range(count if family.shown else 0):
        assert family.shown
        image = f"shown{place}"
        graph[image] = _node("LoadImage", image=f"{{{{shown_{place}}}}}")
        if family.shown.scale:
            graph[f"scaled{place}"] = _node(family.shown.scale, image=[image, 0])
            image = f"scaled{place}"
        if family.shown.by == "encoder":
            inputs |= {"vae": list(layout.vae), family.shown.inputs[place]: [image, 0]}
        else:
            latents.append(f"seen{place}")
            graph[latents[-1]] = _node("VAEEncode", pixels=[image, 0], vae=list(layout.vae))
    return graph, inputs, tuple(latents)


def _latent(family: ModelFamily, vae: Link, start: Start) -> Graph:
    if start == "noise":
        size = {"width": "{{width}}", "height": "{{height}}"}
        return {"latent": _node(family.latent, **size, batch_size="{{batch}}")}
    graph, pixels, samples = _reference(), "reference", "encode"
    if start == "enlarged":
        graph |= _enlarged()
        pixels = "scaled"
    encode: dict[str, Any] = {"pixels": [pixels, 0], "vae": list(vae)}
    graph["encode"] = _node("VAEEncode", **encode)
    if start in ("masked", "around"):
        graph["mask"] = _node("LoadImageMask", image="{{mask}}", channel="red")
    if start == "masked":
        graph["masked"] = _node("SetLatentNoiseMask", samples=["encode", 0], mask=["mask", 0])
        samples = "masked"
    elif start == "around":
        encode |= {"mask": ["mask", 0], "grow_mask_by": GROW_PX}
        graph["encode"] = _node("VAEEncodeForInpaint", **encode)
    graph["latent"] = _node("RepeatLatentBatch", samples=[samples, 0], amount="{{batch}}")
    return graph


def _reference() -> Graph:
    return {"reference": _node("LoadImage", image="{{reference}}")}


def _enlarged() -> Graph:
    model, picture = ["upscaler", 0], ["reference", 0]
    return {
        "upscaler": _node(UPSCALE_LOADER, model_name="{{upscale_model}}"),
        "enlarged": _node("ImageUpscaleWithModel", upscale_model=model, image=picture),
        # Such a model has a scale of its own, often 4.
        "scaled": _node(
            "ImageScale",
            image=["enlarged", 0],
            upscale_method="lanczos",
            width="{{width}}",
            height="{{height}}",
            crop="center",
        ),
    }


def _adapter(kind: str, count: int, model: Link) -> Graph:
    """Return the nodes that apply ``count`` pictures to a model at once."""
    graph: Graph = {}
    image = ""
    for place in range(count):
        name = f"{kind}_picture{place}"
        graph[name] = _node("LoadImage", image=f"{{{{{kind}_{place}}}}}")
        if image:
            joined = f"{kind}_pictures{place}"
            graph[joined] = _node("ImageBatch", image1=[image, 0], image2=[name, 0])
            name = joined
        image = name
    graph[kind] = _node(
        ADAPTER,
        model=list(model),
        ipadapter=["adapter", 1],
        image=[image, 0],
        weight=f"{{{{{kind}_weight}}}}",
        start_at=0.0,
        end_at=1.0,
        weight_type=ADAPTED[kind],
    )
    return graph


def _picture(source: str) -> dict[str, Any]:
    # Of type temp: there is no route to delete a file, but the server deletes these when it starts.
    return _node("PreviewImage", images=[source, 0])


def _node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


def choices(info: NodeInfo | None, name: str) -> tuple[str, ...] | None:
    """Return what a node's input may be, from its entry in /object_info; None if that does not say."""
    try:
        spec = (info or {})["input"]["required"][name]
        # Old servers: [[names], …]; newer ones: ["COMBO", {"options": [names]}].
        found = spec[0] if isinstance(spec[0], list) else spec[1]["options"]
        return tuple(str(choice) for choice in found)
    except (KeyError, IndexError, TypeError):
        return None


def completed(graph: Graph, infos: Mapping[str, NodeInfo]) -> Graph:
    """Return a graph with what its nodes require besides on this server, by the defaults of that server.

    A node gets a further input now and then, and a release of the server refuses a graph without it.
    """
    return {
        node_id: {
            **node,
            "inputs": _lacking(infos.get(node["class_type"], {}), node["inputs"]) | node["inputs"],
        }
        for node_id, node in graph.items()
    }


def _lacking(info: NodeInfo, inputs: Mapping[str, Any]) -> dict[str, Any]:
    wanted = _required(info, {})
    return {k: v for k, v in wanted.items() if k not in inputs and v is not None}


def _required(info: NodeInfo, links: Mapping[str, list[Any]]) -> dict[str, Any]:
    """Fill in a node's required inputs: links by their type, else its default; None if there is neither."""
    inputs: dict[str, Any] = {}
    for name, spec in info.get("input", {}).get("required", {}).items():
        kind, extra = spec[0], spec[1] if len(spec) > 1 else {}
        if isinstance(kind, str) and kind in links:
            inputs[name] = links[kind]
        elif "default" in extra:
            inputs[name] = extra["default"]
        else:
            # A choice without a default: a list of words, in old servers in place of the type.
            options = kind if isinstance(kind, list) else extra.get("options")
            inputs[name] = options[0] if options else None
    return inputs
