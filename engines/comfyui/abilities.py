"""What a ComfyUI server can do, asked once and cached; called by ``engine`` from many threads."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

from engines.comfyui.config import ComfyConfig
from engines.comfyui.graph import (
    ADAPTER,
    ADAPTER_LOADER,
    EDIT_NODES,
    TILE_DECODE,
    TILE_MODEL,
    UPSCALE_LOADER,
    choices,
)
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
    #: whether it has the nodes for masks, the upscale model, and the IP-Adapter
    edits: bool = True
    upscales: bool = False
    adapts: bool = False


class Abilities:
    """The capabilities of one server."""

    def __init__(self, server: ComfyServer, config: ComfyConfig) -> None:
        self._server, self._config = server, config
        self._lock = threading.Lock()
        self._found: Found | None = None
        self._ask_again_s = 0.0

    def ask(self, *, surely: bool = False) -> Found:
        """Return what the server can do; while it is unreachable, what it certainly can.

        Raises:
            EngineError: it cannot be asked, and ``surely`` is set.
        """
        with self._lock:
            if self._found is None and (surely or time.monotonic() >= self._ask_again_s):
                try:
                    self._found = self._asked()
                except EngineError:
                    if surely:
                        raise
                    self._ask_again_s = time.monotonic() + ASK_AGAIN_S
            return self._found or Found(self._config.previews, self._graph_tiles())

    def _asked(self) -> Found:
        own, family = self._config.workflow is not None, self._config.family
        previews = bool(self._server.features().get("supports_preview_metadata"))
        tile = self._tile_nodes() if family.tiles and not own else {}
        masks = family.masks and not own
        return Found(
            previews=previews and self._config.previews,
            can_tile=self._graph_tiles() if own else bool(tile),
            tile=tile,
            edits=masks and all(self._server.node_info(name) for name in EDIT_NODES),
            upscales=self._offers(UPSCALE_LOADER, "model_name", self._config.upscale_model),
            adapts=family.adapts and not own and self._adapts(),
        )

    def _tile_nodes(self) -> dict[str, Any]:
        nodes = {name: self._server.node_info(name) for name in (TILE_MODEL, TILE_DECODE)}
        return {name: info for name, info in nodes.items() if info} if nodes[TILE_MODEL] else {}

    def _adapts(self) -> bool:
        preset = self._config.ip_adapter
        if not self._offers(ADAPTER_LOADER, "preset", preset) or not self._server.node_info(
            ADAPTER
        ):
            return False
        # The nodes are of no use without files, and say so only when they run.
        return all(
            choices(self._server.node_info(loader), name)
            for loader, name in (
                ("IPAdapterModelLoader", "ipadapter_file"),
                ("CLIPVisionLoader", "clip_name"),
            )
        )

    def _offers(self, loader: str, name: str, wanted: str) -> bool:
        return bool(wanted) and wanted in (choices(self._server.node_info(loader), name) or ())

    def _graph_tiles(self) -> bool:
        workflow = self._config.workflow
        return workflow is not None and "tile" in workflow.placeholders
