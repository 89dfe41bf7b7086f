"""The options of a ComfyUI engine; read once by ``build``. Described in docs/engines/comfyui.md."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engines.comfyui import finder
from engines.comfyui.editor import EditorGraph
from engines.comfyui.families import FAMILIES, ModelFamily
from engines.comfyui.workflow import Workflow
from engines.remote.options import Options

DEFAULT = "sd15"
#: of an own graph that uses it
GUIDANCE = 3.5


@dataclass(frozen=True, slots=True)
class ComfyConfig:
    """One ComfyUI server and how to draw with it."""

    name: str
    url: str
    #: may contain credentials: kept out of every repr
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    checkpoint: str = ""
    niji_checkpoint: str = ""
    family: ModelFamily = FAMILIES[DEFAULT]
    #: part of the family → its file, for those that the operator named; the checkpoint among them
    files: Mapping[str, str] = field(default_factory=dict)
    steps: int = 25
    cfg: float = 7.0
    #: of a family that was told of its guidance
    guidance: float = 0.0
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
    workflow: Workflow | EditorGraph | None = None
    workflow_img2img: Workflow | EditorGraph | None = None


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
    family = _family(options)
    named = not any(layout.parts[0].has for layout in family.layouts)
    needed = any("checkpoint" in graph.placeholders for graph in graphs) or (named and not graphs)
    checkpoint = options.text("checkpoint") if needed else options.optional_text("checkpoint") or ""
    headers = options.table("headers") | options.secret_headers()
    api_key = options.secret("api_key")
    if api_key:
        headers["Authorization"] = f"Bearer {api_key}"
    config = ComfyConfig(
        name=name,
        url=options.url("url"),
        headers=headers,
        checkpoint=checkpoint,
        niji_checkpoint=options.optional_text("niji_checkpoint") or "",
        family=family,
        files={} if workflow else _files(options, family, checkpoint),
        steps=options.whole("steps", family.steps, 1, 1000),
        cfg=options.number("cfg", family.cfg, 0, 100),
        guidance=_guidance(options, family, graphs),
        sampler=options.text("sampler", family.sampler),
        scheduler=options.text("scheduler", family.scheduler),
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


def _family(options: Options) -> ModelFamily:
    """Return the family called ``model``, or ``family`` as releases before called it."""
    model = options.one_of("model", ("", *FAMILIES), "")
    former = options.one_of("family", ("", *FAMILIES), "")
    if model and former:
        options.wrong("family", "is the former name of model: set one of them")
    return FAMILIES[model or former or DEFAULT]


def _files(options: Options, family: ModelFamily, checkpoint: str) -> dict[str, str]:
    named = options.table("files")
    parts = ", ".join(family.part_names)
    for name in named:
        if name not in family.part_names:
            options.wrong("files", f"{family.name} has no {name}, but {parts}")
    if checkpoint:
        named["checkpoint"] = checkpoint
    if not finder.layouts(family, named):
        together = ", ".join(sorted(named))
        options.wrong("files", f"{family.name} cannot be loaded from {together} together")
    return {name: file for name, file in named.items() if file}


def _guidance(
    options: Options, family: ModelFamily, graphs: Sequence[Workflow | EditorGraph]
) -> float:
    used = any("guidance" in graph.placeholders for graph in graphs)
    default = family.guidance or (GUIDANCE if used else 0.0)
    value = options.number("guidance", default, 0, 100)
    if value and not default:
        options.wrong("guidance", f"{family.name} is told of none: set cfg")
    return value


def _workflow(options: Options, name: str) -> Workflow | EditorGraph | None:
    path, output = options.file(name), options.optional_text(f"{name}_output")
    if path is None:
        return None
    try:
        graph = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        options.wrong(name, f"{path} cannot be read as JSON")
    try:
        if isinstance(graph, dict) and isinstance(graph.get("nodes"), list):
            return EditorGraph.check(graph, output, picture=name == "workflow_img2img")
        return Workflow.check(graph, output)
    except ValueError as error:
        options.wrong(name, str(error))
