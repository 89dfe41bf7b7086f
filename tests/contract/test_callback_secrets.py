"""How a client's secret is changed without a receiver missing a callback."""

from __future__ import annotations

import time

import pytest

from limner.errors import ConfigError
from limner.store import clients
from workers.posting.trial import main


def test_for_a_day_the_old_secret_signs_beside_the_new_one(store, monkeypatch):
    (old,) = store.clients.add("ann").client.secrets
    new = store.clients.rotate_secret("ann")

    assert new != old
    assert store.clients.get("ann").secrets == (new, old)
    now = time.time()
    monkeypatch.setattr(clients.time, "time", lambda: now + 24 * 3600 + 1)
    assert store.clients.get("ann").secrets == (new,)


def test_a_second_rotation_keeps_the_last_two(store):
    store.clients.add("ann")
    first = store.clients.rotate_secret("ann")
    second = store.clients.rotate_secret("ann")

    assert store.clients.get("ann").secrets == (second, first)


def test_a_secret_of_nobody_cannot_be_rotated(store):
    with pytest.raises(ConfigError):
        store.clients.rotate_secret("nobody")


def test_the_command_that_tries_a_url_says_what_failed(store, redis_url, monkeypatch, capsys):
    store.clients.add("ann")
    monkeypatch.setenv("LIMNER_REDIS_URL", redis_url)

    assert main(["http://10.0.0.1/", "--client", "ann"]) == 1
    assert "FAIL  policy" in capsys.readouterr().out
    with pytest.raises(ConfigError, match="no client called 'nobody'"):
        main(["http://10.0.0.1/", "--client", "nobody"])
    with pytest.raises(ConfigError, match="no default URL"):
        main(["--client", "ann"])
