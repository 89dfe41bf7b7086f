"""A remote driver on its stand-in (the driver is the test file's ``DRIVER``), and a busy house that is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

import engines
from limner.engine import Brief, Engine
from tests.contract.engine_suite import a_brief
from tests.contract.kept_house import Kept, keep
from tests.contract.remote_drivers import KEY_VARIABLE
from tests.standins.loopback import Loopback


@pytest.fixture
def server(request) -> Iterator[Loopback]:
    with request.module.DRIVER.stand_in() as server:
        yield server


@pytest.fixture
def build(request, server, monkeypatch) -> Iterator[Callable[..., Engine]]:
    """Build engines on the stand-in, by options; they are closed at the end."""
    monkeypatch.setenv(KEY_VARIABLE, request.module.DRIVER.key)
    built: list[Engine] = []

    def build(**options) -> Engine:
        built.append(engines.load(request.module.DRIVER.entry(server.url, **options)))
        return built[-1]

    yield build
    for engine in built:
        engine.close()


@pytest.fixture
def brief() -> Brief:
    return a_brief()


@pytest.fixture(scope="module")
def kept(redis_url: str) -> Kept:
    return keep(redis_url)
