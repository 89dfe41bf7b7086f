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

    keeps_the_rest = True
    sizes = ((64, 64), (104, 72))
    exact = "ar chaos stylize style tile iw negative seed size count vary upscale_subtle"
    near = (
        "niji references quality weird draft style_references upscale_creative edit blend describe"
    )

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
