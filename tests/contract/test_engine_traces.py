"""Every remote engine's server can go on with the trace of the job that it draws; nobody else is told of it."""

from __future__ import annotations

import pytest

import engines
from engines.remote.session import Remote
from limner import tracing
from limner.tracing import Carried, JobTrace
from tests.collector import CALLER, TRACE_ID, id_of, parent_of
from tests.contract.remote_drivers import (
    COG,
    COMFYUI,
    KEY_VARIABLE,
    MJPROXY,
    OPENAI,
    REPLICATE,
    SDAPI,
    Driver,
    drawn,
)
from tests.standins.loopback import Answer, Asked, Loopback

DRIVERS = {one.driver: one for one in (COG, COMFYUI, MJPROXY, OPENAI, REPLICATE, SDAPI)}
TRACE = JobTrace(Carried(CALLER, "vendor=abc"))


@pytest.fixture(params=DRIVERS)
def driver(request) -> Driver:
    return DRIVERS[request.param]


@pytest.fixture
def server(driver):
    with driver.stand_in() as server:
        yield server


@pytest.fixture
def engine(driver, server, monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, driver.key)
    engine = engines.load(driver.entry(server.url))
    yield engine
    engine.close()


def told(server) -> dict[str, list[str]]:
    """The path of each request that carried a trace, with the ids of the spans that it named."""
    found: dict[str, list[str]] = {}
    for asked in server.asked:
        headers = {name.lower(): value for name, value in asked.headers.items()}
        assert "tracestate" not in headers
        if "traceparent" in headers:
            version, trace, span, flags = headers["traceparent"].split("-")
            assert (version, trace, flags) == ("00", TRACE_ID, "01")
            found.setdefault(asked.path, []).append(span)
    return found


def test_a_drawings_requests_carry_the_span_that_they_are_made_in(server, engine, brief, spans):
    with tracing.of_job("draw", TRACE):
        drawn(engine, brief)

    ids = {id_of(span) for span in spans.ended}
    carried = told(server)
    assert carried
    assert {span for named in carried.values() for span in named} <= ids
    # What makes the drawing is asked for in the job's name.
    posts = [asked.path for asked in server.asked if asked.method in ("POST", "PUT")]
    assert set(posts) & carried.keys()
    for fetch in spans.named("fetch"):
        assert parent_of(fetch) in ids
        assert fetch.attributes["server.address"] == "127.0.0.1"


def test_outside_of_a_job_and_with_traces_off_nothing_is_carried(server, engine, brief, spans):
    engine.health()
    assert told(server) == {}
    assert spans.ended == ()
    tracing.install(None)
    drawn(engine, brief)
    assert told(server) == {}


class Pictures(Loopback):
    """A server with one picture."""

    def answer(self, asked: Asked) -> Answer:
        return Answer(b"picture", kind="image/png")


def test_a_server_that_only_keeps_the_pictures_is_not_told_of_a_trace(spans):
    with Pictures() as own, Pictures() as elsewhere:
        remote = Remote(own.url)
        with tracing.of_job("draw", TRACE):
            assert remote.download(f"{own.url}/1.png") == b"picture"
            assert remote.download(f"{elsewhere.url}/1.png?signature=hunter2") == b"picture"
        remote.close()

        assert [list(told(one)) for one in (own, elsewhere)] == [["/1.png"], []]
    assert spans.names == ["fetch", "fetch", "draw"]
    assert not any("hunter2" in span.to_json() for span in spans.ended)
