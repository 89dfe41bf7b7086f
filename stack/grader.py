"""A callback receiver that grades what it gets: signature, order, gaps, the end, duplicates.

One file, standard library only, so anybody can run it against any deployment::

    python grader.py --secret whsec_… [--port 9009] [--json FILE]
    limner verify --secret whsec_…

POST callbacks to ``/`` (or ``/flaky``, ``/slow``, ``/hang``, ``/dead``, which behave as named);
``GET /`` shows the marks so far. It ends at Ctrl-C, or after ``--seconds``, with exit code 1 if a rule
was broken: if something came that "The promise" in docs/callbacks.md rules out.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import http.server
import json
import random
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

TOLERANCE_S = 300
EXAMPLES_KEPT = 20
SLOW_S, HANG_S = 1.5, 60.0
#: the largest body that is promised; whoever sends more is not Limner
BODY_MAX_BYTES = 64 * 1024
READ_S = 30.0
#: status codes of a job that has ended
ENDED = (1, 2)


@dataclass
class Seen:
    """What the grader has received about one job."""

    #: seq → (webhook-id, SHA-256 of the body)
    events: dict[int, tuple[str, str]] = field(default_factory=dict)
    highest: int = 0
    ended_at: int | None = None
    #: the epoch of the newest event, "" if its webhook-id has none
    epoch: str = ""
    #: seqs skipped where a new epoch began: not a gap, they belong to no event
    skipped: int = 0
    #: the highest seq that was answered with 2xx
    acknowledged: int = 0


class Grader:
    """Collects the marks. Safe to share between threads."""

    def __init__(self, secrets: Sequence[str], now: Any = time.time) -> None:
        self._keys = [key_of(secret) for secret in secrets]
        self._now = now
        self._lock = threading.Lock()
        self._jobs: dict[str, Seen] = {}
        self._counts = dict.fromkeys(
            (
                *("callbacks", "events", "duplicates", "late_duplicates", "replays", "tests"),
                "told_anew",
            ),
            0,
        )
        self._broken: dict[str, list[str]] = {
            rule: [] for rule in ("signature", "shape", "order", "after_end", "duplicate_differs")
        }
        self._broken_counts = dict.fromkeys(self._broken, 0)

    def grade(self, headers: Mapping[str, str], body: bytes) -> None:
        """Grade one callback; ``headers`` has names in lower case."""
        with self._lock:
            self._counts["callbacks"] += 1
            if not self._signed(headers, body):
                self._break("signature", headers.get("webhook-id", "no webhook-id"))
                return
            try:
                told = json.loads(body)
                if told.get("test") is True:
                    self._counts["tests"] += 1
                    return
                job, seq, status = str(told["id"]), int(told["seq"]), int(told["status"])
            except (ValueError, KeyError, TypeError, AttributeError):
                self._break("shape", body[:100].decode("utf-8", "replace"))
                return
            self._place(headers, body, job, seq, status)

    def acknowledge(self, body: bytes) -> None:
        """Note that this callback was answered with 2xx."""
        with self._lock:
            try:
                told = json.loads(body)
                seen = self._jobs[str(told["id"])]
                seen.acknowledged = max(seen.acknowledged, int(told["seq"]))
            except (ValueError, KeyError, TypeError):
                return

    def marks(self) -> dict[str, Any]:
        """Return the marks so far, as shown."""
        with self._lock:
            gaps = sum(
                seen.highest - len(seen.events) - seen.skipped for seen in self._jobs.values()
            )
            return {
                "passed": not any(self._broken_counts.values()),
                "jobs": len(self._jobs),
                "ended": sum(seen.ended_at is not None for seen in self._jobs.values()),
                **self._counts,
                # Not broken rules: failed progress is replaced under a new seq, and an event that is
                # given up becomes a dead letter.
                "gaps": gaps,
                "broken": dict(self._broken_counts),
                "examples": {rule: kept for rule, kept in self._broken.items() if kept},
            }

    def seen(self) -> dict[str, dict[str, Any]]:
        """Return what was received for each job: its seqs, and whether it ended."""
        with self._lock:
            return {
                job: {
                    "seqs": sorted(seen.events),
                    "ended": seen.ended_at,
                    "acknowledged": seen.acknowledged,
                }
                for job, seen in self._jobs.items()
            }

    def _place(
        self, headers: Mapping[str, str], body: bytes, job: str, seq: int, status: int
    ) -> None:
        seen = self._jobs.setdefault(job, Seen())
        mark = (headers["webhook-id"], hashlib.sha256(body).hexdigest())
        where = f"job {job} seq {seq} (highest {seen.highest})"
        if "x-limner-replay" in headers:
            self._counts["replays"] += 1
            if seen.events.setdefault(seq, mark) != mark:
                self._break("duplicate_differs", where)
            return
        if seq in seen.events:
            self._counts["duplicates"] += 1
            if seen.events[seq] != mark:
                self._break("duplicate_differs", where)
            elif seq < seen.highest:
                # A dispatcher frozen past its lease: promised to be recognisable, not impossible.
                self._counts["late_duplicates"] += 1
            return
        epoch = _epoch(mark[0])
        if seen.events and epoch != seen.epoch and seq > seen.highest:
            # The sender's Redis was restarted, and may have been rolled back to before the end.
            seen.skipped += seq - seen.highest - 1
            self._counts["told_anew"] += seen.ended_at is not None
            seen.ended_at = None
        if seen.ended_at is not None:
            self._break("after_end", where)
        elif seq <= seen.highest:
            self._break("order", where)
        self._counts["events"] += 1
        seen.events[seq] = mark
        seen.highest = max(seen.highest, seq)
        seen.epoch = epoch
        if status in ENDED:
            seen.ended_at = seq

    def _break(self, rule: str, example: str) -> None:
        self._broken_counts[rule] += 1
        if len(self._broken[rule]) < EXAMPLES_KEPT:
            self._broken[rule].append(example)

    def _signed(self, headers: Mapping[str, str], body: bytes) -> bool:
        try:
            message_id, at = headers["webhook-id"], headers["webhook-timestamp"]
            given = [part.encode() for part in headers["webhook-signature"].split()]
            if abs(self._now() - int(at)) > TOLERANCE_S:
                return False
        except (KeyError, ValueError):
            return False
        content = f"{message_id}.{at}.".encode() + body
        for key in self._keys:
            digest = hmac.new(key, content, hashlib.sha256).digest()
            good = b"v1," + base64.b64encode(digest)
            if any(hmac.compare_digest(good, signature) for signature in given):
                return True
        return False


def key_of(secret: str) -> bytes:
    """Return the key that a client's secret is the text of.

    Raises:
        ValueError: it is no such text.
    """
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if not key:
        raise ValueError("must be whsec_ and base64, as `limner clients add` prints it")
    return key


def _epoch(message_id: str) -> str:
    """Return the epoch at the end of a webhook-id: ``msg_<job>_<seq>_<epoch>``."""
    parts = message_id.split("_")
    return parts[3] if len(parts) == 4 else ""


def serve(grader: Grader, host: str, port: int) -> http.server.ThreadingHTTPServer:
    """Return a server that grades; the caller runs and closes it."""

    class GraderHandler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        #: how long a sender that stops halfway can hold its thread
        timeout = READ_S
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            """Grade one callback and respond as the path says."""
            text = (self.headers.get("content-length") or "0").strip()
            if not (text.isascii() and text.isdigit()):
                self._refuse(400)
                return
            # int() of thousands of digits is an error of its own
            length = int(text[:12])
            if length > BODY_MAX_BYTES or len(text) > 12:
                self._refuse(413)
                return
            body = self.rfile.read(length)
            if len(body) < length:
                # The sender died halfway: nothing was delivered.
                self.close_connection = True
                return
            behaviour = self.path.strip("/").partition("/")[0]
            status = 503 if behaviour == "dead" else 204
            grader.grade({name.lower(): text for name, text in self.headers.items()}, body)
            if behaviour == "flaky":
                status = random.choice((204, 204, 204, 500, 503))
            elif behaviour == "slow":
                time.sleep(SLOW_S)
            elif behaviour == "hang" and random.random() < 0.5:
                time.sleep(HANG_S)
            if status == 204:
                grader.acknowledge(body)
            self._answer(status, b"")

        def do_GET(self) -> None:
            """Show the marks; ``/jobs``: what was received for each job."""
            shown = grader.seen() if self.path == "/jobs" else grader.marks()
            self._answer(200, json.dumps(shown, indent=2).encode() + b"\n")

        def _refuse(self, status: int) -> None:
            # The body is not read, so what follows on this connection is not a request.
            self.close_connection = True
            self._answer(status, b"")

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing: the marks say it all."""

    class GraderServer(http.server.ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 256

        def handle_error(self, request: object, client_address: object) -> None:
            """Log nothing: a killed sender is not the receiver's fault."""

    return GraderServer((host, port), GraderHandler)


def main(arguments: Sequence[str] | None = None) -> int:
    """Grade until Ctrl-C or the end of ``--seconds``; print the marks; 1 if a rule was broken."""
    parser = argparse.ArgumentParser(
        prog="limner verify", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--secret", action="append", required=True, help="whsec_…; may be repeated")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9009)
    parser.add_argument("--seconds", type=float, help="stop after this many seconds")
    parser.add_argument("--json", metavar="FILE", help="also write the marks to this file")
    options = parser.parse_args(arguments)
    try:
        grader = Grader(options.secret)
        server = serve(grader, options.host, options.port)
    except ValueError as error:
        return _missed(f"--secret {error}", 2)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        where = f"{options.host}:{options.port}"
        return _missed(f"cannot listen on {where}: {why}; choose another with --port", 1)
    try:
        # Before anything is graded, so that nothing is graded in vain.
        file = open(options.json, "w", encoding="utf-8") if options.json else None  # noqa: SIM115
    except OSError as error:
        server.server_close()
        return _missed(f"cannot write {options.json}: {error.strerror}", 1)
    ended = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: ended.set())
    threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
    sys.stderr.write(f"grading on http://{options.host}:{server.server_port}/\n")
    ended.wait(options.seconds)
    server.shutdown()
    marks = grader.marks()
    text = json.dumps(marks, indent=2)
    sys.stdout.write(text + "\n")
    if file:
        with file:
            file.write(text + "\n")
    return 0 if marks["passed"] else 1


def _missed(why: str, code: int) -> int:
    sys.stderr.write(f"limner: {why}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
