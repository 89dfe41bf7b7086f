"""A callback receiver, as small as a caller's could be; ``limner demo`` and ``limner listen`` show what it receives.

It verifies signatures by the Standard Webhooks text, not with the code that signs.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import queue
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Union

from limner.settings.listening import reached_at

Headers = Union[Mapping[str, str], "Message[str, str]"]  # quoted: not a generic at run time

#: the words for the status codes of the wire
WORDS = {-2: "waiting", -1: "submitted", 0: "drawing", 1: "done", 2: "failed"}
#: a callback signed longer ago than this is a replay
AGE_MAX_S = 300
#: the largest body that is promised; whoever sends more is not Limner
BODY_MAX_BYTES = 64 * 1024
#: how long a sender that stops halfway can hold its thread
READ_S = 30.0
#: callbacks that wait to be shown; beyond that, they are asked to come again
WAITING_MOST = 1000


@dataclass(frozen=True, slots=True)
class ReceivedCallback:
    """One received callback."""

    signed: bool
    #: the job as on the wire; empty if the body was not a JSON object
    job: Mapping[str, Any]
    #: its webhook-id; "" if it has none
    id: str = ""


class Receiver:
    """Listens on a port of its own; puts what it receives into ``told``. One of ``secrets`` must have signed it."""

    def __init__(self, secrets: Sequence[str], host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen.

        Raises:
            OSError: the port is taken, or this machine has no such address.
        """
        self.told: queue.Queue[ReceivedCallback] = queue.Queue(WAITING_MOST)
        receiver = self

        class ReceiverHandler(BaseHTTPRequestHandler):
            timeout = READ_S

            def do_POST(self) -> None:
                length = self.headers.get("content-length", "0")
                if not (length.isdecimal() and len(length) < 9 and int(length) <= BODY_MAX_BYTES):
                    self._answer(413)
                    return
                body = self.rfile.read(int(length))
                now_s = time.time()
                signed = any(is_signed(each, self.headers, body, now_s) for each in secrets)
                event_id = self.headers.get("webhook-id", "")
                try:
                    receiver.told.put_nowait(ReceivedCallback(signed, _object(body), event_id))
                except queue.Full:
                    self._answer(503)
                else:
                    self._answer(204 if signed else 401)

            def _answer(self, status: int) -> None:
                self.send_response(status)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Log nothing: the demo shows what arrives."""

        class ReceiverServer(ThreadingHTTPServer):
            daemon_threads = True
            address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

            def handle_error(self, request: object, client_address: object) -> None:
                """Say nothing: a sender that hangs up is not our fault."""

        self._server = ReceiverServer((host, port), ReceiverHandler)
        self.url = f"http://{reached_at(host, self._server.server_port)}/callbacks"
        # Poll often, or closing would take half a second.
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def __enter__(self) -> Receiver:
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def is_signed(secret: str, headers: Headers, body: bytes, now_s: float) -> bool:
    """Return whether ``body`` was signed with ``secret`` recently.

    Source: https://github.com/standard-webhooks/standard-webhooks (symmetric signatures).
    """
    event_id, at = headers.get("webhook-id"), headers.get("webhook-timestamp")
    if not event_id or not at or not at.isdecimal() or abs(now_s - int(at)) > AGE_MAX_S:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{event_id}.{at}.".encode() + body, hashlib.sha256)
    wanted = b"v1," + base64.b64encode(digest)
    given = headers.get("webhook-signature", "").encode().split()
    return any(hmac.compare_digest(wanted, signature) for signature in given)


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
