"""ComfyUI's HTTP routes, each as one method; called by ``engine`` and ``flights``.

Source: ComfyUI's server.py (0.3.64 was run). Every route responds at once; nothing here waits for a
drawing. Failures are raised as ``limner.errors``.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from engines.comfyui import faults
from engines.comfyui.workflow import Graph
from engines.remote.session import PICTURE_MAX_BYTES, Answered, Remote
from limner.errors import BadResult, EngineError, Refused, Rejected

#: a health check has 3 s in all
HEALTH_CONNECT_S, HEALTH_READ_S = 0.6, 2.0
UPLOAD_FOLDER = "limner"
ID_MAX = 200


@dataclass(frozen=True, slots=True)
class Queue:
    """The ids in the server's queue, those waiting in the order they will run."""

    running: tuple[str, ...]
    pending: tuple[str, ...]


class ComfyServer:
    """One ComfyUI server."""

    def __init__(self, base_url: str, headers: Mapping[str, str]) -> None:
        self._remote = Remote(base_url, headers=headers)
        self._quick = Remote(
            base_url, headers=headers, connect_s=HEALTH_CONNECT_S, read_s=HEALTH_READ_S
        )
        self.peer = self._remote.peer

    def submit(
        self, graph: Graph, prompt_id: str, client_id: str, model: str | None = None, **more: Any
    ) -> str:
        """Queue a graph and return its id: ours, or the server's own if it is too old for ours.

        ``model``: the one that the caller chose, if any: if the server lacks it, only this job suffers.

        Raises:
            Refused, Rejected: the graph cannot run; no part of it will.
        """
        body = {"prompt": graph, "prompt_id": prompt_id, "client_id": client_id, **more}
        try:
            answer = self._remote.post_json("/prompt", body)
        except Answered as error:
            status = error.answer.status
            if status == 400:
                raise faults.refusal(error.answer.table(), graph, model) from None
            if status in (404, 405):
                raise Refused("setup", f"{self.peer} is no ComfyUI: HTTP {status}") from None
            raise
        if not isinstance(answer, dict) or not isinstance(answer.get("prompt_id"), str):
            raise BadResult("The engine's answer has no prompt_id.")
        given: str = answer["prompt_id"]
        if len(given) > ID_MAX:
            raise BadResult("The engine's prompt_id is too long.")
        if answer.get("node_errors"):
            # The rest of the graph would run and use a slot for too few pictures.
            self.delete(given)
            raise faults.refusal(answer, graph, model)
        return given

    def queue(self) -> Queue:
        """Return the running and the waiting prompts."""
        answer = self._remote.get_json("/queue")
        if not isinstance(answer, dict):
            raise BadResult("The engine's queue cannot be read.")
        pending = sorted(_entries(answer.get("queue_pending")))
        running = _entries(answer.get("queue_running"))
        return Queue(
            tuple(prompt_id for _, prompt_id in running),
            tuple(prompt_id for _, prompt_id in pending),
        )

    def history(self, prompt_id: str) -> dict[str, Any] | None:
        """Return the record of a finished prompt; None if it has not finished, or is unknown."""
        answer = self._remote.get_json(f"/history/{quote(prompt_id, safe='')}")
        entry = answer.get(prompt_id) if isinstance(answer, dict) else None
        return entry if isinstance(entry, dict) else None

    def delete(self, prompt_id: str) -> None:
        """Remove a waiting prompt from the queue; it leaves no trace."""
        self._remote.request("POST", "/queue", json={"delete": [prompt_id]})

    def interrupt(self, prompt_id: str) -> None:
        """Interrupt a prompt that ``queue`` has just reported as running.

        Never without the id: an empty body stops whichever drawing runs. Old servers ignore the id, which is
        why the caller checks first.
        """
        self._remote.request("POST", "/interrupt", json={"prompt_id": prompt_id})

    def free(self) -> None:
        """Ask the server to unload its models."""
        self._remote.request("POST", "/free", json={"unload_models": True, "free_memory": True})

    def view(self, picture: Mapping[str, Any]) -> bytes:
        """Return the bytes of a picture that a history record names."""
        fields = {k: str(picture.get(k) or "") for k in ("filename", "subfolder", "type")}
        try:
            return self._remote.get_bytes("/view", params=fields, most_bytes=PICTURE_MAX_BYTES)
        except Answered:
            raise BadResult("The engine's picture is gone.") from None

    def upload(self, name: str, picture: bytes) -> str:
        """Upload a reference and return its name for ``LoadImage``.

        The server reuses a file with the same name and bytes, and renames one whose name is taken.
        """
        try:
            answer = self._remote.request(
                "POST",
                "/upload/image",
                files={"image": (name, io.BytesIO(picture), "image/png")},
                data={"type": "input", "subfolder": UPLOAD_FOLDER},
            ).json()
        except Answered as error:
            if error.answer.status in (400, 413, 415, 422):
                raise Rejected("reference", "The engine takes no such reference image.") from None
            raise
        if not isinstance(answer, dict) or not isinstance(answer.get("name"), str):
            raise BadResult("The engine did not say how it stored the reference.")
        folder = answer.get("subfolder")
        return f"{folder}/{answer['name']}" if folder else str(answer["name"])

    def node_info(self, class_type: str) -> dict[str, Any] | None:
        """Return the server's description of a node class; None if it has no such node."""
        answer = self._quick.get_json(f"/object_info/{quote(class_type, safe='')}")
        info = answer.get(class_type) if isinstance(answer, dict) else None
        return info if isinstance(info, dict) else None

    def version(self) -> str:
        """Return the server's release, or "" if it does not say."""
        answer = self._quick.get_json("/system_stats")
        system = answer.get("system") if isinstance(answer, dict) else None
        version = system.get("comfyui_version") if isinstance(system, dict) else None
        return version[:40] if isinstance(version, str) else ""

    def features(self) -> dict[str, Any]:
        """Return the server's feature flags; empty if it is too old to have any."""
        try:
            answer = self._quick.get_json("/features")
        except EngineError as error:
            if isinstance(error, Answered):
                return {}
            raise
        return answer if isinstance(answer, dict) else {}

    def waiting(self) -> int:
        """Return how many prompts the server has; the cheapest check that it is alive."""
        answer = self._quick.get_json("/prompt")
        try:
            return int(answer["exec_info"]["queue_remaining"])
        except (KeyError, TypeError, ValueError, OverflowError):
            raise Refused("setup", f"{self.peer} does not answer like a ComfyUI") from None

    def close(self) -> None:
        """Close the connections."""
        self._remote.close()
        self._quick.close()


def _entries(listed: Any) -> list[tuple[float, str]]:
    """Return (number, id) of queue entries, by index: newer servers append a sixth item."""
    entries = []
    for entry in listed if isinstance(listed, list) else ():
        if isinstance(entry, list) and len(entry) >= 2 and isinstance(entry[1], str):
            number = entry[0] if isinstance(entry[0], int | float) else math.inf
            entries.append((number, entry[1]))
    return entries
