"""One prompt being drawn, telling what a real server tells, in its order; called by ``server``."""

from __future__ import annotations

import io
import json
import struct
import time
import uuid
from typing import TYPE_CHECKING, Any

from PIL import Image, PngImagePlugin

from tests.standins.comfyui.nodes import OUTPUTS
from tests.standins.comfyui.paint import Painter
from tests.standins.loopback import picture

if TYPE_CHECKING:
    from tests.standins.comfyui.server import Comfy

FAILURES = {
    "oom": ("KSampler", "torch.OutOfMemoryError"),
    "crash": ("VAEDecode", "RuntimeError"),
    "LoadImage": ("LoadImage", "OSError"),
}


class Run:
    """One prompt being drawn, in the order of events of the real server."""

    def __init__(
        self, server: Comfy, prompt_id: str, graph: dict[str, Any], client: str | None
    ) -> None:
        self._server, self._id, self._graph, self._client = server, prompt_id, graph, client
        self._messages: list[Any] = []
        self._outputs: dict[str, Any] = {}
        self._states: dict[str, Any] = {}
        self._painter = Painter(graph, server.uploads)

    def tell(self, kind: str, **data: Any) -> None:
        data["prompt_id"] = self._id
        if kind.startswith("execution_"):
            self._messages.append([kind, data])
        self._server.tell(self._client, {"type": kind, "data": data})

    def draw(self) -> dict[str, Any] | None:
        self.tell("execution_start", timestamp=int(time.time() * 1000))
        self.tell("execution_cached", nodes=[])
        samplers, upscalers = self._nodes("KSampler"), self._nodes("ImageUpscaleWithModel")
        steps = upscalers + samplers[:1] + samplers[:0:-1]
        # Seen for real: 0, 3, 2, 1.
        for step in steps:
            if not self._sample(step, self._server.seconds / len(steps)):
                return self._entry("error")
            for node_id in self._after(step) if step in samplers or not samplers else ():
                self.tell("executing", node=node_id, display_node=node_id)
                if self._graph[node_id]["class_type"] in OUTPUTS:
                    output = {"images": self._saved(node_id)}
                    self._outputs[node_id] = output
                    self.tell("executed", node=node_id, display_node=node_id, output=output)
        self._server.ledger[self._id] = len(self._painter.drawn)
        self._server.drawn += self._painter.drawn
        self.tell("execution_success", timestamp=int(time.time() * 1000))
        return self._entry("success")

    def _nodes(self, class_type: str) -> list[str]:
        return [n for n, node in self._graph.items() if node["class_type"] == class_type]

    def _sample(self, sampler: str, seconds: float) -> bool:
        server = self._server
        self.tell("executing", node=sampler, display_node=sampler)
        for step in range(1, server.steps + 1):
            if not server.pause(seconds / server.steps):
                return False
            for fault, (node_type, exception_type) in FAILURES.items():
                broken = node_type == fault and self._has_broken_reference()
                if fault in server.faults or broken:
                    secret = f"secret path and prompt: {self._graph}"
                    self.tell(
                        "execution_error",
                        node_id=sampler,
                        node_type=node_type,
                        exception_type=exception_type,
                        exception_message=secret,
                        traceback=[secret],
                    )
                    return False
            if server.is_interrupted:
                self.tell("execution_interrupted", node_id=sampler, node_type="KSampler")
                return False
            value = {"value": step, "max": server.steps, "node_id": sampler}
            self._states[sampler] = value | {"state": "running", "prompt_id": self._id}
            self.tell("progress_state", nodes=self._states)
            if self._graph[sampler]["class_type"] == "KSampler":
                self._preview(sampler, step)
            self.tell("progress", value=step, max=server.steps, node=sampler)
        return True

    def _preview(self, sampler: str, step: int) -> None:
        image = picture(64, 64, f"{self._id}{step}", "JPEG")
        ids = {"node_id": sampler, "prompt_id": self._id, "display_node_id": sampler}
        head = json.dumps(ids | {"image_type": "image/jpeg"}).encode()
        frame = struct.pack(">II", 4, len(head)) + head + image
        self._server.tell(self._client, frame)
        if "intruder" in self._server.faults:
            theirs = picture(64, 64, "somebody else's", "JPEG")
            self._server.tell(None, struct.pack(">II", 1, 1) + theirs)
            bare = {"value": step, "max": 99, "node": sampler, "prompt_id": "somebody else's"}
            self._server.tell(None, {"type": "progress", "data": bare})
            foreign = struct.pack(">II", 4, len(head)) + head.replace(
                self._id.encode(), b"0" * len(self._id)
            )
            self._server.tell(None, foreign + theirs)

    def _has_broken_reference(self) -> bool:
        names = [n["inputs"].get("image") for n in self._graph.values()]
        broken = [name for name in names if isinstance(name, str)]
        return any(self._server.uploads.get(name) == b"broken" for name in broken)

    def _after(self, node_id: str) -> list[str]:
        """The nodes behind a sampler, in order."""
        found: list[str] = []
        for other, node in self._graph.items():
            if any(isinstance(v, list) and v[0] == node_id for v in node["inputs"].values()):
                found += [other, *self._after(other)]
        return found

    def _saved(self, output: str) -> list[dict[str, str]]:
        images = []
        for image in self._painter.pictures(output):
            name = f"temp_{uuid.uuid4().hex}.png"
            self._server.pictures[name] = _with_graph(image, json.dumps(self._graph))
            images.append({"filename": name, "subfolder": "", "type": "temp"})
        return images

    def _entry(self, status: str) -> dict[str, Any] | None:
        if self._server.closing.is_set():
            return None
        told = {"status_str": status, "completed": status == "success", "messages": self._messages}
        return {"prompt": [1, self._id], "outputs": self._outputs, "status": told, "meta": {}}


def _with_graph(image: Image.Image, graph: str) -> bytes:
    """A picture with its graph in a text chunk, as the real server writes it."""
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("prompt", graph)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", pnginfo=chunks, compress_level=1)
    return buffer.getvalue()
