"""From a brief to a graph that the server can run: its pictures uploaded, every placeholder filled in."""

from __future__ import annotations

import hashlib
from typing import Any

from PIL import Image

from engines.comfyui import levels, mapping
from engines.comfyui.abilities import Found
from engines.comfyui.config import ComfyConfig
from engines.comfyui.finder import Stock
from engines.comfyui.graph import GraphOptions, Start, completed, default_workflow, upscale_workflow
from engines.comfyui.pictures import Size, blended, filling, opened, stretched, within
from engines.comfyui.server import ComfyServer
from engines.comfyui.storeroom import Own
from engines.comfyui.workflow import ReadyGraph, Workflow
from limner.engine import Brief
from limner.errors import Rejected
from limner.pictures.png_file import png_file

#: the size at which a picture of style or object is sent: an adapter looks at a square of 224
ADAPTED_SIZE_PX = (512, 512)
#: and one that an edit model is shown: it looks at a megapixel of it
SHOWN_SIZE_PX = (2048, 2048)
_OPERATIONS = {
    "draw": "vary a picture",
    "upscale": "enlarge a picture in this way",
    "edit": "redraw a part of a picture",
    "blend": "blend pictures",
    "describe": "describe a picture",
}


class Planner:
    """Plans drawings on one server."""

    def __init__(self, server: ComfyServer, config: ComfyConfig) -> None:
        self._server, self._config = server, config

    def plan(
        self, brief: Brief, found: Found, loaded: Stock | Own | None, *, batch: bool
    ) -> ReadyGraph:
        """Upload the brief's pictures and return its graph; ``batch``: all cells from one sampler.

        ``loaded``: how the family is loaded, or an own graph; None for what takes no model.

        Raises:
            Rejected: the engine cannot do this, or a picture cannot be read.
        """
        self._check(brief, found)
        count = len(brief.seeds)
        shown = self._shown(brief)
        start: Start = "noise" if shown else self._start(brief, found)
        pictures = self._pictures(brief, start, 1 if batch else count)
        names = [self._uploaded(picture) for picture in pictures]
        adapted = self._adapted(brief, found)
        more = mapping.adapter_values(self._config, brief, adapted) | self._more(brief, loaded)
        most = self._most_shown()
        workflow = self._workflow(
            brief,
            loaded,
            GraphOptions(
                start=start,
                tile=found.tile if brief.tile else {},
                adapted={kind: len(names) for kind, names in adapted.items()},
                shown=min(len(shown), most),
            ),
        )
        # Several references are dealt out to the cells in turn, one each.
        values = [
            mapping.cell_values(
                self._config,
                brief,
                cell,
                names[cell % len(names)] if names else "",
                count if batch else 1,
            )
            | more
            | mapping.shown_values(shown, most, cell)
            for cell in range(1 if batch else count)
        ]
        plan = workflow.batch(values[0]) if batch else workflow.chains(values)
        if brief.attempt:
            # No node reads this input, but it changes the server's cache key: otherwise the server
            # would return the very files of the failed attempt.
            for node_id in plan.outputs:
                plan.graph[node_id]["inputs"]["limner_attempt"] = brief.attempt
        return plan

    def _check(self, brief: Brief, found: Found) -> None:
        said = levels.levels(self._config, found, batch=self._config.batch)
        if levels.of_operation(said, brief) == "none":
            what = _OPERATIONS[brief.operation]
            raise Rejected("parameter", f"The engine cannot {what}.")
        if brief.operation == "upscale" and not (brief.parent and brief.parent.picture):
            raise Rejected("reference", "There is no picture to enlarge.")
        graph = self._config.workflow
        if brief.model and graph and "checkpoint" not in graph.placeholders:
            raise Rejected("parameter", "The engine has no other versions of its model.")

    def _start(self, brief: Brief, found: Found) -> Start:
        """Return what the cells start from; an own graph with a picture does so from ``picture``."""
        if brief.edit:
            return "around" if brief.edit.kept else "masked"
        if is_subtle(brief):
            return "enlarged"
        if brief.operation == "upscale" and found.upscales and self._config.workflow is None:
            return "enlarged"
        varies = brief.parent is not None and brief.parent.picture is not None
        return "picture" if varies or brief.references else "noise"

    def _workflow(self, brief: Brief, loaded: Stock | Own | None, wanted: GraphOptions) -> Workflow:
        if loaded is None:
            return upscale_workflow()
        if isinstance(loaded, Stock):
            workflow = default_workflow(self._config.family, loaded.layout, wanted)
            infos = {name: info for name, info in loaded.infos.items() if info}
            return Workflow(completed(workflow.graph, infos), workflow.output)
        if wanted.start == "noise":
            return loaded.graph
        if loaded.from_picture is None:
            raise Rejected("reference", "The engine takes no reference images.")
        return loaded.from_picture

    def _most_shown(self) -> int:
        shown = self._config.family.shown
        return len(shown.inputs) if shown and self._config.workflow is None else 0

    def _shown(self, brief: Brief) -> list[str]:
        """Upload the references that the model is to look at; return their names."""
        varies = brief.parent is not None and brief.parent.picture is not None
        if brief.operation != "draw" or varies or not self._most_shown():
            return []
        return [self._uploaded(within(opened(p), SHOWN_SIZE_PX)) for p in brief.references]

    def _pictures(self, brief: Brief, start: Start, most: int) -> list[Image.Image]:
        """Return the pictures that the cells start from, at the size they are drawn at."""
        size = mapping.size_px(self._config, brief)
        parent = brief.parent.picture if brief.parent else None
        if brief.edit:
            return [stretched(opened(brief.edit.canvas), size)]
        if brief.operation == "blend":
            return [blended(filling(opened(path), size) for path in brief.references)]
        if start == "enlarged":
            # The model enlarges it as it is.
            return [opened(path) for path in (parent,) if path]
        if start == "noise":
            return []
        sources = (parent,) if parent else brief.references
        return [filling(opened(source), size) for source in sources[:most]]

    def _adapted(self, brief: Brief, found: Found) -> dict[str, list[str]]:
        """Upload the pictures of style and object; return their names by the adapter that gets them."""
        given = {"style": brief.style_references, "object": brief.object_references}
        if is_subtle(brief) or not found.adapts:
            return {}
        return {
            kind: [self._uploaded(filling(opened(path), ADAPTED_SIZE_PX)) for path in paths]
            for kind, paths in given.items()
            if paths
        }

    def _more(self, brief: Brief, loaded: Stock | Own | None) -> dict[str, Any]:
        """Return the values of what only our own graphs have a placeholder for."""
        values: dict[str, Any] = {"upscale_model": self._config.upscale_model}
        if isinstance(loaded, Stock):
            model = loaded.layout.parts[0].name
            values |= mapping.file_values(self._config, brief, loaded.files, model)
        if brief.edit:
            size: Size = mapping.size_px(self._config, brief)
            mask = stretched(opened(brief.edit.mask), size, mask=True)
            values["mask"] = self._uploaded(mask)
        return values

    def _uploaded(self, picture: Image.Image) -> str:
        data = png_file(picture)
        # By content: the same picture is stored once, however many jobs use it.
        return self._server.upload(f"{hashlib.sha256(data).hexdigest()[:32]}.png", data)


def is_subtle(brief: Brief) -> bool:
    """Return whether a picture is to be enlarged only, which takes no words and no sampler."""
    return brief.operation == "upscale" and brief.upscale == "subtle"


def seeds_of(brief: Brief, *, batch: bool) -> list[int]:
    """Return the seeds that the cells are drawn from; an upscale model uses none."""
    if is_subtle(brief):
        return []
    return [brief.seeds[0]] * len(brief.seeds) if batch else list(brief.seeds)
