"""Graphs as ComfyUI's editor saves them, made into the API format that the server runs.

The editor's file has the values of a node's widgets in a row, without their names: those are in the server's
``/object_info``. So such a graph is read at the start, and converted once the server has been asked. What
only the editor knows is resolved: reroutes, primitives, subgraphs, and nodes that are muted or bypassed.

A number's widget takes no text, so what a graph has no placeholder for is put in where it is plain: every seed,
the size of an empty latent, and in a graph that starts from a picture the picture.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engines.comfyui.finder import Infos
from engines.comfyui.graph import NodeInfo, completed
from engines.comfyui.workflow import PLACEHOLDER, Graph, Workflow, check_placeholders, output_of

_MUTED, _BYPASSED = 2, 4
#: what the editor draws and the server never sees
_NOTES = ("Note", "MarkdownNote")
_PRIMITIVE, _REROUTE = "PrimitiveNode", "Reroute"
#: a subgraph's own ends, as links name them
_FROM_OUTSIDE = -10
_WIDGETS = ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO")
#: a widget that brings others, by what is chosen: their values cannot be told apart
_CHANGING = ("COMFY_DYNAMICCOMBO_V3",)
#: what a seed's second widget says, which the server has no input for
_CONTROLS = ("fixed", "increment", "decrement", "randomize")
_SEEDS = ("seed", "noise_seed")
_EMPTY_LATENT = re.compile(r"Empty\w*Latent\w*")
_PICTURE = "LoadImage"
#: how deep subgraphs may lie in one another
_DEEPEST = 20

Node = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sheet:
    """The file, or one subgraph where it is used: its nodes and links, and the node that stands for it."""

    nodes: Mapping[int, Node]
    #: link → node and output that it comes from
    links: Mapping[int, tuple[int, int]]
    #: names of a subgraph's inputs, and the link of each of its outputs
    inputs: tuple[str, ...] = ()
    outputs: tuple[int | None, ...] = ()
    #: the ids of its nodes begin with it
    prefix: str = ""
    outside: tuple[Sheet, Node] | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """A node that the server is to run, by the id it has there."""

    node_id: str
    node: Node
    sheet: Sheet


@dataclass(frozen=True, slots=True)
class EditorGraph:
    """A graph from the editor, read and checked as far as it can be without a server."""

    placed: tuple[Placed, ...]
    #: node → what comes to its inputs by links
    linked: Mapping[str, Mapping[str, Any]]
    output: str
    #: the placeholders that are put in, because the graph has them nowhere
    filled: frozenset[str]
    placeholders: frozenset[str]

    @classmethod
    def check(cls, body: Mapping[str, Any], output: str | None, *, picture: bool) -> EditorGraph:
        """Read a graph; ``picture``: it is to start from one.

        Raises:
            ValueError: it cannot be used; the message is one clause for the operator.
        """
        try:
            definitions = {
                str(one["id"]): one for one in (body.get("definitions") or {}).get("subgraphs", ())
            }
            placed = tuple(_all_placed(_sheet(body, "", None), definitions, _DEEPEST))
            linked = {one.node_id: _linked(one, definitions) for one in placed}
        except (KeyError, TypeError, ValueError, IndexError, AttributeError):
            raise ValueError("is no graph as the editor saves it") from None
        classes = {one.node_id: {"class_type": str(one.node["type"])} for one in placed}
        chosen = output_of(classes, output)
        needed = _needed(linked, chosen)
        placed = tuple(one for one in placed if one.node_id in needed)
        used = frozenset(
            name
            for one in placed
            for value in (*_told(one.node), *linked[one.node_id].values())
            if isinstance(value, str)
            for name in PLACEHOLDER.findall(value)
        )
        filled = _fillable(placed, linked, used, picture=picture)
        check_placeholders(used | filled)
        return cls(placed, linked, chosen, filled, used | filled)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of its nodes, each once."""
        return tuple(dict.fromkeys(str(one.node["type"]) for one in self.placed))

    def converted(self, infos: Infos) -> Workflow:
        """Return the graph in API format, with what its output needs and no more.

        Raises:
            ValueError: it cannot be converted.
        """
        graph: Graph = {}
        for one in self.placed:
            class_type = str(one.node["type"])
            values = _values(one.node, infos.get(class_type) or {})
            inputs = self._filled(class_type, {**values, **self.linked[one.node_id]})
            graph[one.node_id] = {"class_type": class_type, "inputs": inputs}
        known = {name: info for name, info in infos.items() if info}
        return Workflow.check(completed(graph, known), self.output)

    def _filled(self, class_type: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Put in the placeholders that the graph does not have itself, but not in place of a node's output."""
        return {
            name: f"{{{{{wanted}}}}}"
            if (wanted := _meaning(class_type, name)) in self.filled and not isinstance(value, list)
            else value
            for name, value in values.items()
        }


@dataclass(frozen=True, slots=True)
class Brought:
    """What comes to an input: ``[node, output]``, or a value."""

    value: Any


def _linked(one: Placed, definitions: Mapping[str, Node]) -> dict[str, Any]:
    """Return what comes to a node by links, by its input."""
    inputs: dict[str, Any] = {}
    for given in one.node.get("inputs") or ():
        if (link := given.get("link")) is not None:
            source = _source(one.sheet, link, definitions, _DEEPEST)
            if source is not None:
                inputs[str(given["name"])] = source.value
    return inputs


def _source(sheet: Sheet, link: int, definitions: Mapping[str, Node], depth: int) -> Brought | None:
    """Return what a link brings: a node's output, a primitive's value, or None for nothing."""
    if depth < 0 or link not in sheet.links:
        return None
    origin, slot = sheet.links[link]
    if origin == _FROM_OUTSIDE:
        outer = _given_from_outside(sheet, slot)
        return None if outer is None else _source(*outer, definitions, depth - 1)
    node = sheet.nodes.get(origin)
    if node is None or node.get("mode") == _MUTED:
        return None
    if node.get("mode") == _BYPASSED or node["type"] == _REROUTE:
        passed = _passed(node, slot)
        return None if passed is None else _source(sheet, passed, definitions, depth - 1)
    if node["type"] == _PRIMITIVE:
        return Brought(next(iter(_told(node)), None))
    definition = definitions.get(str(node["type"]))
    if definition is None:
        return Brought([f"{sheet.prefix}{origin}", slot])
    inner = _sheet(definition, f"{sheet.prefix}{origin}:", (sheet, node))
    out = inner.outputs[slot] if slot < len(inner.outputs) else None
    return None if out is None else _source(inner, out, definitions, depth - 1)


def _given_from_outside(sheet: Sheet, slot: int) -> tuple[Sheet, int] | None:
    """Return the link that a subgraph's own input is fed by, and where it is."""
    if sheet.outside is None or slot >= len(sheet.inputs):
        return None
    outer, node = sheet.outside
    for given in node.get("inputs") or ():
        if given.get("name") == sheet.inputs[slot] and given.get("link") is not None:
            return outer, given["link"]
    return None


def _sheet(body: Mapping[str, Any], prefix: str, outside: tuple[Sheet, Node] | None) -> Sheet:
    links: dict[int, tuple[int, int]] = {}
    for link in body.get("links") or ():
        # The file's own links are rows; a subgraph's have names.
        if isinstance(link, list):
            number, origin, slot = link[:3]
        else:
            number, origin, slot = link["id"], link["origin_id"], link["origin_slot"]
        links[int(number)] = (int(origin), int(slot))
    outputs = [(end.get("linkIds") or [None])[0] for end in body.get("outputs") or ()]
    return Sheet(
        nodes={int(node["id"]): node for node in body["nodes"]},
        links=links,
        inputs=tuple(str(given["name"]) for given in body.get("inputs") or ()),
        outputs=tuple(outputs),
        prefix=prefix,
        outside=outside,
    )


def _all_placed(sheet: Sheet, definitions: Mapping[str, Node], depth: int) -> Iterator[Placed]:
    """Yield every node that the server would run, those of subgraphs in their place."""
    if depth < 0:
        raise ValueError("subgraphs in one another without end")
    for number, node in sheet.nodes.items():
        if node.get("mode") in (_MUTED, _BYPASSED) or node["type"] in (
            *_NOTES,
            _PRIMITIVE,
            _REROUTE,
        ):
            continue
        definition = definitions.get(str(node["type"]))
        node_id = f"{sheet.prefix}{number}"
        if definition is None:
            yield Placed(node_id, node, sheet)
        else:
            inner = _sheet(definition, f"{node_id}:", (sheet, node))
            yield from _all_placed(inner, definitions, depth - 1)


def _passed(node: Node, slot: int) -> int | None:
    """Return the link that a bypassed node or a reroute passes on: of its output's type, the same place first."""
    inputs = list(node.get("inputs") or ())
    if node["type"] == _REROUTE:
        return inputs[0].get("link") if inputs else None
    outputs = node.get("outputs") or ()
    kind = outputs[slot].get("type") if slot < len(outputs) else None
    for given in (*inputs[slot : slot + 1], *inputs):
        if given.get("type") == kind and given.get("link") is not None:
            link: int = given["link"]
            return link
    return None


def _values(node: Node, info: NodeInfo) -> dict[str, Any]:
    """Return the values of a node's widgets by name."""
    told = node.get("widgets_values") or ()
    widgets = dict(_widgets(info))
    if isinstance(told, Mapping):
        return {name: told[name] for name in widgets if name in told}
    values: dict[str, Any] = {}
    left = list(reversed(told))
    for name, is_counted in widgets.items():
        if not left:
            break
        values[name] = left.pop()
        # A second widget beside it, which says how it changes from one drawing to the next.
        if is_counted and left and left[-1] in _CONTROLS:
            left.pop()
    return values


def _widgets(info: NodeInfo) -> Iterator[tuple[str, bool]]:
    """Yield the inputs of a class that have a widget, in the editor's order, and whether it counts on by itself."""
    given = info.get("input") or {}
    order = info.get("input_order") or {}
    for group in ("required", "optional"):
        specs = given.get(group) or {}
        for name in order.get(group) or specs:
            spec = specs.get(name)
            if not spec:
                continue
            if spec[0] in _CHANGING:
                raise ValueError(f"has a node whose {name} changes its inputs: use Export (API)")
            extra = spec[1] if len(spec) > 1 and isinstance(spec[1], Mapping) else {}
            is_widget = isinstance(spec[0], list) or spec[0] in _WIDGETS
            if is_widget and not extra.get("forceInput"):
                yield str(name), name in _SEEDS or bool(extra.get("control_after_generate"))


def _meaning(class_type: str, name: str) -> str:
    """Return the placeholder that an input would have, or ""."""
    if name in _SEEDS:
        return "seed"
    if name in ("width", "height") and _EMPTY_LATENT.fullmatch(class_type):
        return name
    return "reference" if class_type == _PICTURE and name == "image" else ""


def _fillable(
    placed: tuple[Placed, ...],
    linked: Mapping[str, Mapping[str, Any]],
    used: frozenset[str],
    *,
    picture: bool,
) -> frozenset[str]:
    """Return the placeholders that are put in."""
    filled = {"seed"} - used
    sized = [one for one in placed if _EMPTY_LATENT.fullmatch(str(one.node["type"]))]
    given = [linked[one.node_id].get(side) for one in sized for side in ("width", "height")]
    if not {"width", "height"} & used and sized and not any(isinstance(v, list) for v in given):
        filled |= {"width", "height"}
    loads = [one for one in placed if one.node["type"] == _PICTURE]
    if picture and "reference" not in used and len(loads) == 1:
        filled.add("reference")
    return frozenset(filled)


def _told(node: Node) -> tuple[Any, ...]:
    """Return the values of a node's widgets."""
    told = node.get("widgets_values") or ()
    return tuple(told.values() if isinstance(told, Mapping) else told)


def _needed(linked: Mapping[str, Mapping[str, Any]], output: str) -> set[str]:
    """Return the nodes that an output needs."""
    needed, open_ends = {output}, [output]
    while open_ends:
        for value in linked[open_ends.pop()].values():
            if isinstance(value, list) and value[0] in linked and value[0] not in needed:
                needed.add(value[0])
                open_ends.append(value[0])
    return needed
