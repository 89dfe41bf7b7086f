"""Graphs with placeholders: load, check, and fill in cell by cell; the default graphs are such ones too.

A graph is ComfyUI's API format: node id → ``{"class_type": …, "inputs": {name: value or [node, slot]}}``.
A placeholder that is the whole value may become a number; inside text it becomes text.

One picture per cell: ``chains`` renders the graph once per cell and merges every node that is the same
in all of them, so loaders are shared and samplers are not. So a user's graph for one picture draws four,
each with its own previews.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Self

Graph = dict[str, dict[str, Any]]
Values = Mapping[str, Any]

PLACEHOLDERS = (
    "prompt", "negative", "seed", "width", "height", "steps", "cfg", "sampler", "scheduler",
    "checkpoint", "guidance", "denoise", "reference", "batch", "tile", "chaos", "stylize", "iw", "cell",
)  # fmt: skip
PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_PICTURES = ("SaveImage", "PreviewImage")
#: the nodes that take nearly all of the time, and report their steps
_SAMPLERS = (
    "KSampler", "KSamplerAdvanced", "SamplerCustom", "SamplerCustomAdvanced", "ImageUpscaleWithModel",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ReadyGraph:
    """A graph ready to be sent, and which of its nodes belongs to which cell."""

    graph: Graph
    #: sampler node → cell
    samplers: dict[str, int]
    #: output node → cell; None: all of them come from it
    outputs: dict[str, int | None]


@dataclass(frozen=True, slots=True)
class Workflow:
    """A graph with placeholders that draws one picture, or ``{{batch}}`` of them."""

    graph: Graph
    #: the output node
    output: str

    @property
    def placeholders(self) -> frozenset[str]:
        """The names of the placeholders that are used."""
        return frozenset(_names(self.graph))

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of its nodes, each once."""
        return tuple(dict.fromkeys(str(node["class_type"]) for node in self.graph.values()))

    @classmethod
    def check(cls, graph: Any, output: str | None = None) -> Self:
        """Check a graph and find its output node.

        Raises:
            ValueError: the graph cannot be used.
        """
        if not isinstance(graph, dict) or not graph:
            raise ValueError("is not a graph in API format")
        for node_id, node in graph.items():
            if not isinstance(node, dict) or not isinstance(node.get("class_type"), str):
                raise ValueError(f"node {node_id} has no class_type")
            if not isinstance(node.get("inputs"), dict):
                raise ValueError(f"node {node_id} has no inputs")
            for name, value in node["inputs"].items():
                if _is_link(value) and value[0] not in graph:
                    raise ValueError(f"node {node_id}: {name} comes from no node of the graph")
        check_placeholders(_names(graph))
        return cls(graph, output_of(graph, output))

    def chains(self, cells: Sequence[Values]) -> ReadyGraph:
        """Render a chain for each set of values."""
        rendered = [_fill(self.graph, values) for values in cells]
        # A single cell shares nothing with others.
        own = _differing(self.graph, rendered) if len(rendered) > 1 else set(self.graph)
        graph: Graph = {}
        samplers: dict[str, int] = {}
        outputs: dict[str, int | None] = {}
        for cell, version in enumerate(rendered):
            for node_id, node in version.items():
                # The output node is always cloned, or one picture would be used for every cell.
                if node_id not in own and node_id != self.output:
                    graph[node_id] = node
                    continue
                name = f"{node_id}-{cell}"
                graph[name] = {**node, "inputs": _relinked(node["inputs"], own, cell)}
                if node["class_type"] in _SAMPLERS:
                    samplers[name] = cell
            outputs[f"{self.output}-{cell}"] = cell
        return ReadyGraph(graph, samplers, outputs)

    def batch(self, values: Values) -> ReadyGraph:
        """Render one chain whose output is all the pictures."""
        graph = _fill(self.graph, values)
        # A server previews the first picture of a batch only.
        samplers = {n: 0 for n, node in graph.items() if node["class_type"] in _SAMPLERS}
        return ReadyGraph(graph, samplers, {self.output: None})


def check_placeholders(used: Set[str]) -> None:
    """Check the placeholders of a graph.

    Raises:
        ValueError: one is unknown, or a needed one is missing.
    """
    for name in sorted(used):
        if name not in PLACEHOLDERS:
            near = get_close_matches(name, PLACEHOLDERS, n=1)
            hint = f"; did you mean {{{{{near[0]}}}}}?" if near else ""
            raise ValueError(f"there is no placeholder {{{{{name}}}}}{hint}")
    for name in ("prompt", "seed"):
        if name not in used:
            raise ValueError(f"uses no {{{{{name}}}}}")


def output_of(graph: Mapping[str, Mapping[str, Any]], output: str | None) -> str:
    """Return the node whose pictures count: the one that was named, or the only one there is.

    Raises:
        ValueError: there is no such node, or not one.
    """
    if output is not None:
        if output not in graph:
            raise ValueError(f"there is no node {output} to take the pictures from")
        return output
    found = [node_id for node_id, node in graph.items() if node["class_type"] in _PICTURES]
    if len(found) != 1:
        which = ", ".join(found) or "none"
        raise ValueError(f"has not one SaveImage or PreviewImage but {which}: set …_output")
    return found[0]


def _differing(graph: Graph, rendered: Sequence[Graph]) -> set[str]:
    """Return the nodes that differ between cells, with everything downstream of them."""
    own = {n for n in graph if any(version[n] != rendered[0][n] for version in rendered)}
    while True:
        more = {
            node_id
            for node_id, node in graph.items()
            if node_id not in own
            and any(_is_link(v) and v[0] in own for v in node["inputs"].values())
        }
        if not more:
            return own
        own |= more


def _relinked(inputs: Mapping[str, Any], own: set[str], cell: int) -> dict[str, Any]:
    return {
        name: [f"{value[0]}-{cell}", value[1]] if _is_link(value) and value[0] in own else value
        for name, value in inputs.items()
    }


def _fill(graph: Graph, values: Values) -> Graph:
    return {
        node_id: {**node, "inputs": {n: _filled(v, values) for n, v in node["inputs"].items()}}
        for node_id, node in graph.items()
    }


def _filled(value: Any, values: Values) -> Any:
    """Fill in one value, in a single pass: what a caller wrote in the prompt is never a placeholder."""
    if not isinstance(value, str):
        return value
    whole = PLACEHOLDER.fullmatch(value)
    if whole:
        return values[whole[1]]
    return PLACEHOLDER.sub(lambda match: str(values[match[1]]), value)


def _names(graph: Graph) -> set[str]:
    return {
        name
        for node in graph.values()
        for value in node["inputs"].values()
        if isinstance(value, str)
        for name in PLACEHOLDER.findall(value)
    }


def _is_link(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], str)
        and isinstance(value[1], int)
    )
