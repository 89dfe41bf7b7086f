"""What becomes of a trial of new settings that itself goes wrong: the API is told why, and goes on."""

from __future__ import annotations

import os
import time
import warnings
from types import SimpleNamespace

import psutil
import pytest

from api.server import reloading
from limner.settings import Settings, in_force


@pytest.fixture(autouse=True)
def forked_beside_threads(monkeypatch):
    """Gunicorn's master has one thread and the log's, and this process has others' too."""
    monkeypatch.setattr(in_force, "_held", Settings())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def why_not(monkeypatch, trial) -> str:
    monkeypatch.setattr(reloading, "_trial", trial)
    return reloading._tried(Settings())


def test_a_trial_that_ends_well_says_nothing(monkeypatch):
    assert why_not(monkeypatch, lambda _: reloading._WELL) == ""


def test_a_trial_that_breaks_says_by_what(monkeypatch):
    def breaks(_):
        raise SystemExit(7)

    assert why_not(monkeypatch, breaks) == "SystemExit: 7"


def test_a_trial_that_dies_is_no_good_one(monkeypatch):
    assert "without a word" in why_not(monkeypatch, lambda _: os._exit(0))


def test_a_trial_that_hangs_is_ended(monkeypatch):
    monkeypatch.setattr(reloading, "TRIAL_S", 0.2)
    before = set(psutil.Process().children())

    assert "within 0.2 s" in why_not(monkeypatch, lambda _: time.sleep(600))

    assert set(psutil.Process().children()) <= before


@pytest.mark.parametrize("error", [OSError("no folder"), KeyError("a bug of ours")])
def test_whatever_goes_wrong_gunicorn_does_not_reload(monkeypatch, caplog, error):
    def breaks(_):
        raise error

    monkeypatch.setattr(reloading, "_read_anew", breaks)
    server = SimpleNamespace(handle_hup=lambda: pytest.fail("it reloads"))
    reloading.reload_what_is_right(server)

    server.handle_hup()

    assert "gateway.not_reloaded" in caplog.text
