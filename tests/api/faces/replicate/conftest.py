"""A client of this face, and one who must not see its predictions."""

from __future__ import annotations

import pytest

from tests.api.faces.replicate.asking import Client


@pytest.fixture
def client(app, store) -> Client:
    return Client(app, store, store.clients.add("ann").token, "ann")


@pytest.fixture
def stranger(app, store) -> Client:
    return Client(app, store, store.clients.add("bob").token, "bob")
