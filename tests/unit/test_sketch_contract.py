"""Sketch keeps the contract that every engine keeps."""

from __future__ import annotations

import pytest

from engines import load
from limner.settings import EngineSettings, LaneLimits
from tests.contract.engine_suite import EngineSuite


@pytest.fixture(scope="module")
def painters():
    """One engine for the whole suite: its processes take longer to start than to paint."""
    engine = load(EngineSettings("sketch", "sketch", fast=LaneLimits(2, 0.0)))
    yield engine
    engine.close()


class TestSketch(EngineSuite):
    @pytest.fixture
    def engine(self, painters):
        return painters
