"""A job's spans, in whichever process it goes on: what hangs below what, what is linked, what is sent along."""

from __future__ import annotations

import logging
import socket
import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.trace import SpanKind, StatusCode

from limner import tracing
from limner.job import Status
from limner.settings import Settings
from limner.store import Store
from limner.tracing import Carried, JobTrace
from stack import traces
from stack.otel import WordyExporter
from tests.callback_doubles import Receiver, a_job, emit
from tests.collector import (
    CALLER,
    CALLERS_SPAN,
    TRACE_ID,
    Collector,
    id_of,
    links_of,
    parent_of,
    trace_of,
)
from tests.conftest import wait_until
from tests.workers.test_drawing import picture_bytes
from workers.posting.dispatcher import Dispatcher

#: the span that accepted the job
ACCEPTED = f"00-{TRACE_ID}-{'a1' * 8}-01"
TRACE = JobTrace(Carried(ACCEPTED, "vendor=abc"), Carried(CALLER, "vendor=abc"))


def accept(workshop, trace: JobTrace | None = TRACE, **request):
    """A job that waits, accepted with a trace."""
    job = workshop.accept(**request)
    if trace:
        workshop.store.redis.hset(f"limner:job:{job.id}", mapping=trace.fields)
    return job


def tree(spans) -> set[tuple[str, str]]:
    """Each span's name with its parent's."""
    names = {id_of(span): span.name for span in spans.ended} | {"a1" * 8: "accept"}
    return {(span.name, names[parent_of(span)]) for span in spans.ended}


def test_a_job_is_drawn_in_spans_below_the_one_that_accepted_it(workshop, spans):
    job = workshop.run(accept(workshop))

    assert job.status is Status.DONE
    assert spans.names == ["wait", "submit", "watch", "draw", "compose", "store"]
    assert tree(spans) == {
        ("wait", "accept"),
        ("draw", "accept"),
        ("submit", "draw"),
        ("watch", "draw"),
        ("compose", "accept"),
        ("store", "accept"),
    }
    assert {trace_of(span) for span in spans.ended} == {TRACE_ID}


def test_what_does_not_hang_in_its_workers_span_is_linked_to_the_callers(workshop, spans):
    workshop.run(accept(workshop))

    linked = {span.name for span in spans.ended if links_of(span) == [CALLERS_SPAN]}
    assert linked == {"wait", "draw", "compose", "store"}
    assert {span.name for span in spans.ended if not links_of(span)} == {"submit", "watch"}


def test_a_job_whose_caller_had_no_trace_is_one_trace_without_links(workshop, spans):
    workshop.run(accept(workshop, JobTrace(Carried(ACCEPTED))))

    assert {trace_of(span) for span in spans.ended} == {TRACE_ID}
    assert [links_of(span) for span in spans.ended] == [[]] * 6


def test_a_job_that_was_accepted_without_a_trace_has_no_spans(workshop, spans):
    assert workshop.run(accept(workshop, None)).status is Status.DONE
    assert spans.ended == ()


def test_the_wait_is_told_with_its_real_times(workshop, spans):
    job = workshop.run(accept(workshop))

    span = spans.one("wait")
    assert span.start_time == round(job.created_at.timestamp() * 1000) * 1_000_000
    assert span.end_time == round(job.started_at.timestamp() * 1000) * 1_000_000


def test_the_draw_says_what_is_drawn_and_by_what(workshop, spans):
    job = workshop.run(accept(workshop, ar="3:2"))

    span = spans.one("draw")
    assert span.kind is SpanKind.CONSUMER
    assert dict(span.attributes) == {
        "messaging.system": "redis",
        "messaging.operation.name": "draw",
        "messaging.operation.type": "process",
        "messaging.destination.name": "fast",
        "messaging.message.id": job.id,
        "gen_ai.operation.name": "generate_content",
        "gen_ai.output.type": "image",
        "gen_ai.request.choice.count": 4,
        "limner.client": "ann",
        "limner.engine": "stage",
        "limner.operation": "draw",
    }
    assert span.resource.attributes["service.name"] == "limner"


