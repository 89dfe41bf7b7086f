from __future__ import annotations

import pytest

from tests.api.asking import Caller
from tests.api.faces.mcp.speaking import Agent


@pytest.fixture
def agent(caller: Caller) -> Agent:
    return Agent(caller)
