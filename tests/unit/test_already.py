"""A second ``limner up`` on the same data folder is told that one runs there, before it starts anything."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from limner.errors import ConfigError
from limner.settings import Settings
from stack import embedded
from stack.already import check_not_up
from stack.control import SOCKET_NAME
from tests.conftest import free_port


@pytest.fixture
def folder() -> Iterator[Path]:
    # Short: the path of a socket has a limit.
    with tempfile.TemporaryDirectory(prefix="limner-") as name:
        yield Path(name)


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def listening_in(folder: Path) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(folder / SOCKET_NAME))
    listening.listen()
    return listening


def test_where_nothing_runs_nothing_is_refused_and_nothing_is_made(folder):
    settings = Settings(data_dir=folder / "not-there", port=free_port())

    check_not_up(settings)

    assert list(folder.iterdir()) == []


def test_where_the_embedded_server_runs_a_second_up_is_refused_whatever_its_port(folder):
    settings = Settings(data_dir=folder, port=free_port())
    held = embedded.lock(folder)

    with pytest.raises(ConfigError, match="already"):
        check_not_up(settings)
    # To be asked leaves the lock as it was.
    with pytest.raises(ConfigError, match="already"):
        check_not_up(settings)

    os.close(held)
    check_not_up(settings)


def test_with_a_redis_of_its_own_it_is_in_the_way_only_on_the_same_port(folder, taken_port):
    settings = Settings(data_dir=folder, redis_url="redis://127.0.0.1:1/0", port=taken_port)
    check_not_up(settings)

    with listening_in(folder):
        with pytest.raises(ConfigError, match="already"):
            check_not_up(settings)
        check_not_up(replace(settings, port=free_port()))
