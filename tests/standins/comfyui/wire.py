"""One client's websocket, over websockets' protocol without its threads; called by ``server``."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from websockets.exceptions import InvalidState
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

if TYPE_CHECKING:
    from tests.standins.comfyui.server import Comfy


class Socket:
    """One client's websocket, over websockets' protocol without its threads."""

    def __init__(self, connection: socket.socket, server: Comfy) -> None:
        self._connection, self._server = connection, server
        self._protocol = ServerProtocol(max_size=None)
        self._lock = threading.Lock()
        self.client_id = ""

    def serve(self) -> None:
        try:
            while data := self._connection.recv(65536):
                with self._lock:
                    self._protocol.receive_data(data)
                    events = self._protocol.events_received()
                for happened in events:
                    self._handle(happened)
                self._flush()
        except OSError:
            pass
        finally:
            if self.client_id:
                self._server.left(self.client_id)

    def _handle(self, happened: Any) -> None:
        if isinstance(happened, Request):
            with self._lock:
                self._protocol.send_response(self._protocol.accept(happened))
            self.client_id = parse_qs(urlsplit(happened.path).query)["clientId"][0]
            self._server.socket_headers = dict(happened.headers.raw_items())
            # Counted before its answer is sent: who has that may look at once.
            self._server.joined(self.client_id, self)
        elif isinstance(happened, Frame) and happened.opcode is Opcode.TEXT:
            flags = {"supports_preview_metadata": True}
            self.send({"type": "feature_flags", "data": flags})

    def send(self, message: dict[str, Any] | bytes) -> None:
        with contextlib.suppress(OSError, InvalidState), self._lock:
            if isinstance(message, bytes):
                self._protocol.send_binary(message)
            else:
                self._protocol.send_text(json.dumps(message).encode())
            self._write()

    def cut(self) -> None:
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def _flush(self) -> None:
        with self._lock:
            self._write()

    def _write(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._connection.sendall(data)
            else:
                self._connection.shutdown(socket.SHUT_WR)
