"""OpenTelemetry behind the seam of ``limner.tracing``: the only module that imports it, used by ``stack.traces``.

Spans go by OTLP over HTTP, as protobuf, from a thread that takes them from a bounded queue: who makes them never
waits, and what does not fit is dropped. Names of attributes follow the semantic conventions for messaging
and for generative models where these have one.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
)

from limner.errors import RequestError, StaleLease
from limner.log import event
from limner.settings import Settings
from limner.tracing import Carried, Fact, JobTrace, Kind, Span

log = logging.getLogger(__name__)

#: most characters of an attribute's text
TEXT_MOST = 256
#: what a fact is called as an attribute; others are ``limner.<fact>``
NAMES = {
    "job": "messaging.message.id",
    "lane": "messaging.destination.name",
    "status": "http.response.status_code",
    "cells": "gen_ai.request.choice.count",
    "model": "gen_ai.request.model",
}
#: attributes of every span of that name
ALWAYS: Mapping[str, Mapping[str, str]] = {
    "accept": {
        "messaging.system": "redis",
        "messaging.operation.name": "accept",
        "messaging.operation.type": "send",
    },
    "draw": {
        "messaging.system": "redis",
        "messaging.operation.name": "draw",
        "messaging.operation.type": "process",
        "gen_ai.operation.name": "generate_content",
        "gen_ai.output.type": "image",
    },
    "callback": {"http.request.method": "POST"},
}
KINDS = {
    "internal": SpanKind.INTERNAL,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
    "client": SpanKind.CLIENT,
}
#: not failures of ours: the caller's fault, and nobody's
BLAMELESS = (RequestError, StaleLease)


def sending(settings: Settings, part: str) -> tuple[OtelTracer, Callable[[], None]]:
    """Return the tracer of a process whose spans are sent, and what ends that; it may block."""
    # None: as the standard variables say.
    address = f"{settings.otlp_url}/v1/traces" if settings.otlp_url else None
    provider = provider_of(part)
    exporter = WordyExporter(OTLPSpanExporter(endpoint=address))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    event(log, "traces.started", process=part)
    return OtelTracer(provider), provider.shutdown


def provider_of(part: str) -> TracerProvider:
    """Return a provider for this process that sends nothing yet; ``part``: what the process is."""
    about = {
        "service.namespace": "limner",
        "service.instance.id": f"{socket.gethostname()}-{os.getpid()}",
        "limner.process": part,
    }
    resource = Resource.create(about)
    # How the SDK names a service if no variable does.
    if str(resource.attributes["service.name"]).startswith("unknown_service"):
        resource = resource.merge(Resource({"service.name": "limner"}))
    limits = SpanLimits(max_span_attribute_length=TEXT_MOST)
    # At exit it would wait for a collector that may not answer.
    return TracerProvider(resource=resource, span_limits=limits, shutdown_on_exit=False)


class OtelTracer:
    """Makes spans with a provider of the SDK's."""

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("limner")

    @contextlib.contextmanager
    def span(
        self,
        name: str,
        kind: Kind,
        facts: Mapping[str, Fact],
        under: Carried | None = None,
        linked: Carried | None = None,
    ) -> Iterator[Span]:
        """Yield a span below ``under``; None: it begins a trace."""
        with self._made(name, kind, facts, _context(under), _links(linked)) as span:
            yield span

    def step(
        self, name: str, kind: Kind, facts: Mapping[str, Fact]
    ) -> contextlib.AbstractContextManager[Span] | None:
        """Return the block of a span below the current one; None if there is none."""
        return self._made(name, kind, facts, None, ()) if self.here() else None

    def past(
        self, name: str, facts: Mapping[str, Fact], trace: JobTrace, from_ns: int, to_ns: int | None
    ) -> None:
        """Tell of a span that is over."""
        span = self._tracer.start_span(
            name,
            context=_context(trace.accepted),
            attributes=_attributes(name, facts),
            links=_links(trace.caller),
            start_time=from_ns,
        )
        # The times may be of two clocks.
        span.end(max(from_ns, time.time_ns() if to_ns is None else to_ns))

    def here(self) -> Carried | None:
        """Return the current span."""
        return _carried(trace.get_current_span().get_span_context())

    @contextlib.contextmanager
    def _made(
        self,
        name: str,
        kind: Kind,
        facts: Mapping[str, Fact],
        under: contexts.Context | None,
        links: Sequence[trace.Link],
    ) -> Iterator[Span]:
        with self._tracer.start_as_current_span(
            name,
            context=under,
            kind=KINDS[kind],
            attributes=_attributes(name, facts),
            links=links,
            # Its message may contain what a prompt or a server said.
            record_exception=False,
            set_status_on_exception=False,
        ) as made:
            span = _Span(name, made)
            try:
                yield span
            except BaseException as error:
                span.raised(error)
                raise


