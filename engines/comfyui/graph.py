"""The default graphs for SD 1.5 and SDXL checkpoints, in ComfyUI's core nodes; see ``workflow``.

Two kinds of custom nodes are used where the server has them: ``SeamlessTile``, which differs from version to
version, so that its inputs are read from the server's ``/object_info`` and filled in by type; and those of
the IP-Adapter, for references of style and object.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

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


def default_workflow(
    *,
    start: Start = "noise",
    tile: NodeInfo | None = None,
    adapted: Mapping[str, int] | None = None,
) -> Workflow:
    """Return the graph: checkpoint, words, latent, sampler, decoder, picture.

    ``adapted``: how many pictures each adapter gets, by its name in ``ADAPTED``.
    """
    graph: Graph = {
        "checkpoint": _node("CheckpointLoaderSimple", ckpt_name="{{checkpoint}}"),
        "positive": _node("CLIPTextEncode", clip=["checkpoint", 1], text="{{prompt}}"),
        "negative": _node("CLIPTextEncode", clip=["checkpoint", 1], text="{{negative}}"),
        **_latent(start),
        "sampler": _node(
            "KSampler",
            model=["checkpoint", 0],
            positive=["positive", 0],
            negative=["negative", 0],
            latent_image=["latent", 0],
            seed="{{seed}}",
            steps="{{steps}}",
            cfg="{{cfg}}",
            sampler_name="{{sampler}}",
            scheduler="{{scheduler}}",
            denoise="{{denoise}}",
        ),
        "decode": _node("VAEDecode", samples=["sampler", 0], vae=["checkpoint", 2]),
        "picture": _picture("decode"),
    }
    model = "checkpoint"
    if tile:
        graph["tile"] = _node(TILE_MODEL, **_required(tile[TILE_MODEL], {"MODEL": [model, 0]}))
        model = "tile"
        if TILE_DECODE in tile:
            links = {"LATENT": ["sampler", 0], "VAE": ["checkpoint", 2]}
            graph["decode"] = _node(TILE_DECODE, **_required(tile[TILE_DECODE], links))
    if adapted:
        graph["adapter"] = _node(ADAPTER_LOADER, model=[model, 0], preset="{{preset}}")
        model = "adapter"
        for kind, count in adapted.items():
            graph |= _adapter(kind, count, model)
            model = kind
    graph["sampler"]["inputs"]["model"] = [model, 0]
    return Workflow(graph, "picture")


def upscale_workflow() -> Workflow:
    """Return the graph that enlarges a picture by the upscale model, and then to the exact size."""
    graph = _reference() | _enlarged() | {"picture": _picture("scaled")}
    return Workflow(graph, "picture")


def _latent(start: Start) -> Graph:
    if start == "noise":
        size = {"width": "{{width}}", "height": "{{height}}"}
        return {"latent": _node("EmptyLatentImage", **size, batch_size="{{batch}}")}
    graph, pixels, samples = _reference(), "reference", "encode"
    if start == "enlarged":
        graph |= _enlarged()
        pixels = "scaled"
    encode: dict[str, Any] = {"pixels": [pixels, 0], "vae": ["checkpoint", 2]}
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


def _adapter(kind: str, count: int, model: str) -> Graph:
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
        model=[model, 0],
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


def choices(info: Mapping[str, Any] | None, name: str) -> tuple[str, ...] | None:
    """Return what a node's input may be, from its entry in /object_info; None if that does not say."""
    try:
        spec = (info or {})["input"]["required"][name]
        # Old servers: [[names], …]; newer ones: ["COMBO", {"options": [names]}].
        found = spec[0] if isinstance(spec[0], list) else spec[1]["options"]
        return tuple(str(choice) for choice in found)
    except (KeyError, IndexError, TypeError):
        return None


def _required(info: Mapping[str, Any], links: Mapping[str, list[Any]]) -> dict[str, Any]:
    """Fill in a node's required inputs: links by their type, anything else by its default."""
    inputs: dict[str, Any] = {}
    for name, spec in info.get("input", {}).get("required", {}).items():
        kind, extra = spec[0], spec[1] if len(spec) > 1 else {}
        if isinstance(kind, str) and kind in links:
            inputs[name] = links[kind]
        elif "default" in extra:
            inputs[name] = extra["default"]
        else:
            # A choice without a default: a list of words, in old servers in place of the type.
            options = kind if isinstance(kind, list) else extra.get("options", [""])
            inputs[name] = options[0]
    return inputs
