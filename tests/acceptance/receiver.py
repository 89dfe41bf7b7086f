"""A callback receiver on loopback that keeps everything it is told, in order."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.standins.loopback import KeepsErrors


@dataclass
class Receiver:
    """Answers ``status``; ``bodies`` are per job, ``ids`` the webhook-ids beside them."""

    bodies: dict[str, list[dict]] = field(default_factory=lambda: defaultdict(list))
    ids: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    lock: threading.Lock = field(default_factory=threading.Lock)
    status: int = 204

    def __enter__(self) -> Receiver:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                data = self.rfile.read(length)
                if len(data) < length:
                    # A poster was killed: that is what we test.
                    self.close_connection = True
                    return
                body = json.loads(data)
                with receiver.lock:
                    receiver.bodies[body["id"]].append(body)
                    receiver.ids[body["id"]].append(self.headers["webhook-id"])
                receiver.heard(body)
                self.send_response(receiver.status)
                if receiver.status != 204:
                    self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        class Server(KeepsErrors, ThreadingHTTPServer):
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._server.raise_error()

    def heard(self, body: dict) -> None:
        """Do what a receiver does before it answers: nothing."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    def told(self, job_id: str) -> list[dict]:
        """The job's events in the order in which they came, without repeated deliveries."""
        with self.lock:
            seen: set[str] = set()
            events = []
            for identity, body in zip(self.ids[job_id], self.bodies[job_id], strict=True):
                if identity not in seen:
                    seen.add(identity)
                    events.append(body)
            return events

    def ended(self, job_id: str) -> bool:
        return any(body["status"] in (1, 2) for body in self.told(job_id))
