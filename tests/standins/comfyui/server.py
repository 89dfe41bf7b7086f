"""The stand-in itself: routes, queue, history, sockets and the one worker; see the package."""

from __future__ import annotations

import dataclasses
import heapq
import socket
import threading
import uuid
from typing import Any

from tests.standins.comfyui.models import MODEL_NODES, SANA_NODES
from tests.standins.comfyui.nodes import ADAPTER_NODES, NODES, TILE_NODES, Node, faults, unknown
from tests.standins.comfyui.run import Run
from tests.standins.comfyui.wire import Socket
from tests.standins.loopback import Answer, Asked, Dropped, Loopback, _handler, _Server, as_json

#: nodes of the newer kind describe their choices otherwise
NEWER_KIND = ("UpscaleModelLoader", "FluxKontextMultiReferenceLatentMethod")


class Comfy(Loopback):
    """One server. ``seconds`` a drawing takes, ``steps`` of each sampler."""

    def __init__(
        self,
        port: int = 0,
        faults: tuple[str, ...] = (),
        *,
        seconds: float = 0.2,
        steps: int = 3,
        tile: bool = False,
        adapter: bool = False,
        sana: bool = False,
        version: str = "0.10.0",
    ) -> None:
        super().__init__(port, faults)
        self.seconds, self.steps = seconds, steps
        self.version = version
        packs = (TILE_NODES if tile else {}) | (ADAPTER_NODES if adapter else {})
        self.nodes: dict[str, Node] = NODES | MODEL_NODES | packs | (SANA_NODES if sana else {})
        #: every prompt accepted, by id
        self.prompts: dict[str, dict[str, Any]] = {}
        #: how many pictures the samplers of a prompt drew, by its id
        self.ledger: dict[str, int] = {}
        self.interrupts: list[Any] = []
        self.uploads: dict[str, bytes] = {}
        self.socket_headers: dict[str, str] = {}
        self.freed = self.connects = self.overlaps = 0
        self.state = threading.Condition()
        self._sockets: dict[str, Socket] = {}
        self._open: dict[str, int] = {}
        self._number = 0
        self.forget()

    def start(self) -> None:
        self.closing.clear()
        self._server = _ComfyServer(("127.0.0.1", self._port), self)
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self._worker = threading.Thread(target=self._work)
        self._worker.start()

    def stop(self) -> None:
        with self.state:
            self.closing.set()
            self.state.notify_all()
        self._worker.join(10)
        super().stop()

    def forget(self) -> None:
        """Forget queue, history and pictures, as a restart does."""
        with self.state:
            self.pending: list[tuple[float, str]] = []
            self.running: str | None = None
            self.history: dict[str, Any] = {}
            self.pictures: dict[str, bytes] = {}
            self._interrupted = False

    def restart(self) -> None:
        """End and come back on the same port, having forgotten everything."""
        self.stop()
        self.forget()
        self.start()

    def interrupt_running(self) -> None:
        """Somebody presses the button on the server's own page."""
        self._interrupted = True

    # -- HTTP ---------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> Answer:
        for fault, status in (("unauthorized", 401), ("unavailable", 503), ("busy", 429)):
            if fault in self.faults:
                return as_json({"error": "secret words of a proxy"}, status)
        if "not-json" in self.faults:
            return Answer(b"<html>", kind="text/html")
        name = f"_{asked.method.lower()}_{asked.path.removeprefix('/api').split('/')[1]}"
        route = getattr(self, name, None)
        with self.state:
            return route(asked) if route else as_json({"error": "not found"}, 404)

    def _get_prompt(self, _asked: Asked) -> Answer:
        left = len(self.pending) + (self.running is not None)
        return as_json({"exec_info": {"queue_remaining": left}})

    def _get_features(self, _asked: Asked) -> Answer:
        if "old" in self.faults:
            return as_json({"error": "not found"}, 404)
        return as_json({"supports_preview_metadata": True, "max_upload_size": 104857600})

    def _get_object_info(self, asked: Asked) -> Answer:
        name = asked.path.rpartition("/")[2]
        if name not in self.nodes:
            return as_json({})
        info = self.nodes[name].info()
        required = info["input"]["required"]
        if name == "CheckpointLoaderSimple" and "no-checkpoint" in self.faults:
            required["ckpt_name"] = [[]]
        elif name in NEWER_KIND:
            for told in (told for told in required.values() if isinstance(told[0], list)):
                told[:] = ["COMBO", {"options": told[0]}]
        return as_json({name: info})

    def _get_system_stats(self, _asked: Asked) -> Answer:
        return as_json({"system": {"comfyui_version": self.version}, "devices": []})

    def forget_file(self, name: str) -> None:
        """Somebody removes a file from the server's folders."""
        for class_type, node in self.nodes.items():
            inputs = {
                key: tuple(choice for choice in kind if choice != name)
                if isinstance(kind, tuple)
                else kind
                for key, kind in node.inputs.items()
            }
            self.nodes[class_type] = dataclasses.replace(node, inputs=inputs)

    def _get_queue(self, _asked: Asked) -> Answer:
        running = [self._entry(0.0, self.running)] if self.running else []
        pending = [self._entry(number, prompt_id) for number, prompt_id in self.pending]
        return as_json({"queue_running": running, "queue_pending": pending})

    def _entry(self, number: float, prompt_id: str) -> list[Any]:
        body = self.prompts[prompt_id]
        entry: list[Any] = [number, prompt_id, body["prompt"], body.get("extra_data", {}), []]
        return [*entry, {"sensitive": 1}] if "six-tuple" in self.faults else entry

    def _get_history(self, asked: Asked) -> Answer:
        prompt_id = asked.path.rpartition("/")[2]
        entry = self.history.get(prompt_id)
        return as_json({prompt_id: entry} if entry else {})

    def _get_view(self, asked: Asked) -> Answer:
        data = self.pictures.get(asked.query["filename"])
        if data is None:
            return as_json({"error": "gone"}, 404)
        if "broken-png" in self.faults:
            data = b"\x89PNG\r\n\x1a\nnot a picture"
        return Answer(
            data[: len(data) // 2] if "half-png" in self.faults else data, kind="image/png"
        )

    def _post_upload(self, asked: Asked) -> Answer:
        head, _, rest = asked.body.partition(b'name="image"; filename="')
        name = rest.partition(b'"')[0].decode()
        data = rest.partition(b"\r\n\r\n")[2].partition(b"\r\n--")[0]
        assert b'"subfolder"' in asked.body, head
        self.uploads[f"limner/{name}"] = data
        return as_json({"name": name, "subfolder": "limner", "type": "input"})

    def _post_free(self, _asked: Asked) -> Answer:
        self.freed += 1
        return Answer()

    def _post_queue(self, asked: Asked) -> Answer:
        gone = asked.json["delete"]
        self.pending = [entry for entry in self.pending if entry[1] not in gone]
        heapq.heapify(self.pending)
        return Answer()

    def _post_interrupt(self, asked: Asked) -> Answer:
        wanted = (asked.json or {}).get("prompt_id")
        self.interrupts.append(wanted)
        if "old" in self.faults or wanted in (None, self.running):
            self._interrupted = self.running is not None
        return Answer()

    def _post_prompt(self, asked: Asked) -> Answer:
        body = asked.json
        error, node_errors = self._check(body["prompt"])
        if error:
            return as_json({"error": error, "node_errors": node_errors}, 400)
        prompt_id = body.get("prompt_id") or str(uuid.uuid4())
        if "old" in self.faults:
            prompt_id = str(uuid.uuid4())
        self._number += 1
        number = float(body.get("number", self._number))
        self.prompts[prompt_id] = body
        if "lost" not in self.faults:
            heapq.heappush(self.pending, (number, prompt_id))
            self.state.notify_all()
        if "dropped-submit" in self.faults:
            raise Dropped
        if "nodes-bad" in self.faults:
            node_errors = _fault("picture-2", "PreviewImage", "required_input_missing", "images")
        return as_json({"prompt_id": prompt_id, "number": number, "node_errors": node_errors})

    def _check(self, graph: dict[str, Any]) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        """What the real server finds wrong with a graph."""
        lacking = unknown(graph, self.nodes)
        if lacking is not None:
            details = f"Node ID '#{lacking}'"
            return {"type": "invalid_prompt", "message": "secret", "details": details}, {}
        for node_id, bad in faults(graph, self.nodes, self.uploads.__contains__):
            error = {"type": "prompt_outputs_failed_validation", "message": "secret"}
            return error, _fault(node_id, graph[node_id]["class_type"], *bad)
        return None, {}

    # -- the socket ---------------------------------------------------------------------------

    def joined(self, client_id: str, connection: Socket) -> None:
        with self.state:
            self.connects += 1
            self._open[client_id] = self._open.get(client_id, 0) + 1
            self.overlaps += self._open[client_id] > 1
            self._sockets[client_id] = connection
        left = len(self.pending) + (self.running is not None)
        status = {"status": {"exec_info": {"queue_remaining": left}}, "sid": client_id}
        connection.send({"type": "status", "data": status})

    def left(self, client_id: str) -> None:
        """The real server's bug: whoever leaves, the id is forgotten, a newer socket's as well."""
        with self.state:
            self._open[client_id] -= 1
            self._sockets.pop(client_id, None)

    def cut_sockets(self) -> None:
        """The connections break, as with a restarted proxy."""
        for connection in list(self._sockets.values()):
            connection.cut()

    def silence(self) -> None:
        """Every open socket is forgotten, and stays open."""
        with self.state:
            self._sockets.clear()

    def tell(self, client_id: str | None, message: dict[str, Any] | bytes) -> None:
        with self.state:
            everyone = list(self._sockets.values())
            one = self._sockets.get(client_id or "")
        if "silent" not in self.faults:
            # Without a client id it goes to everyone.
            for connection in everyone if client_id is None else [one] if one else []:
                connection.send(message)

    # -- the worker ---------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            with self.state:
                self.state.wait_for(lambda: self.pending or self.closing.is_set())
                if self.closing.is_set():
                    return
                _, prompt_id = heapq.heappop(self.pending)
                self.running, self._interrupted = prompt_id, False
            body = self.prompts[prompt_id]
            run = Run(self, prompt_id, body["prompt"], body.get("client_id"))
            entry = run.draw()
            if "slow-history" in self.faults:
                with self.state:
                    self.running = None
                self.pause(0.5)
            with self.state:
                if self.running == prompt_id or "slow-history" in self.faults:
                    self.running = None
                    if entry:
                        self.history[prompt_id] = entry
            run.tell("executing", node=None)

    @property
    def is_interrupted(self) -> bool:
        return self._interrupted


class _ComfyServer(_Server):
    """HTTP and websocket behind one port: the first bytes of a connection say which it is."""

    def __init__(self, address: tuple[str, int], owner: Comfy) -> None:
        self._owner = owner
        super().__init__(address, _handler(owner))

    def finish_request(self, request: Any, client_address: Any) -> None:
        if not request.recv(7, socket.MSG_PEEK).startswith(b"GET /ws"):
            super().finish_request(request, client_address)
        elif "no-socket" not in self._owner.faults:
            Socket(request, self._owner).serve()


def _fault(node_id: str, class_type: str, kind: str, name: str) -> dict[str, Any]:
    errors = [{"type": kind, "message": "secret", "extra_info": {"input_name": name}}]
    return {node_id: {"errors": errors, "dependent_outputs": [], "class_type": class_type}}
