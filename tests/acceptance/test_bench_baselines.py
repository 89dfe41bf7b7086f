"""The baselines of ``make bench`` are served, and do what a POST is measured by."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest

from bench.load import run
from bench.place import Served, baseline, limner, stock
from tests.acceptance.house import House

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with limner() as house:
        yield house


@pytest.mark.parametrize(
    ("served", "queue"),
    [
        (lambda house: baseline(house, "app"), "celery"),
        (lambda house: baseline(house, "floor"), "plain:queue"),
        (stock, "celery"),
    ],
    ids=["plain", "floor", "stock"],
)
def test_a_baseline_takes_every_job(house, served, queue):
    before = house.store.redis.llen(queue)
    serving: AbstractContextManager[Served] = served(house)
    with serving as server:
        answered = run(server.port, server.make, 4, 20).answered

    assert answered == 20
    assert house.store.redis.llen(queue) == before + 20
