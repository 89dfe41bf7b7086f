"""A client that speaks midjourney-proxy's protocol, and another one."""

from __future__ import annotations

import pytest
from flask import Flask

from limner.applied import levels_of
from limner.engine import NEEDS, Capabilities
from limner.store import Store
from tests.api.faces.mjproxy.speaking import Speaker
from tests.builders import a_worker, an_engine

ABLE = Capabilities(**dict.fromkeys(NEEDS, "exact"))


@pytest.fixture
def speaker(app: Flask, store: Store) -> Speaker:
    return Speaker(app, store.clients.add("mja").token, "mja")


@pytest.fixture
def stranger(app: Flask, store: Store) -> Speaker:
    return Speaker(app, store.clients.add("mjb").token, "mjb")


@pytest.fixture
def able(store: Store) -> None:
    """An engine that can do everything."""
    stage = an_engine("stage", fast=99, relaxed=99)
    a_worker(store, stage)
    store.engines.abilities("stage", [], levels_of(ABLE, stage.versions))
