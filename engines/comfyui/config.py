"""The options of a ComfyUI engine; read once by ``build``. Described in docs/engines/comfyui.md."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from engines.comfyui.workflow import Workflow
from engines.remote.options import Options

FAMILIES = ("sd15", "sdxl")


@dataclass(frozen=True, slots=True)
class ComfyConfig:
    """One ComfyUI server and how to draw with it."""

    name: str
    url: str
    #: may contain credentials: kept out of every repr
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    checkpoint: str = ""
    niji_checkpoint: str = ""
    family: str = "sd15"
    steps: int = 25
    cfg: float = 7.0
    sampler: str = "dpmpp_2m"
    scheduler: str = "karras"
    #: words added to every prompt except in style raw, and a negative prompt for all
    suffix: str = ""
    negative: str = ""
    #: four pictures by one sampler, instead of four samplers
    batch: bool = False
    #: fast jobs go ahead of everything else in the server's own queue
    front: bool = True
    #: ask the server for previews, whatever its own default
    previews: bool = True
    poll_s: float = 1.0
    #: how long the server may be unreachable before its drawings are given back
    patience_s: float = 10.0
    #: how long the socket may be silent about a running drawing before it is reopened
    silence_s: float = 30.0
    #: the server's upscale model, for enlarged pictures that keep their details
    upscale_model: str = ""
    #: a preset of the IP-Adapter nodes, for references of style and object
    ip_adapter: str = ""
    workflow: Workflow | None = None
    workflow_img2img: Workflow | None = None


def read_config(name: str, options: Options) -> ComfyConfig:
    """Read and check every option.

    Raises:
        ConfigError: one is wrong, unknown or missing.
    """
    workflow = _workflow(options, "workflow")
    img2img = _workflow(options, "workflow_img2img")
    if workflow and "reference" in workflow.placeholders:
        options.wrong("workflow", "{{reference}} belongs into workflow_img2img")
    if img2img and not workflow:
        options.wrong("workflow_img2img", "needs a workflow beside it")
    if img2img and "reference" not in img2img.placeholders:
        options.wrong("workflow_img2img", "uses no {{reference}}")
    graphs = [graph for graph in (workflow, img2img) if graph]
    needed = not graphs or any("checkpoint" in graph.placeholders for graph in graphs)
    headers = options.table("headers") | options.secret_headers()
    api_key = options.secret("api_key")
    if api_key:
        headers["Authorization"] = f"Bearer {api_key}"
    config = ComfyConfig(
        name=name,
        url=options.url("url"),
        headers=headers,
        checkpoint=options.text("checkpoint") if needed else options.text("checkpoint", ""),
        niji_checkpoint=options.optional_text("niji_checkpoint") or "",
        family=options.one_of("family", FAMILIES, "sd15"),
        steps=options.whole("steps", 25, 1, 1000),
        cfg=options.number("cfg", 7.0, 0, 100),
        sampler=options.text("sampler", "dpmpp_2m"),
        scheduler=options.text("scheduler", "karras"),
        suffix=options.optional_text("suffix") or "",
        negative=options.optional_text("negative") or "",
        batch=options.flag("batch"),
        front=options.flag("front", True),
        previews=options.flag("previews", True),
        poll_s=options.number("poll_s", 1.0, 0.02, 60),
        patience_s=options.number("patience_s", 10.0, 0, 3600),
        silence_s=options.number("silence_s", 30.0, 0.1, math.inf),
        upscale_model=options.optional_text("upscale_model") or "",
        ip_adapter=options.optional_text("ip_adapter") or "",
        workflow=workflow,
        workflow_img2img=img2img,
    )
    options.done()
    return config


def _workflow(options: Options, name: str) -> Workflow | None:
    path, output = options.file(name), options.optional_text(f"{name}_output")
    if path is None:
        return None
    try:
        return Workflow.read(path, output)
    except ValueError as error:
        options.wrong(name, str(error))
