"""The room of HTTP: an app on an empty Redis, and two clients."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask

from api import create_app
from api.producer import messages_of
from limner.message import Messages
from limner.settings import Settings
from limner.store import Store
from tests.api.asking import Caller, a_caller


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
