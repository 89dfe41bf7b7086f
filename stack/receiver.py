"""A callback receiver, as small as a caller's could be; ``limner demo`` shows what it receives.

It verifies signatures by the Standard Webhooks text, not with the code that signs.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import queue
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Union

Headers = Union[Mapping[str, str], "Message[str, str]"]  # quoted: not a generic at run time

#: the words for the status codes of the wire
WORDS = {-2: "waiting", -1: "submitted", 0: "drawing", 1: "done", 2: "failed"}
#: a callback signed longer ago than this is a replay
AGE_MAX_S = 300


@dataclass(frozen=True, slots=True)
class ReceivedCallback:
    """One received callback."""

    signed: bool
    #: the job as on the wire; empty if the body was not a JSON object
    job: Mapping[str, Any]


class Receiver:
    """Listens on a loopback port of its own; puts what it receives into ``told``."""

    def __init__(self, secret: str) -> None:
        self.told: queue.Queue[ReceivedCallback] = queue.Queue()
        receiver = self

        class ReceiverHandler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                signed = is_signed(secret, self.headers, body, time.time())
                self.send_response(204 if signed else 401)
                self.end_headers()
                receiver.told.put(ReceivedCallback(signed, _object(body)))

            def log_message(self, format: str, *args: object) -> None:
                """Log nothing: the demo shows what arrives."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), ReceiverHandler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/callbacks"
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
