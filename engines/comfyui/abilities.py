"""What a ComfyUI server can do, asked once and cached; called by ``engine`` from many threads."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

from engines.comfyui.config import ComfyConfig
from engines.comfyui.graph import TILE_DECODE, TILE_MODEL
from engines.comfyui.server import ComfyServer
from limner.errors import EngineError

#: how long until a server that could not be asked is asked again
ASK_AGAIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Found:
    """What the server and the operator's graph allow."""

    #: whether previews carry the ids of their drawings; others are ignored
    previews: bool
    can_tile: bool
    #: tile node → its entry in /object_info, for the default graph
    tile: dict[str, Any] = field(default_factory=dict)


class Abilities:
    """The capabilities of one server."""

    def __init__(self, server: ComfyServer, config: ComfyConfig) -> None:
        self._server, self._config = server, config
        self._lock = threading.Lock()
        self._found: Found | None = None
        self._ask_again_s = 0.0
        self._checkpoints: frozenset[str] = frozenset()

    def ask(self) -> Found:
        """Return what the server can do; while it is unreachable, what it certainly can."""
        with self._lock:
            if self._found is None and time.monotonic() >= self._ask_again_s:
                try:
                    self._found = self._asked()
                except EngineError:
                    self._ask_again_s = time.monotonic() + ASK_AGAIN_S
            return self._found or Found(self._config.previews, self._graph_tiles())

    def missing_checkpoint(self) -> str | None:
        """Return a checkpoint that the server lacks; asks until none was missing."""
        wanted = {self._config.checkpoint, self._config.niji_checkpoint} - {""}
        if self._config.workflow or wanted <= self._checkpoints:
            return None
        info = self._server.node_info("CheckpointLoaderSimple") or {}
        try:
            spec = info["input"]["required"]["ckpt_name"]
            # Old servers: [[names], …]; newer ones: ["COMBO", {"options": [names]}].
            names = spec[0] if isinstance(spec[0], list) else spec[1]["options"]
        except (KeyError, IndexError, TypeError):
            return None
        self._checkpoints = frozenset(names)
        return min(wanted - self._checkpoints, default=None)

    def _asked(self) -> Found:
        previews = bool(self._server.features().get("supports_preview_metadata"))
        nodes = {name: self._server.node_info(name) for name in (TILE_MODEL, TILE_DECODE)}
        tile = {name: info for name, info in nodes.items() if info}
        if TILE_MODEL not in tile:
            tile = {}
        can_tile = bool(tile) if self._config.workflow is None else self._graph_tiles()
        return Found(previews and self._config.previews, can_tile, tile)

    def _graph_tiles(self) -> bool:
        workflow = self._config.workflow
        return workflow is not None and "tile" in workflow.placeholders
