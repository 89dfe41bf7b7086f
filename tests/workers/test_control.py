"""Flower's buttons: what Celery's remote control commands do to jobs."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest
from celery.worker.control import Panel

from limner.errors import JobNotFound, StoreDown
from workers import control

pytestmark = pytest.mark.seam


@pytest.fixture
def panel(monkeypatch):
    """Celery's commands, as they are outside a worker, and which of them were called."""
    called = []

    def command(name):
        return lambda _state, **arguments: called.append((name, arguments)) or name

    fresh = {name: command(name) for name in ("revoke", "terminate", "rate_limit", "time_limit")}
    monkeypatch.setattr(Panel, "data", fresh)
    return SimpleNamespace(data=fresh, called=called)


@pytest.mark.parametrize("name", ["revoke", "terminate"])
@pytest.mark.parametrize(
    ("given", "cancelled"), [("a", ["a"]), (["a", "b"], ["a", "b"]), (None, []), ([7], [])]
)
def test_a_revoke_cancels_its_jobs_at_once_and_then_does_what_celery_does(
    panel, name, given, cancelled
):
    seen = []
    control.take_over(seen.append)

    assert Panel.data[name](None, task_id=given, signal="SIGTERM") == name

    assert seen == cancelled
    assert panel.called == [(name, {"task_id": given, "signal": "SIGTERM"})]


@pytest.mark.parametrize("error", [JobNotFound, StoreDown])
def test_a_job_that_cannot_be_cancelled_stops_no_other(panel, error):
    seen = []

    def cancel(job_id):
        seen.append(job_id)
        raise error

    control.take_over(cancel)
    Panel.data["revoke"](None, task_id=["a", "b"])

    assert seen == ["a", "b"]
    assert len(panel.called) == 1


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("rate_limit", {"task_name": "imagine", "rate_limit": "1/m"}),
        ("time_limit", {"task_name": "imagine", "hard": 5, "soft": 4}),
    ],
)
def test_limits_are_refused_with_a_sentence_and_a_line_in_the_log(panel, caplog, name, arguments):
    control.take_over(lambda _job: None)

    with caplog.at_level(logging.WARNING):
        answer = Panel.data[name](None, **arguments)

    assert answer == {"error": control.REFUSED[name]}
    assert [record.getMessage() for record in caplog.records] == ["control.refused"]
    assert panel.called == []


def test_the_commands_are_those_that_celery_has():
    # Taken over by the app at import, or untouched: either way Celery knows them by these names.
    assert {"revoke", "terminate", "rate_limit", "time_limit"} <= set(Panel.data)
