"""How the drawings of a hosted engine are polled while their host is away."""

from __future__ import annotations

import threading

import pytest

from engines.hosted.host import HostedLook
from engines.hosted.watching import READ_MAX_S, READ_S, HostedWatch
from limner.errors import EngineDown
from tests.contract.engine_suite import a_brief


class Host:
    """One that is away, or not, and keeps how long each poll was ready to wait for it."""

    def __init__(self) -> None:
        self.away = True
        self.waits: list[float] = []

    def look(self, ticket, read_s: float) -> HostedLook:
        self.waits.append(read_s)
        if self.away:
            raise EngineDown("away")
        return HostedLook("waiting")


@pytest.fixture
def host():
    return Host()


@pytest.fixture
def poll(host):
    """Poll a drawing of one request once."""
    handle = {"tickets": [{"id": "1"}], "pictures": [4]}
    watch = HostedWatch(host, handle, a_brief(), silent_s=3600.0)
    return lambda: list(watch.round(threading.Event()))


def test_a_host_that_was_away_for_however_many_polls_is_still_polled(host, poll):
    # As many as there are within the longest silence that an operator may allow.
    for _ in range(2000):
        poll()

    assert host.waits[:2] == [READ_S, 2 * READ_S]
    assert max(host.waits) == host.waits[-1] == READ_MAX_S


def test_a_host_that_is_back_is_waited_for_no_longer_than_at_first(host, poll):
    for _ in range(5):
        poll()
    host.away = False
    poll()

    poll()

    assert host.waits[-2:] == [READ_MAX_S, READ_S]
