"""What Celery says at a signal is a line of the log, like everything else that a worker says."""

from __future__ import annotations

import signal

import pytest
from celery import Celery
from celery.apps import worker as celery_worker

from workers import stopping

pytestmark = pytest.mark.seam


def test_what_celery_says_at_a_signal_goes_through_the_log(monkeypatch, capfd):
    monkeypatch.setattr(celery_worker, "safe_say", celery_worker.safe_say)
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