class _Span:
    """One span that goes on."""

    def __init__(self, name: str, span: trace.Span) -> None:
        self._name = name
        self._span = span

    @property
    def carried(self) -> Carried | None:
        """What others are told of it."""
        return _carried(self._span.get_span_context())

    def note(self, **facts: Fact) -> None:
        """Add facts."""
        self._span.set_attributes(_attributes("", facts))

    def broke(self, kind: str) -> None:
        """Mark it as failed."""
        self._span.set_attribute("error.type", kind)
        self._span.set_status(Status(StatusCode.ERROR))

    def raised(self, error: BaseException) -> None:
        """Mark it as ended by an exception."""
        name = type(error).__name__
        if isinstance(error, BLAMELESS):
            self._span.set_attribute("error.type", name)
        else:
            self.broke(name)


class WordyExporter(SpanExporter):
    """An exporter that tells operators once when its collector does not take spans, and when it does again."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._lost = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans."""
        result = self._exporter.export(spans)
        if result is not SpanExportResult.SUCCESS:
            if not self._lost:
                event(log, "traces.lost", level=logging.WARNING, spans=len(spans))
            self._lost += len(spans)
        elif self._lost:
            event(log, "traces.resumed", lost=self._lost)
            self._lost = 0
        return result

    def shutdown(self) -> None:
        """Close its connections."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send what it holds."""
        return self._exporter.force_flush(timeout_millis)


def _attributes(span: str, facts: Mapping[str, Fact]) -> dict[str, Fact]:
    attributes: dict[str, Fact] = dict(ALWAYS.get(span, ()))
    for name, fact in facts.items():
        if name == "server":
            attributes["server.address"] = _host_of(str(fact))
        else:
            attributes[NAMES.get(name, f"limner.{name}")] = fact
    return attributes


def _host_of(url: str) -> str:
    """Return the host of a URL and nothing else of it; "" if it has none."""
    try:
        return urlsplit(url).hostname or ""
    # Engines' servers say where their pictures are.
    except ValueError:
        return ""


def _context(under: Carried | None) -> contexts.Context:
    if under is None:
        # Not the one around, whatever that is.
        return contexts.Context()
    return trace.set_span_in_context(NonRecordingSpan(_remote(under)), contexts.Context())


def _links(linked: Carried | None) -> Sequence[trace.Link]:
    return (trace.Link(_remote(linked)),) if linked else ()


def _remote(carried: Carried) -> SpanContext:
    _, trace_id, span_id, flags = carried.traceparent.split("-")
    state = TraceState.from_header([carried.tracestate]) if carried.tracestate else None
    return SpanContext(int(trace_id, 16), int(span_id, 16), True, TraceFlags(int(flags, 16)), state)


def _carried(found: SpanContext) -> Carried | None:
    if not found.is_valid:
        return None
    parent = f"00-{found.trace_id:032x}-{found.span_id:016x}-{found.trace_flags:02x}"
    return Carried(parent, found.trace_state.to_header())
