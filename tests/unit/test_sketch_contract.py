"""Sketch keeps the contract that every engine keeps, and what it claims to apply is proved."""

from __future__ import annotations

import pytest

from engines import load
from engines.sketch.children import Child
from limner.settings import EngineSettings, LaneLimits
from tests.contract.applied_suite import AppliedSuite
from tests.contract.engine_suite import EngineSuite, a_brief


@pytest.fixture(scope="module")
def painters():
    """One engine for the whole module: its processes take longer to start than to paint."""
    engine = load(EngineSettings("sketch", "sketch", fast=LaneLimits(2, 0.0)))
    yield engine
    engine.close()


class TestSketch(EngineSuite):
    @pytest.fixture
    def engine(self, painters):
        return painters


class TestWhatSketchApplies(AppliedSuite):
    """By the orders that go to its painting processes."""

    sizes = ((64, 64), (104, 72))

    @pytest.fixture
    def engine(self, painters):
        return painters

    @pytest.fixture
    def brief(self):
        return a_brief(width=64, height=96)

    @pytest.fixture
    def ledger(self, monkeypatch):
        drawn, send = [], Child.send

        def noted(child, header):
            # The coarser ones are previews.
            if header["shrink"] == 1:
                drawn.append((header["order"]["width"], header["order"]["height"]))
            send(child, header)

        monkeypatch.setattr(Child, "send", noted)
        return lambda: drawn
