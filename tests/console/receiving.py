"""A callback receiver on loopback that answers what it is told to answer."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.standins.loopback import KeepsErrors


@dataclass
class Receiver:
    """Answers ``answers`` one after the other, status and body, then 204; ``told`` are the bodies that came."""

    answers: list[tuple[int, str]] = field(default_factory=list)
    told: list[dict] = field(default_factory=list)

    def __enter__(self) -> Receiver:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.told.append(
                    json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                )
                status, text = receiver.answers.pop(0) if receiver.answers else (204, "")
                data = text.encode()
                self.send_response(status)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        class Server(KeepsErrors, ThreadingHTTPServer):
            pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server.raise_error()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}/hook"
