"""What becomes of traces in tests: spans kept in memory, and a collector that takes them by OTLP over HTTP."""

from __future__ import annotations

import gzip
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from limner import tracing
from stack import otel
from tests.standins.loopback import KeepsErrors

#: as W3C's own examples have it
CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TRACE_ID, CALLERS_SPAN = CALLER.split("-")[1:3]


class Spans:
    """The spans of this process that have ended."""

    def __init__(self) -> None:
        self._kept = InMemorySpanExporter()
        self.provider = otel.provider_of("test")
        self.provider.add_span_processor(SimpleSpanProcessor(self._kept))

    @property
    def ended(self) -> tuple[ReadableSpan, ...]:
        return self._kept.get_finished_spans()

    @property
    def names(self) -> list[str]:
        return [span.name for span in self.ended]

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.ended if span.name == name]

    def one(self, name: str) -> ReadableSpan:
        (span,) = self.named(name)
        return span

    def forget(self) -> None:
        self._kept.clear()


@contextmanager
def kept() -> Iterator[Spans]:
    """Keep this process's spans while the block runs."""
    spans = Spans()
    tracing.install(otel.OtelTracer(spans.provider))
    try:
        yield spans
    finally:
        tracing.install(None)
        spans.provider.shutdown()


def id_of(span: ReadableSpan) -> str:
    """A span's id as headers have it."""
    return f"{span.context.span_id:016x}"


def trace_of(span: ReadableSpan) -> str:
    return f"{span.context.trace_id:032x}"


def parent_of(span: ReadableSpan) -> str | None:
    return f"{span.parent.span_id:016x}" if span.parent else None


def links_of(span: ReadableSpan) -> list[str]:
    return [f"{link.context.span_id:016x}" for link in span.links]


class Collector:
    """A collector on loopback; ``with Collector() as collector: collector.url``."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        #: answered to each export
        self.status = 200
        #: while it is not set, nothing is answered
        self.awake = threading.Event()
        self.awake.set()
        self.asked = threading.Event()
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.asked.set()
                collector.awake.wait()
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                assert self.headers["Content-Type"] == "application/x-protobuf"
                if self.path == "/v1/traces" and collector.status == 200:
                    collector.bodies.append(body)
                self.send_response(collector.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        class Server(KeepsErrors, http.server.ThreadingHTTPServer):
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Collector:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.awake.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._server.raise_error()

    def spans(self) -> list[tuple[dict[str, Any], Any]]:
        """Every span that came, with the attributes of the process it came from."""
        return [
            (attributes(sent.resource), span)
            for body in list(self.bodies)
            for sent in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in sent.scope_spans
            for span in scope.spans
        ]


def attributes(of: Any) -> dict[str, Any]:
    """The attributes of a decoded span or resource."""
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in of.attributes}
