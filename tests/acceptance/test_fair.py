"""Fair lanes with real processes: who is drawn next, by what the engine noted."""

from __future__ import annotations

import uuid
from collections import Counter

import pytest

from tests.acceptance.house import House
from tests.conftest import wait_until
from workers.gate import WITHOUT_SLOT_MAX

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ENGINES = """
[[engine]]
name = "stage"
driver = "rehearsal"
seconds = 0.2
steps = 0
ledger = "LEDGER"
fast = { slots = 2 }
"""
SHARES = {"ann": 1, "bob": 2, "cyd": 4}
PROCESSES = 2
#: what the processes hold was picked before
HELD = WITHOUT_SLOT_MAX * PROCESSES


@pytest.fixture
def house():
    with House(ENGINES) as house:
        house.start_api()
        for _ in range(PROCESSES):
            house.start_worker("fast")
        yield house


def posting(house, client):
    """A function that posts a job of a client and returns its id."""
    token = house.token if client == "ann" else house.store.clients.add(client).token

    def post():
        house.token, before = token, house.token
        try:
            return house.imagine(tag=uuid.uuid4().hex)["id"]
        finally:
            house.token = before

    return post


def starts(house):
    return [line["job"] for line in house.drawn() if line["what"] == "start"]


def test_one_job_beside_hundreds_of_another_client_is_drawn_next(house):
    ann, bob = posting(house, "ann"), posting(house, "bob")
    for _ in range(120):
        ann()
    wait_until(lambda: len(starts(house)) > 4, what="the first drawings")

    only = bob()
    before = len(starts(house))
    wait_until(lambda: only in starts(house), what="bob's drawing")

    # Some may have started between the POST and the look at the ledger.
    assert starts(house).index(only) <= before + HELD


def test_starts_are_by_shares(house):
    posts = {client: posting(house, client) for client in SHARES}
    for client, share in SHARES.items():
        house.store.clients.change(client, share=float(share))
    # Nothing is drawn before all are there.
    house.store.levers.halt("test", "lane", "fast")
    owner = {}
    for client, share in SHARES.items():
        for _ in range(share * 12):
            owner[posts[client]()] = client
    house.store.levers.resume("test", "lane", "fast")
    wait_until(lambda: len(starts(house)) == len(owner), 120, what="all drawings")

    drawn: Counter[str] = Counter()
    for number, job in enumerate(starts(house)[:-14], start=1):
        drawn[owner[job]] += 1
        for client, share in SHARES.items():
            # One, and what was taken for the first client before the others had come.
            assert abs(drawn[client] - number * share / 7) <= 1 + HELD, (number, drawn)