def test_reference_pictures_are_fetched_in_a_span_of_their_own(workshop, spans):
    workshop.web["https://pictures.example/secret.png"] = picture_bytes()
    workshop.run(accept(workshop, references=("https://pictures.example/secret.png",)))

    span = spans.one("fetch")
    assert parent_of(span) == id_of(spans.one("draw"))
    assert dict(span.attributes) == {"limner.pictures": 1, "limner.what": "reference"}


@pytest.mark.parametrize(
    ("cue", "where", "kind"),
    [
        ("[[fail]]", "draw", "Rejected"),
        ("[[bad-result]]", "compose", "BadResult"),
        ("[[moderated]]", "draw", "Rejected"),
    ],
)
def test_what_fails_is_marked_by_its_kind_and_nothing_is_quoted(workshop, spans, cue, where, kind):
    job = workshop.run(accept(workshop, prompt_en=f"SECRETWORD {cue}"))

    assert job.status is Status.FAILED
    span = spans.named(where)[-1]
    assert span.attributes["error.type"] == kind
    assert span.status.status_code is StatusCode.ERROR
    for one in spans.ended:
        assert one.events == ()
        assert one.status.description is None
        assert "SECRETWORD" not in one.to_json()


def test_a_job_that_comes_back_waits_and_is_drawn_again_in_the_same_trace(workshop, spans):
    job = workshop.run(accept(workshop, prompt_en="a lighthouse [[lost 1]]"))

    assert job.status is Status.DONE
    assert spans.names.count("draw") == 2
    first, second = spans.named("wait")
    # Since when it waits again, not since it was accepted.
    assert second.start_time >= spans.named("draw")[0].start_time // 1_000_000 * 1_000_000
    assert second.end_time >= second.start_time > first.end_time
    assert [span.attributes["limner.attempt"] for span in spans.named("submit")] == [0, 1]
    assert {trace_of(span) for span in spans.ended} == {TRACE_ID}


def test_another_process_that_attaches_to_a_drawing_goes_on_with_its_trace(workshop, spans):
    job = accept(workshop, prompt_en="a lighthouse [[slow 2]]")
    thread = workshop.in_thread(job)
    wait_until(lambda: workshop.store.jobs.get(job.id).handle, what="a handle")
    # The process is told to stop: the next turn of its loop is another worker's.
    workshop.keeper.stop_all("shutdown")
    thread.join(60)

    assert workshop.store.jobs.get(job.id).status is Status.DONE
    watches = [span.attributes["limner.attached"] for span in spans.named("watch")]
    assert watches == [False, True]
    assert spans.names.count("submit") == 1
    assert {trace_of(span) for span in spans.ended} == {TRACE_ID}


SETTINGS = Settings(callback_threads=4, callback_allow="127.0.0.1:*")


@pytest.fixture
def live(redis_url):
    """A store on the server's own clock, whose dispatcher's pauses are moments."""
    store = Store(redis_url)
    store.redis.flushall()
    store.clients.add("ann")
    done = store.outbox.done
    store.outbox.done = lambda poster, taken, report, *, go_on: done(
        poster, taken, replace(report, delay_s=min(report.delay_s, 0.05)), go_on=go_on
    )
    dispatcher = Dispatcher(store, SETTINGS)
    dispatcher.start()
    yield store
    dispatcher.stop(5)
    store.close()


def tell(store, url: str, trace: JobTrace | None = TRACE) -> None:
    job = a_job(store, "j", url)
    if trace:
        store.redis.hset(f"limner:job:{job}", mapping=trace.fields)
    emit(store, job, "X")


