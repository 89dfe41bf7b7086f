"""Kill a worker while hosts draw for it: what was submitted is gone on with, and paid for once."""

from __future__ import annotations

import pytest

from tests.acceptance.house import House
from tests.conftest import wait_until
from tests.contract.remote_drivers import BFL, KEY_VARIABLE, REPLICATE
from tests.standins.bfl import BflApi
from tests.standins.replicate import ReplicateApi

pytestmark = pytest.mark.slow

ENGINES = """
[[engine]]
name = "cloud"
driver = "replicate"
base_url = "{replicate}"
model = "acme/painter"
api_token_env = "{key}"
poll_s = 0.2
scale = 1
on_lost = "fail"
clients = ["ann"]
fast = {{ slots = 1 }}

[[engine]]
name = "makers"
driver = "bfl"
base_url = "{bfl}"
model = "flux-2-pro"
api_key_env = "OTHER_{key}"
poll_s = 0.2
scale = 1
on_lost = "fail"
fast = {{ slots = 1 }}
"""


def test_a_killed_workers_drawings_at_hosts_are_gone_on_with_and_paid_for_once(monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, REPLICATE.key)
    monkeypatch.setenv(f"OTHER_{KEY_VARIABLE}", BFL.key)
    with ReplicateApi() as replicate, BflApi() as bfl:
        replicate.held.set()
        bfl.held.set()
        engines = ENGINES.format(replicate=replicate.url, bfl=bfl.url, key=KEY_VARIABLE)
        with House(engines) as house:
            house.start_api()
            worker = house.start_worker("fast")
            house.wait_for_engines()
            ids = [house.imagine()["id"] for _ in range(2)]
            wait_until(
                lambda: all(house.store.jobs.get(job_id).handle for job_id in ids),
                60,
                "two drawings at hosts",
            )

            house.kill(worker)
            house.start_worker("fast")
            replicate.held.clear()
            bfl.held.clear()

            wait_until(
                lambda: all(house.store.jobs.get(job_id).status.ended for job_id in ids),
                60,
                "the end of both",
            )
            jobs = [house.store.jobs.get(job_id) for job_id in ids]
            assert {(job.engine, job.status) for job in jobs} == {
                ("cloud", "done"),
                ("makers", "done"),
            }
            # One prediction of four pictures, and four tasks of one.
            assert (len(replicate.predictions), len(bfl.tasks)) == (1, 4)
            assert (len(replicate.drawn), len(bfl.drawn)) == (4, 4)
