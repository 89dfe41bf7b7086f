"""The doorkeeper's cache: whom it looks up, and how many it remembers."""

from __future__ import annotations

import pytest

from api.access import door
from api.access.door import Doorkeeper
from limner.client import Admission, Client

HERE = "192.0.2.1"


class Counting:
    """Knows every token, and keeps which were looked up."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def admit(self, token: str, _source: str) -> Admission:
        self.asked.append(token)
        return Admission(Client(token))


@pytest.fixture
def clients() -> Counting:
    return Counting()


def test_clients_that_take_turns_are_each_looked_up_once(clients):
    keeper = Doorkeeper(clients, lambda: 0.0)

    for token in ("ann", "bob") * 5:
        assert keeper.admit(token, HERE).client.name == token

    assert clients.asked == ["ann", "bob"]


def test_no_more_clients_are_remembered_than_there_is_room_for(clients, monkeypatch):
    monkeypatch.setattr(door, "KNOWN_MOST", 3)
    keeper = Doorkeeper(clients, lambda: 0.0)

    for number in range(10):
        keeper.admit(f"client-{number}", HERE)
        assert len(keeper._known) <= 3
    keeper.admit("client-9", HERE)

    assert len(clients.asked) == 10