def test_each_attempt_at_a_callback_is_a_span_that_its_receiver_can_go_on_from(live, spans):
    with Receiver(lambda _heard, before: (200 if before else 500, {})) as receiver:
        tell(live, receiver.url + "?key=hunter2")
        wait_until(lambda: len(receiver.heard) == 2, what="two attempts")
        wait_until(lambda: len(spans.ended) == 2, what="their spans")

    first, second = spans.ended
    for number, (span, heard) in enumerate(zip(spans.ended, receiver.heard, strict=True), start=1):
        assert heard.headers["traceparent"] == f"00-{TRACE_ID}-{id_of(span)}-01"
        assert heard.headers["tracestate"] == "vendor=abc"
        assert (span.name, span.kind) == ("callback", SpanKind.CLIENT)
        assert (parent_of(span), links_of(span)) == ("a1" * 8, [CALLERS_SPAN])
        assert span.attributes["limner.attempt"] == number
        assert span.attributes["limner.seq"] == 1
        assert span.attributes["server.address"] == "127.0.0.1"
        assert "hunter2" not in span.to_json()
        assert "/hook" not in span.to_json()
    assert (first.attributes["http.response.status_code"], first.attributes["error.type"]) == (
        500,
        "http_5xx",
    )
    assert first.status.status_code is StatusCode.ERROR
    assert second.attributes["http.response.status_code"] == 200
    assert second.status.status_code is StatusCode.UNSET
    # The signature covers what it always did.
    assert receiver.heard[0].body == receiver.heard[1].body


def test_an_attempt_that_reaches_nobody_says_why(live, spans):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    tell(live, f"http://127.0.0.1:{port}/hook")
    wait_until(lambda: spans.ended, what="an attempt")

    assert spans.ended[0].attributes["error.type"] == "refused"
    assert "http.response.status_code" not in spans.ended[0].attributes


def test_with_traces_off_a_callback_carries_no_trace(live):
    with Receiver() as receiver:
        tell(live, receiver.url)
        wait_until(lambda: receiver.heard, what="a callback")

    assert not {"traceparent", "tracestate"} & receiver.heard[0].headers.keys()


# -- collectors that do not answer -----------------------------------------------------------------


@pytest.fixture
def soon(monkeypatch):
    """An exporter that sends at once and would wait for ever for an answer."""
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "100000")
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "8")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4")


def drawn_all(workshop, count: int = 6) -> None:
    jobs = [accept(workshop) for _ in range(count)]
    assert [workshop.run(job).status for job in jobs] == [Status.DONE] * count


def test_a_collector_that_answers_gets_the_spans(workshop, soon, monkeypatch):
    with Collector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        end = traces.start(Settings(), "worker fast")
        drawn_all(workshop, 1)
        end()

    names = {span.name for _about, span in collector.spans()}
    assert names == {"wait", "draw", "submit", "watch", "compose", "store"}


def test_no_collector_costs_a_job_nothing(workshop, soon):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    end = traces.start(Settings(otlp_url=f"http://127.0.0.1:{port}"), "worker fast")
    assert tracing.on()
    drawn_all(workshop)
    end()
    assert not tracing.on()


def test_a_collector_that_refuses_costs_a_job_nothing(workshop, soon, caplog):
    caplog.set_level(logging.INFO, "stack.otel")
    with Collector() as collector:
        collector.status = 500
        end = traces.start(Settings(otlp_url=collector.url), "worker fast")
        drawn_all(workshop)
        wait_until(lambda: "traces.lost" in caplog.messages, what="a word about it")
        collector.status = 200
        drawn_all(workshop, 1)
        wait_until(lambda: "traces.resumed" in caplog.messages, what="a word about it")
        end()


def test_a_collector_that_does_not_take_spans_is_told_once_and_so_is_its_return(caplog):
    caplog.set_level(logging.INFO, "stack.otel")
    lost, taken = SpanExportResult.FAILURE, SpanExportResult.SUCCESS
    results = iter([taken, lost, lost, lost, taken, taken, lost])
    exporter = WordyExporter(SimpleNamespace(export=lambda spans: next(results)))

    for number in range(7):
        exporter.export([None] * number)

    told = [(record.message, record.limner_fields) for record in caplog.records]
    assert told == [
        ("traces.lost", {"spans": 1}),
        ("traces.resumed", {"lost": 6}),
        ("traces.lost", {"spans": 6}),
    ]


def test_a_collector_that_hangs_delays_neither_jobs_nor_the_end(workshop, soon):
    with Collector() as collector:
        collector.awake.clear()
        end = traces.start(Settings(otlp_url=collector.url), "worker fast")
        drawn_all(workshop, 1)
        assert collector.asked.wait(60)
        # Many more spans than the queue holds.
        drawn_all(workshop)
        end()
        # It still hangs, and so does what waits for it.
        assert "traces-end" in [thread.name for thread in threading.enumerate()]
        assert collector.bodies == []
