"""A run of tests to be cut off: it says when everything runs, and waits. See ``test_cut_off.py``."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from tests.acceptance.house import House
from tests.conftest import wait_until

# A shell starts what it puts into the background deaf to this, and so would be all tests of a run there.
signal.signal(signal.SIGINT, signal.default_int_handler)

ENGINE = """
[[engine]]
name = "sketch"
driver = "sketch"
fast = { slots = 1 }
"""


@pytest.fixture
def house(redis_url):
    with House(ENGINE) as house:
        house.start_api()
        house.start_worker("fast")
        job = house.imagine()["id"]
        wait_until(lambda: house.store.jobs.get(job).status == "done", 120, "a drawing")
        yield house


# Alone, and not what is started for it, however long that takes.
@pytest.mark.timeout(float(os.environ["CUT_OFF_S"]), method="thread", func_only=True)
@pytest.mark.usefixtures("house")
def test_everything_runs_and_nobody_ends_it():
    Path(os.environ["CUT_OFF_READY"]).touch()
    threading.Event().wait()
