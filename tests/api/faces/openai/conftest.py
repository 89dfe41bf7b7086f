"""A client of this face, and who draws for it."""

from __future__ import annotations

import pytest

from tests.api.faces.openai.asking import Client, Draughtsman


@pytest.fixture
def client(app, store) -> Client:
    return Client(app, store, store.clients.add("ann").token, "ann")


@pytest.fixture
def stranger(app, store) -> Client:
    return Client(app, store, store.clients.add("bob").token, "bob")


@pytest.fixture
def draughtsman(app, store) -> Draughtsman:
    return Draughtsman(app, store)
