"""The seam of traces: what of a caller's context is kept, and that it costs nothing while it is off."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from limner import tracing
from limner.settings import Settings
from limner.tracing import STATE_MOST, Carried, JobTrace
from stack import traces

HOME = Path(__file__).parents[2]
PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_a_callers_traceparent_is_kept_as_it_came():
    carried = Carried.of(PARENT, "vendor=abc,other=1")

    assert carried == Carried(PARENT, "vendor=abc,other=1")
    assert carried.headers == {"traceparent": PARENT, "tracestate": "vendor=abc,other=1"}
    assert carried.trace_id == "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "00",
        "nonsense",
        PARENT.upper(),
        PARENT + "-more",
        PARENT + "," + PARENT,
        PARENT.replace("00-", "ff-", 1),
        "00-" + "0" * 32 + PARENT[35:],
        PARENT[:36] + "0" * 16 + "-01",
        PARENT[:-1] + "g",
        PARENT.replace("4bf9", "4bf٩", 1),
        PARENT * 10_000,
    ],
)
def test_a_traceparent_that_is_wrong_is_ignored(wrong):
    assert Carried.of(wrong, "vendor=abc") is None


def test_of_a_later_version_what_this_one_has_is_read():
    assert Carried.of("cc" + PARENT[2:] + "-what-the-future-will-be-like") == Carried(PARENT)
    assert Carried.of("cc" + PARENT[2:] + ".what") is None


def test_a_tracestate_is_bounded_by_whole_members_and_nothing_but_printable():
    members = [f"v{n}={'x' * 40}" for n in range(20)]
    kept = Carried.of(PARENT, ",".join(members)).tracestate

    assert 400 < len(kept) <= STATE_MOST
    assert kept.split(",") == members[: kept.count(",") + 1]
    exactly = f"a={'x' * (STATE_MOST - 2)}"
    assert Carried.of(PARENT, exactly).tracestate == exactly
    assert Carried.of(PARENT, exactly + "x").tracestate == ""
    assert Carried.of(PARENT, exactly + ",b=1").tracestate == exactly
    assert Carried.of(PARENT, "a=\x7f").tracestate == ""
    assert Carried.of(PARENT, "a=1\r\nx: y").tracestate == ""


def test_what_a_record_keeps_of_a_trace_is_read_back():
    accepted = Carried(PARENT[:-18] + "a" * 15 + "-01", "vendor=abc")
    for trace in (
        JobTrace(accepted, Carried(PARENT, "vendor=abc")),
        JobTrace(Carried(PARENT)),
    ):
        assert JobTrace.of(trace.fields) == trace
    assert JobTrace.of({"trace": PARENT, "returned_ms": "17"}) == JobTrace(
        Carried(PARENT), returned_ms=17
    )
    assert JobTrace.of({}) is None
    assert JobTrace.of({"trace": "broken", "traceparent": PARENT}) is None


def test_while_traces_are_off_there_is_one_span_that_forgets_everything():
    trace = JobTrace(Carried(PARENT))

    assert not tracing.on()
    blocks = {
        id(tracing.accepting(Carried(PARENT), client="ann")),
        id(tracing.of_job("draw", trace, job="j")),
        id(tracing.step("submit")),
    }
    assert len(blocks) == 1
    with tracing.of_job("draw", trace) as span:
        span.note(job="j")
        span.broke("reset")
        assert span.carried is None
        assert tracing.outgoing() == {}
    with pytest.raises(ZeroDivisionError), tracing.step("submit"):
        1 / 0  # noqa: B018


@pytest.mark.parametrize(
    ("environ", "url", "wanted"),
    [
        ({}, None, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, None, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, None, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, None, True),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://collector:4318"}, None, False),
        ({"OTEL_SERVICE_NAME": "limner"}, None, False),
        ({}, "http://collector:4318", True),
        ({"OTEL_SDK_DISABLED": "true"}, "http://collector:4318", False),
        ({"OTEL_TRACES_EXPORTER": "none"}, "http://collector:4318", False),
    ],
)
def test_traces_are_sent_only_where_an_exporters_address_is_given(environ, url, wanted):
    assert traces.wanted(Settings(otlp_url=url), environ) is wanted


WITHOUT = """
import sys
{before}
import api.server.gunicorn_hooks, workers.app, engines.remote.session, stack.traces
from api import create_app
from limner import tracing
from limner.settings import Settings
create_app(Settings.load())
stack.traces.start(Settings.load(), "api")()
assert not tracing.on()
ours = ("opentelemetry.exporter", "google.protobuf", "stack.otel")
print(sorted(name for name in sys.modules if name.startswith(ours)))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "url", "said"),
    [
        ("", "", None),
        # As if the extra were not installed.
        ("sys.modules['opentelemetry'] = None", "http://127.0.0.1:1", "traces.not_installed"),
    ],
)
def test_with_traces_off_no_exporter_is_imported_and_none_is_needed(before, url, said, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(before=before)],
        cwd=HOME,
        env={"PATH": "/usr/bin:/bin", "LIMNER_DATA_DIR": str(tmp_path), "LIMNER_OTLP_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    # Of the SDK, redis-py imports what it finds for metrics of its own.
    assert done.stdout.strip() == "[]"
    assert (said or "") in done.stderr
