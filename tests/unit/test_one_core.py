"""A process of many threads on one core: where its threads may run, seen from a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from api.server.one_core import OneCore

pytestmark = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2,
    reason="nothing to choose from",
)

SETTLED = """
import os, threading, time
from api.server.one_core import OneCore
ended = threading.Event()
before = os.sched_getaffinity(0)
threads = [threading.Thread(target=ended.wait) for _ in range(4)]
for thread in threads:
    thread.start()
OneCore(stay_s=60, look_s=0.01).start()
tasks = [thread.native_id for thread in threading.enumerate()]
def cores_of_all():
    return {frozenset(os.sched_getaffinity(task)) for task in tasks}
until = time.monotonic() + 40
while time.monotonic() < until and (len(cores_of_all()) > 1 or len(*cores_of_all()) > 1):
    time.sleep(0.01)
cores = cores_of_all()
ended.set()
assert len(tasks) == 6
assert len(cores) == 1 and len(*cores) == 1 and next(iter(cores)) < before, cores
"""

FREE_AGAIN = """
import os, time
from api.server.one_core import OneCore
before, seen = os.sched_getaffinity(0), set()
OneCore(stay_s=0.05, look_s=0.05).start()
until = time.monotonic() + 40
while time.monotonic() < until and len(seen) < 2:
    seen.add(len(os.sched_getaffinity(0)))
    time.sleep(0.002)
assert seen == {1, len(before)}, seen
"""


@pytest.mark.parametrize("program", [SETTLED, FREE_AGAIN], ids=["settled", "free_again"])
def test_all_threads_share_one_core_and_are_let_go_again_and_again(program):
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )

    assert done.returncode == 0, done.stderr


def test_a_process_with_work_outside_the_lock_stays_free(monkeypatch):
    settled = []
    watcher = OneCore(stay_s=0, look_s=0)
    monkeypatch.setattr(watcher, "_run_on", settled.append)
    monkeypatch.setattr(watcher, "_cores_used", lambda: 1.9)
    monkeypatch.setattr("time.sleep", _end_after(3))

    with pytest.raises(StopIteration):
        watcher.run()

    assert settled == [os.sched_getaffinity(0)] * 3


def _end_after(rounds):
    left = iter(range(rounds - 1))
    return lambda _seconds: next(left)
