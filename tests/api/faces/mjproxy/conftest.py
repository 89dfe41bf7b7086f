"""A client that speaks midjourney-proxy's protocol, and another one."""

from __future__ import annotations

import pytest
from flask import Flask

from limner.store import Store
from tests.api.faces.mjproxy.speaking import Speaker


@pytest.fixture
def speaker(app: Flask, store: Store) -> Speaker:
    return Speaker(app, store.clients.add("mja").token, "mja")


@pytest.fixture
def stranger(app: Flask, store: Store) -> Speaker:
    return Speaker(app, store.clients.add("mjb").token, "mjb")
