"""A real dispatcher process killed at every point of a callback's way: nothing is lost or reordered."""

from __future__ import annotations

import subprocess
import sys

import pytest

from limner.settings import Settings
from limner.store import Store
from tests.callback_doubles import Receiver, a_job, emit
from tests.callback_victim import LEASE_S, POINTS, TOTAL_S
from tests.conftest import wait_until
from workers.posting.dispatcher import Dispatcher

pytestmark = pytest.mark.slow

#: what the receiver hears where an attempt may have reached it before the kill
TWICE = {"before the answer": [1, 1, 2, 3], "after 2xx": [1, 1, 2, 3]}


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_dispatcher_loses_nothing_and_keeps_the_order(redis_url, point):
    store = Store(redis_url)
    store.redis.flushall()
    store.clients.add("ann", callback_allow="127.0.0.1:*")
    killed = point != "before the answer"
    victim: subprocess.Popen[bytes] | None = None

    def answer(heard, before):
        if before == 0 and not killed:
            victim.kill()
            victim.wait()
        return 200, {}

    with Receiver(answer) as receiver:
        job = a_job(store, "j", receiver.url)
        command = [
            sys.executable,
            "-m",
            "tests.callback_victim",
            redis_url,
            point,
            str(receiver.port),
        ]
        victim = subprocess.Popen(command)
        for kind in "TTX":
            emit(store, job, kind)
        victim.wait(30)
        assert victim.returncode == -9
        healthy = Dispatcher(store, Settings(callback_threads=4), lease_s=LEASE_S, total_s=TOTAL_S)
        healthy.start()
        try:
            wait_until(lambda: not store.outbox.told(job).pending, 20, "the end")
        finally:
            healthy.stop()
    store.close()

    assert [h.seq for h in receiver.heard] == TWICE.get(point, [1, 2, 3])
    assert len({(h.seq, h.headers["webhook-id"], h.body) for h in receiver.heard}) == 3
