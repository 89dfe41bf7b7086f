"""The load and the crowds of the bench, beside servers that do not answer."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from bench import crowd
from bench.load import post, run


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server.getsockname()[1]


def test_a_load_that_nobody_answers_ends_and_counts_what_was_sent(silent_port):
    ran = run(silent_port, lambda _: post("/", b"{}", {}), 4, 20, at_most_s=0.1)

    assert not ran.whole
    assert (ran.answered, ran.unanswered, ran.per_s) == (0, 4, 0)
    assert ran.p99_ms >= 100


def test_strangers_stay_with_a_server_that_says_nothing(silent_port):
    asked = {"port": silent_port, "silent": 5, "half": 3, "drips": [("lim_x", 2)]}

    with crowd.held("bench.strangers", asked) as strangers:
        assert strangers.gathered["here"] == 10

    assert strangers.ended == {"here": 10, "hung_up": 0, "answers": {}}
