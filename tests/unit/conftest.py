"""What all tests of this room have in common."""

from __future__ import annotations

import pytest

from stack.engines_asked import AskedEngine


@pytest.fixture(autouse=True)
def engines_are_well(monkeypatch):
    """Spare ``limner doctor`` a process of its own for the engines; who tests that asks them itself."""

    def well(settings):
        return tuple(AskedEngine(one.name, one.driver, "ok") for one in settings.engines)

    monkeypatch.setattr("cli.doctor.ask_engines", well)
