"""The default graph for SD 1.5 and SDXL checkpoints, in ComfyUI's core nodes; see ``workflow``.

A seamless tile needs the node ``SeamlessTile`` of a well-known custom pack, which differs from version
to version: its inputs are read from the server's ``/object_info`` and filled in by type.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engines.comfyui.workflow import Graph, Workflow

TILE_MODEL, TILE_DECODE = "SeamlessTile", "CircularVAEDecode"

#: class name → its entry in /object_info
NodeInfo = Mapping[str, Any]


def default_workflow(*, img2img: bool = False, tile: NodeInfo | None = None) -> Workflow:
    """Return the graph: checkpoint, words, latent, sampler, decoder, picture."""
    graph: Graph = {
        "checkpoint": _node("CheckpointLoaderSimple", ckpt_name="{{checkpoint}}"),
        "positive": _node("CLIPTextEncode", clip=["checkpoint", 1], text="{{prompt}}"),
        "negative": _node("CLIPTextEncode", clip=["checkpoint", 1], text="{{negative}}"),
        "latent": _node(
            "EmptyLatentImage", width="{{width}}", height="{{height}}", batch_size="{{batch}}"
        ),
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
        # Of type temp: there is no route to delete a file, but the server deletes these when it starts.
        "picture": _node("PreviewImage", images=["decode", 0]),
    }
    if img2img:
        graph["reference"] = _node("LoadImage", image="{{reference}}")
        graph["encode"] = _node("VAEEncode", pixels=["reference", 0], vae=["checkpoint", 2])
        graph["latent"] = _node("RepeatLatentBatch", samples=["encode", 0], amount="{{batch}}")
    if tile:
        graph["tile"] = _node(
            TILE_MODEL, **_required(tile[TILE_MODEL], {"MODEL": ["checkpoint", 0]})
        )
        graph["sampler"]["inputs"]["model"] = ["tile", 0]
        if TILE_DECODE in tile:
            links = {"LATENT": ["sampler", 0], "VAE": ["checkpoint", 2]}
            graph["decode"] = _node(TILE_DECODE, **_required(tile[TILE_DECODE], links))
    return Workflow.check(graph)


def _node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


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
            choices = kind if isinstance(kind, list) else extra.get("options", [""])
            inputs[name] = choices[0]
    return inputs
