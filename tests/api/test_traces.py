"""A request that makes a job has a span in its caller's trace, whichever face it comes through."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from api.again import run
from cli.many import add_filters
from limner import tracing
from limner.tracing import Carried, JobTrace
from tests.api.asking import IMAGINE, ORIGIN, TAG, a_body, a_caller
from tests.api.drawing import done, failed
from tests.api.faces.replicate.asking import MODEL
from tests.collector import CALLER, CALLERS_SPAN, TRACE_ID, id_of, links_of, parent_of, trace_of

HOME = Path(__file__).parents[2]
STATE = "vendor=abc"
HEADERS = {"traceparent": CALLER, "tracestate": STATE}


def record_of(store, job_id: str) -> dict[str, str]:
    return store.redis.hgetall(f"limner:job:{job_id}")


def the_job(store) -> dict[str, str]:
    """The record of the newest job."""
    records = map(store.redis.hgetall, store.redis.keys("limner:job:*"))
    return max(records, key=lambda job: int(job["place"]))


def ended(app, store, caller, how):
    return how(app, store, caller.drawn()) if how is done else how(store, caller.drawn())


def test_a_job_is_accepted_in_a_span_below_its_callers(caller, store, spans):
    job = caller.imagine(HEADERS, fast=False).json

    span = spans.one("accept")
    assert (trace_of(span), parent_of(span)) == (TRACE_ID, CALLERS_SPAN)
    assert span.kind is SpanKind.PRODUCER
    assert dict(span.attributes) == {
        "messaging.system": "redis",
        "messaging.operation.name": "accept",
        "messaging.operation.type": "send",
        "messaging.destination.name": "relaxed",
        "messaging.message.id": job["id"],
        "limner.client": "ann",
        "limner.face": "limner",
        "limner.again": False,
    }
    assert links_of(span) == []
    assert span.status.status_code is StatusCode.UNSET


def test_the_record_keeps_the_callers_span_and_the_one_that_accepted_it(caller, store, spans):
    record = record_of(store, caller.imagine(HEADERS).json["id"])

    assert record["traceparent"] == CALLER
    assert record["tracestate"] == STATE
    assert record["trace"] == f"00-{TRACE_ID}-{id_of(spans.one('accept'))}-01"
    assert store.jobs.get(record["id"]).trace == JobTrace(
        Carried(record["trace"], STATE), Carried(CALLER, STATE)
    )


@pytest.mark.parametrize("sent", [{}, {"traceparent": "00-nonsense-01"}, {"tracestate": STATE}])
def test_a_caller_without_a_trace_gets_one_of_the_jobs_own(caller, store, spans, sent):
    record = record_of(store, caller.imagine(sent).json["id"])

    span = spans.one("accept")
    assert span.parent is None
    # Sampled, and its id is random.
    assert record["trace"] == f"00-{trace_of(span)}-{id_of(span)}-03"
    assert "traceparent" not in record
    assert "tracestate" not in record


def test_a_trace_that_its_caller_does_not_sample_is_passed_on_but_not_sent(caller, store, spans):
    record = record_of(store, caller.imagine({"traceparent": CALLER[:-2] + "00"}).json["id"])

    assert spans.ended == ()
    assert record["traceparent"] == CALLER[:-2] + "00"
    assert record["trace"].startswith(f"00-{TRACE_ID}-")
    assert record["trace"].endswith("-00")


def test_with_traces_off_nothing_of_a_callers_trace_is_kept(caller, store):
    assert not tracing.on()
    record = record_of(store, caller.imagine(HEADERS).json["id"])

    assert not {"trace", "traceparent", "tracestate"} & record.keys()


@pytest.mark.parametrize(
    ("path", "body", "before"),
    [
        (IMAGINE, a_body(), None),
        (ORIGIN, a_body(), None),
        ("/draw/midjourney/refresh", {"tag": TAG}, failed),
        ("/draw/midjourney/button", a_body(promptEn=..., buttonType="u1"), done),
        ("/draw/midjourney/button", a_body(promptEn=..., buttonType="v3"), done),
        ("/draw/midjourney/button", a_body(promptEn=..., buttonType="r"), done),
        ("/mj/submit/imagine", {"prompt": "a cat"}, None),
        (MODEL, {"input": {"prompt": "a cat"}}, None),
    ],
)
def test_every_way_to_a_job_has_its_accept_span(app, caller, store, spans, path, body, before):
    if before:
        parent = ended(app, store, caller, before)
        if "buttonType" in body:
            body = body | {"messageId": parent["id"]}
        spans.forget()
    secret = {"Authorization": f"Bearer {caller.token}", "mj-api-secret": caller.token}
    response = caller("POST", path, json=body, headers=HEADERS | secret)

    assert response.status_code in (200, 201, 202), response.text
    record, span = the_job(store), spans.one("accept")
    assert parent_of(span) == CALLERS_SPAN
    assert span.attributes["messaging.message.id"] == record["id"]
    assert record["trace"][36:52] == id_of(span)


def test_no_way_to_a_job_goes_past_the_accept_span():
    calls = {
        path.relative_to(HOME).as_posix()
        for folder in ("api", "workers", "cli", "stack")
        for path in (HOME / folder).rglob("*.py")
        if re.search(r"jobs\.accept\(", path.read_text(encoding="utf-8"))
    }

    assert calls == {"api/accept.py"}


def test_a_command_that_submits_again_begins_a_trace_of_its_own(app, caller, store, spans):
    failed(store, caller.imagine(HEADERS).json)
    spans.forget()
    parser = argparse.ArgumentParser()
    add_filters(parser)
    options = parser.parse_args([], argparse.Namespace(limit=10, yes=True, json=True))

    assert run(app, options) == 0
    span = spans.one("accept")
    assert span.parent is None
    assert record_of(store, span.attributes["messaging.message.id"])["trace"][36:52] == id_of(span)


def test_the_same_request_again_says_so(caller, spans):
    key = {"Idempotency-Key": "k"}
    first, again = caller.imagine(key).json, caller.imagine(key).json

    assert first["id"] == again["id"]
    told = [dict(span.attributes) for span in spans.named("accept")]
    assert [one["limner.again"] for one in told] == [False, True]
    assert {one["messaging.message.id"] for one in told} == {first["id"]}


def test_a_refusal_is_no_failure_of_ours_and_says_only_its_kind(app, store, spans):
    caller = a_caller(app, store, "cap", waiting_cap=1)
    caller.drawn()
    assert caller.imagine(HEADERS).status_code == 429

    span = spans.named("accept")[-1]
    assert span.attributes["error.type"] == "WaitingFull"
    assert span.status.status_code is StatusCode.UNSET
    assert span.events == ()


def test_no_span_holds_a_prompt_a_token_or_a_callback_url(caller, spans):
    url = "https://receiver.example/hook?key=hunter2"
    caller.imagine(HEADERS, promptEn="SECRETWORD fox", callBackUrl=url, extra="EXTRAWORD")

    said = spans.one("accept").to_json()
    assert json.loads(said)["name"] == "accept"
    for secret in ("SECRETWORD", "EXTRAWORD", "hunter2", "/hook", caller.token):
        assert secret not in said
