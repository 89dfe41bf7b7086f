"""What a ComfyUI server has of a family's nodes and files, asked class by class; called by ``engine``.

It is asked until nothing is missing. Answers are kept while a round of questions goes on: a health check has
little time, so a slow server is asked over several of them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from engines.comfyui import finder
from engines.comfyui.config import ComfyConfig
from engines.comfyui.editor import EditorGraph
from engines.comfyui.finder import Lack, Stock
from engines.comfyui.graph import GraphOptions, choices, default_workflow
from engines.comfyui.server import ComfyServer
from engines.comfyui.workflow import Graph, Workflow
from engines.remote.stock import Item
from limner.errors import EngineError, Refused

#: how long until a server that lacked something is asked again
ASK_AGAIN_S = 10.0
#: of a health check's three seconds
HEALTH_SHARE_S = 1.5


@dataclass(frozen=True, slots=True)
class Own:
    """The operator's own graphs, ready for placeholders: one from words, and one from a picture."""

    graph: Workflow
    from_picture: Workflow | None


class Storeroom:
    """The nodes and files of one server, as far as this engine needs them."""

    def __init__(self, server: ComfyServer, config: ComfyConfig) -> None:
        self._server, self._config = server, config
        self._lock = threading.Lock()
        self._infos: dict[str, dict[str, Any] | None] = {}
        self._stock: Stock | None = None
        self._own: Own | None = None
        self._lacks: tuple[Lack, ...] | None = None
        self._ask_again_s = 0.0

    def forget(self) -> None:
        """Ask the server again next time: after a failure it may have other files, or be another one."""
        # Whoever holds the lock is asking.
        if self._lock.acquire(blocking=False):
            try:
                self._infos, self._lacks, self._stock, self._own = {}, None, None, None
            finally:
                self._lock.release()

    def own(self) -> Own | None:
        """Return the operator's own graphs, if there are any.

        Raises:
            EngineError: a graph from the editor is to be converted, and the server cannot be asked.
            Refused: it cannot be converted.
        """
        config = self._config
        if config.workflow is None:
            return None
        if not isinstance(config.workflow, EditorGraph) and not isinstance(
            config.workflow_img2img, EditorGraph
        ):
            return Own(config.workflow, config.workflow_img2img)
        self.lacks()
        with self._lock:
            own = self._own
        if own is None:
            raise Refused("setup", f"the server has no {words(self._lacks or ())}")
        return own

    def stock(self) -> Stock:
        """Return how the family is to be loaded.

        Raises:
            EngineError: files are to be found, and the server cannot be asked for them.
            Refused: it has no such files.
        """
        sure = finder.surely(self._config.family, self._config.files)
        try:
            self.lacks()
        except EngineError:
            if sure is None:
                raise
        with self._lock:
            stock = self._stock
        if sure and stock is None:
            return Stock(sure, self._config.files)
        if stock is None or len(stock.files) < len(stock.layout.parts):
            lacks = stock.lacks if stock else ()
            raise Refused("setup", f"the server has no {words(lacks)}")
        return stock

    def lacks(self, *, within_s: float | None = None) -> tuple[Lack, ...]:
        """Return what the server lacks, by node and by file; () also if ``within_s`` did not suffice.

        Raises:
            EngineError: it cannot be asked.
        """
        until_s = None if within_s is None else time.monotonic() + within_s
        # Whoever submits may be asking, and a health check cannot wait for that.
        if not self._lock.acquire(timeout=-1 if within_s is None else within_s):
            return ()
        try:
            return self._known_or_asked(until_s)
        finally:
            self._lock.release()

    def _known_or_asked(self, until_s: float | None) -> tuple[Lack, ...]:
        if self._lacks is not None and (not self._lacks or time.monotonic() < self._ask_again_s):
            return self._lacks
        if self._lacks is not None:
            self._infos, self._lacks = {}, None
        lacks = self._asked(until_s)
        if lacks is not None:
            self._lacks = lacks
            self._ask_again_s = time.monotonic() + ASK_AGAIN_S
        return lacks or ()

    def items(self) -> list[Item]:
        """Return the files that are used, and all that is lacking.

        Raises:
            EngineError: the server cannot be asked.
        """
        lacks = self.lacks()
        with self._lock:
            stock = None if self._config.workflow else self._stock
        missing = [Item(False, f"lacks the {lack}") for lack in lacks]
        if stock is None:
            return missing or [Item(True, "has every node and file that the workflow names")]
        named, absent = self._config.files, {lack.name for lack in stock.lacks}
        there = [
            Item(True, f"{part.name}: {file} ({'named' if part.name in named else 'found'})")
            for part in stock.layout.parts
            if (file := stock.files.get(part.name)) and finder.told(part, file) not in absent
        ]
        return [*there, *missing]

    def _asked(self, until_s: float | None) -> tuple[Lack, ...] | None:
        config = self._config
        if config.workflow:
            own = (config.workflow, config.workflow_img2img)
            if not all(self._ask(graph.classes, until_s) for graph in own if graph):
                return None
            if missing := self._unreadable(own):
                return missing
            self._own = Own(self._ready(config.workflow), self._ready(config.workflow_img2img))
            graphs = (self._own.graph, self._own.from_picture)
            return _each_once(self._lacking(graph.graph) for graph in graphs if graph)
        named = finder.layouts(config.family, config.files)
        if not self._ask(_classes(*(layout.loaders for layout in named)), until_s):
            return None
        stock = finder.choose(config.family, config.files, self._infos)
        most = GraphOptions(shown=1 if config.family.shown else 0)
        graph = default_workflow(config.family, stock.layout, most).graph
        if not self._ask(_classes(graph), until_s):
            return None
        self._stock = Stock(stock.layout, stock.files, stock.lacks, dict(self._infos))
        return _each_once((self._lacking(graph), stock.lacks, self._lacking_niji(stock)))

    def _unreadable(self, own: Iterable[Workflow | EditorGraph | None]) -> tuple[Lack, ...]:
        """Return the nodes without which a graph from the editor cannot even be read."""
        drawn = [graph for graph in own if isinstance(graph, EditorGraph)]
        names = dict.fromkeys(name for graph in drawn for name in graph.classes)
        return tuple(Lack("node", name) for name in names if self._infos[name] is None)

    def _ready(self, graph: Any) -> Any:
        """Return a graph in API format, converted if it is one from the editor."""
        if not isinstance(graph, EditorGraph):
            return graph
        try:
            return graph.converted(self._infos)
        except ValueError as error:
            raise Refused("setup", f"the workflow {error}") from None

    def _ask(self, classes: Iterable[str], until_s: float | None) -> bool:
        """Ask about the classes that are not known yet; False if there was no time for it."""
        for name in classes:
            if name not in self._infos:
                if until_s is not None and time.monotonic() >= until_s:
                    return False
                self._infos[name] = self._server.node_info(name)
        return True

    def _lacking(self, graph: Graph) -> tuple[Lack, ...]:
        config = self._config
        set_here = {"{{sampler}}": config.sampler, "{{scheduler}}": config.scheduler}
        filled = {
            node_id: {
                **node,
                "inputs": {
                    name: set_here.get(value, value) if isinstance(value, str) else value
                    for name, value in node["inputs"].items()
                },
            }
            for node_id, node in graph.items()
        }
        family = None if config.workflow else config.family
        version = self._server.version() if family and family.since else ""
        return finder.lacking(filled, self._infos, family, version)

    def _lacking_niji(self, stock: Stock) -> tuple[Lack, ...]:
        model, file = stock.layout.parts[0], self._config.niji_checkpoint
        listed = choices(self._infos.get(model.node), model.input)
        there = not file or listed is None or file in listed
        return () if there else (Lack("file", f"{file} (niji_checkpoint, of {model.node})"),)


def words(lacks: Iterable[Lack]) -> str:
    """Return what is lacking as the end of a sentence; the first three, and how many more."""
    told = [str(lack) for lack in lacks]
    more = f" and {len(told) - 3} more" if len(told) > 3 else ""
    return ", ".join(told[:3]) + more


def _classes(*graphs: Graph) -> list[str]:
    return list(dict.fromkeys(n["class_type"] for graph in graphs for n in graph.values()))


def _each_once(lacks: Iterable[Iterable[Lack]]) -> tuple[Lack, ...]:
    return tuple(dict.fromkeys(lack for some in lacks for lack in some))
