"""Finds a family's files in the server's own lists, and tells what the server lacks; pure functions.

Called by ``abilities``, which asks the server. What a server lacks is a node, a file, or (rarely) a release
that knows the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engines.comfyui.families import Layout, ModelFamily, Part
from engines.comfyui.graph import NodeInfo, choices
from engines.comfyui.workflow import Graph

#: class name → its entry in /object_info, None if the server has no such node
Infos = Mapping[str, NodeInfo | None]


@dataclass(frozen=True, slots=True)
class Lack:
    """Something that the server lacks: ``what`` is node, file, choice or release."""

    what: str
    name: str

    def __str__(self) -> str:
        return f"{self.what} {self.name}"


@dataclass(frozen=True, slots=True)
class Stock:
    """How a family is loaded on one server, from which files, and what is not there for it."""

    layout: Layout
    #: part → file, found or named
    files: Mapping[str, str]
    lacks: tuple[Lack, ...] = ()
    infos: Infos = field(default_factory=dict)


def layouts(family: ModelFamily, named: Mapping[str, str]) -> tuple[Layout, ...]:
    """Return the layouts that have all parts that the operator named, the best first.

    Those are left out of which a part is neither named nor to be recognised, unless no others remain.
    """
    fitting = [
        layout for layout in family.layouts if named.keys() <= {part.name for part in layout.parts}
    ]
    complete = [
        layout for layout in fitting if all(part.has or part.name in named for part in layout.parts)
    ]
    return tuple(complete or fitting)


def surely(family: ModelFamily, named: Mapping[str, str]) -> Layout | None:
    """Return the layout for which the server need not be asked: the only one, with every part named."""
    fitting = layouts(family, named)
    parts = {part.name for part in fitting[0].parts}
    return fitting[0] if len(fitting) == 1 and parts == named.keys() else None


def choose(family: ModelFamily, named: Mapping[str, str], infos: Infos) -> Stock:
    """Return the first layout that the server has all of; else of which it has the model; else the first."""
    stocks = [_stock(family, layout, named, infos) for layout in layouts(family, named)]
    return min(stocks, key=_shortcomings)


def _shortcomings(stock: Stock) -> tuple[bool, bool]:
    parts = stock.layout.parts
    return bool(stock.lacks) or len(stock.files) < len(parts), parts[0].name not in stock.files


def _stock(family: ModelFamily, layout: Layout, named: Mapping[str, str], infos: Infos) -> Stock:
    files: dict[str, str] = {}
    lacks: list[Lack] = []
    for part in layout.parts:
        info = infos.get(part.node)
        listed = choices(info, part.input)
        file = named.get(part.name) or found(part, listed or ())
        if file:
            files[part.name] = file
        if info is None:
            continue
        if not file:
            lacks.append(Lack("file", _described(part)))
        elif listed is not None and file not in listed:
            lacks.append(Lack("file", told(part, file)))
    return Stock(layout, files, tuple(lacks), infos)


def found(part: Part, listed: Sequence[str]) -> str:
    """Return the file of a list that is this part, or "": by its best word, the shortest name first."""
    for word in part.has:
        fitting = [name for name in listed if _fits(name, word, part.but)]
        if fitting:
            return min(fitting, key=lambda name: (len(name), name))
    return ""


def _fits(name: str, word: str, but: Sequence[str]) -> bool:
    told = name.lower().replace("_", "-").replace(" ", "-").replace("\\", "/")
    if any(other in told for other in but):
        return False
    place = told.find(word)
    while place > 0 and told[place - 1].isalnum():
        place = told.find(word, place + 1)
    return place >= 0


def told(part: Part, file: str) -> str:
    """Return how an operator is told of a part's file."""
    return f"{file} ({part.name}, of {part.node})"


def _described(part: Part) -> str:
    like = f" like {part.has[0]}…" if part.has else ""
    return f"{part.name}{like} (of {part.node})"


def lacking(
    graph: Graph, infos: Infos, family: ModelFamily | None = None, version: str = ""
) -> tuple[Lack, ...]:
    """Return what the server lacks for a graph, as far as it is filled in; ``family``: of a default one."""
    lacks = []
    if family and family.since and (have := numbers(version)) and have < family.since:
        wanted = ".".join(map(str, family.since))
        lacks.append(Lack("release", f"{wanted} or newer (it is {version})"))
    for node in graph.values():
        class_type = node["class_type"]
        info = infos.get(class_type)
        if info is None and class_type in infos:
            # Which of a family's nodes are custom, only those tell that are not there.
            pack = f" (of {family.pack}?)" if family and family.pack else ""
            lacks.append(Lack("node", class_type + pack))
        for name, value in node["inputs"].items() if info else ():
            listed = choices(info, name)
            if listed is not None and _is_written(value) and value not in listed:
                what = "file" if value.lower().endswith(_FILES) else "choice"
                lacks.append(Lack(what, f"{value} ({name} of {class_type})"))
    return tuple(dict.fromkeys(lacks))


_FILES = (".safetensors", ".sft", ".ckpt", ".pt", ".pt2", ".pth", ".bin", ".gguf", ".pkl", ".onnx")


def _is_written(value: Any) -> bool:
    """Return whether a value stands in the graph as it is sent."""
    return isinstance(value, str) and "{{" not in value


def numbers(version: str) -> tuple[int, ...]:
    """Return a version's numbers, () if it has none: ``0.3.64-2-g1`` is (0, 3, 64)."""
    told = []
    for word in version.strip().lstrip("v").split("."):
        digits = word[: len(word) - len(word.lstrip("0123456789"))]
        if not digits:
            break
        told.append(int(digits))
    return tuple(told)
