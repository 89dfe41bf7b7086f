"""The room of HTTP: an app on an empty Redis, and two clients."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from api import create_app
from api.producer import messages_of
from limner.applied import levels_of
from limner.engine import NEEDS, Capabilities
from limner.message import Messages
from limner.settings import Settings
from limner.store import Store
from limner.store.waits import IMPATIENT, Waits
from tests.api.asking import Caller, a_caller
from tests.api.mortal import Mortal
from tests.builders import a_worker, an_engine

#: of an app whose Redis goes and comes: as the API's, but back sooner
WAITS = replace(IMPATIENT, probe_s=0.02)


@pytest.fixture(scope="package", autouse=True)
def briefly() -> Iterator[None]:
    """Who finds every place to wait in taken stands for no second before it is refused, unless a test says so."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("api.waiting.STAND_S", 0.01)
        yield


@pytest.fixture
def settings(redis_url: str, tmp_path) -> Settings:
    return Settings(
        redis_url=redis_url, data_dir=tmp_path, public_url="https://draw.example", waiting_cap=1000
    )


@pytest.fixture(scope="session")
def messages(redis_url: str) -> Messages:
    """Rendered once: what the broker knows of our queues is not what these tests are about."""
    store = Store(redis_url)
    try:
        return messages_of(Settings(redis_url=redis_url), store)()
    finally:
        store.close()


@pytest.fixture
def private(settings: Settings) -> Settings:
    """The settings of a gateway that has no address beyond this machine."""
    return replace(settings, public_url=None)


@pytest.fixture
def app(settings: Settings, store: Store, messages: Messages) -> Flask:
    return create_app(settings, store, messages)


@pytest.fixture
def caller(app: Flask, store: Store) -> Caller:
    return a_caller(app, store, "ann")


@pytest.fixture
def other(app: Flask, store: Store) -> Caller:
    return a_caller(app, store, "bob")


@pytest.fixture
def able(store: Store) -> None:
    """An engine that can do everything."""
    stage = an_engine("stage", fast=99, relaxed=99)
    a_worker(store, stage)
    able = Capabilities(**dict.fromkeys(NEEDS, "exact"))
    store.engines.abilities("stage", [], levels_of(able, stage.versions))


@pytest.fixture
def server() -> Iterator[Mortal]:
    folder = Path(tempfile.mkdtemp(prefix="limner-mortal-"))
    mortal = Mortal(folder)
    yield mortal
    mortal.kill()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def waits() -> Waits:
    """How long ``mortal_app`` waits for its Redis."""
    return WAITS


@pytest.fixture
def mortal_app(server: Mortal, tmp_path: Path, waits: Waits) -> Iterator[Flask]:
    settings = Settings(redis_url=server.url, data_dir=tmp_path)
    store = Store(server.url, waits=waits)
    # Time stands still for the guard, so a client once known stays known.
    yield create_app(settings, store, clock=lambda: 0.0)
    store.close()
