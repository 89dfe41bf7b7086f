"""What Celery says at a signal is a line of the log, like everything else that a worker says."""

from __future__ import annotations

import importlib.util
import signal

import pytest
from celery import Celery
from celery.apps import worker as celery_worker

from workers import stopping

pytestmark = pytest.mark.seam

#: a copy that no worker of another test has changed
_spec = importlib.util.find_spec(celery_worker.__name__)
_unchanged = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_unchanged)


def test_what_celery_says_at_a_signal_goes_through_the_log(monkeypatch, capfd):
    # As it is before a worker of another test has begun in this process.
    monkeypatch.setattr(celery_worker, "safe_say", _unchanged.safe_say)
    before = signal.getsignal(signal.SIGUSR1)
    said = []
    monkeypatch.setattr(stopping, "event", lambda _log, name, **facts: said.append((name, facts)))
    celery_worker.safe_say("worker: Warm shutdown (MainProcess)")
    assert "Warm shutdown" in capfd.readouterr().err

    stopping.install(Celery("test"), lambda: None, hangup_ignored=False)
    celery_worker.install_cry_handler("SIGUSR1")
    signal.raise_signal(signal.SIGUSR1)

    ((name, facts),) = said
    assert name == "worker.signalled"
    assert "MainThread" in facts["said"]
    assert capfd.readouterr() == ("", "")
    signal.signal(signal.SIGUSR1, before)
