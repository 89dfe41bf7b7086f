"""A job's trace as a collector gets it from the real processes, and one that hangs, which nobody waits for."""

from __future__ import annotations

import json
import urllib.request
import uuid

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.acceptance.house import House
from tests.callback_doubles import Receiver
from tests.collector import CALLER, CALLERS_SPAN, TRACE_ID, Collector, attributes
from tests.conftest import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

STAGE = """
[[engine]]
name = "stage"
driver = "rehearsal"
seconds = 0.2
steps = 2
fast = { slots = 2 }
"""
#: until when spans are kept back: for ever, so that only an orderly end sends them; and hardly
FOR_EVER, AT_ONCE = "100000000", "20"


@pytest.fixture
def collector():
    with Collector() as collector:
        yield collector


@pytest.fixture
def house(collector):
    with House(STAGE, otlp_url=collector.url) as house:
        house.environ |= {"OTEL_EXPORTER_OTLP_TIMEOUT": "100000"}
        yield house


def post(house, url: str) -> dict:
    body = {"promptEn": "SECRETWORD", "fast": True, "tag": uuid.uuid4().hex, "callBackUrl": url}
    request = urllib.request.Request(
        f"http://127.0.0.1:{house.settings.port}/draw/midjourney/imagine",
        data=json.dumps(body).encode(),
        headers={
            "token": house.token,
            "Content-Type": "application/json",
            "traceparent": CALLER,
        },
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def test_a_job_is_one_trace_through_every_process_sent_at_the_latest_as_they_end(house, collector):
    house.environ["OTEL_BSP_SCHEDULE_DELAY"] = FOR_EVER
    house.start_api()
    workers = [house.start_worker(queue) for queue in ("fast", "callbacks")]
    with Receiver() as receiver:
        job = post(house, receiver.url)
        wait_until(
            lambda: receiver.heard and json.loads(receiver.heard[-1].body)["status"] == 1,
            what="the last callback",
        )
        for name in (*workers, "api"):
            house.terminate(name)
        heard = receiver.heard

    sent = collector.spans()
    spans = {span.span_id.hex(): span for _about, span in sent}
    names = {span: one.name for span, one in spans.items()}
    assert {span.trace_id.hex() for span in spans.values()} == {TRACE_ID}
    parents = {(one.name, names.get(one.parent_span_id.hex())) for one in spans.values()}
    assert parents == {
        ("accept", None),
        ("wait", "accept"),
        ("draw", "accept"),
        ("submit", "draw"),
        ("watch", "draw"),
        ("compose", "accept"),
        ("store", "accept"),
        ("callback", "accept"),
    }
    (accept,) = (one for one in spans.values() if one.name == "accept")
    assert accept.parent_span_id.hex() == CALLERS_SPAN
    linked = {one.name for one in spans.values() if one.links}
    assert linked == {"wait", "draw", "compose", "store", "callback"}
    assert {link.span_id.hex() for one in spans.values() for link in one.links} == {CALLERS_SPAN}
    # Each callback names the span of its attempt.
    attempts = {span for span, name in names.items() if name == "callback"}
    assert {one.headers["traceparent"].split("-")[2] for one in heard} == attempts
    processes = {about["limner.process"]: about["service.name"] for about, _span in sent}
    assert processes == dict.fromkeys(("api", "worker fast", "worker callbacks"), "limner")
    kinds = {one.name: one.kind for one in spans.values()}
    assert kinds["draw"] == Span.SPAN_KIND_CONSUMER
    about = attributes(next(one for one in spans.values() if one.name == "draw"))
    assert about["messaging.message.id"] == job["id"]
    everything = b"".join(collector.bodies)
    for secret in ("SECRETWORD", house.token, "/hook"):
        assert secret.encode() not in everything


def test_a_hanging_collector_stalls_neither_the_api_nor_its_end(house, collector):
    house.environ["OTEL_BSP_SCHEDULE_DELAY"] = AT_ONCE
    collector.asked.clear()
    collector.awake.clear()
    house.start_api()
    post(house, "http://127.0.0.1:9/hook")
    assert collector.asked.wait(60)

    accepted = [post(house, "http://127.0.0.1:9/hook") for _ in range(20)]
    assert len({job["id"] for job in accepted}) == 20
    # The exporter itself would wait for half a minute, and a process that has not ended by then fails the test.
    house.terminate("api")
    assert not collector.awake.is_set()
