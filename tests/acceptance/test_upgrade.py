"""The last release and this tree on one Redis: an upgrade while jobs wait, are drawn and are told of."""

from __future__ import annotations

from itertools import chain

import pytest

from tests.acceptance.house import assert_told_in_order
from tests.acceptance.load import stage, unfinished
from tests.acceptance.receiver import Receiver
from tests.acceptance.upgrade import Upgraded, unpack
from tests.conftest import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_workers_and_apis_of_the_last_release_and_of_this_one_run_side_by_side(tmp_path):
    former = unpack(tmp_path / "former")
    with Receiver() as receiver, Upgraded(former, stage(seconds=1, fast=2, relaxed=2)) as house:
        posted: dict[str, list[str]] = {}

        def post(kind: str, count: int, **fields) -> list[str]:
            made = [house.imagine(callBackUrl=receiver.url, **fields)["id"] for _ in range(count)]
            posted[kind] = made
            return made

        def wait_for_the_end_of(*kinds: str) -> None:
            jobs = [job for kind in kinds for job in posted[kind]]
            wait_until(lambda: all(map(receiver.ended, jobs)), 90, f"the end of {kinds}")

        # The last release alone: jobs that it drew, and jobs that wait.
        with house.former():
            house.start_api()
            old = house.start_worker("fast")
            old_poster = house.start_worker("callbacks")
            post("all old", 2)
            post("old to new", 4, fast=False)
            wait_for_the_end_of("all old")
        assert not house.store.redis.exists("limner:schema"), "nobody has upgraded yet"

        # Both: each draws what the other's API accepted.
        new_poster = house.start_worker("callbacks")
        new = house.start_worker("relaxed")
        house.start_api()
        post("new to old", 4)
        wait_for_the_end_of("old to new", "new to old")
        assert set(posted["new to old"]) <= house.drew(old)
        assert set(posted["old to new"]) <= house.drew(new)
        mark, _ = house.store.schema.mark()
        assert (mark.schema, mark.readable_from) == (house.store.schema.ours, 1)

        # The old ones go, in the middle of drawings that the new ones take over.
        with house.former():
            post("left behind", 6)
        wait_until(lambda: house.store.jobs.running_count("ann") == 2, what="drawings of the old")
        heir = house.start_worker("fast")
        wait_until(lambda: "ready." in house.log(heir), what="the new worker of the lane")
        for name in (old, old_poster, "former-api"):
            house.terminate(name)
        wait_for_the_end_of("left behind")

        for jobs in posted.values():
            for job in jobs:
                told = receiver.told(job)
                assert_told_in_order(told)
                assert told[-1]["status"] == 1, told[-1]
                assert house.ask("GET", f"/draw/midjourney/jobs/{job}")[1]["status"] == 1
        assert unfinished(house) == 0
        said = "".join(house.log(name) for name in (new_poster, new, heir, "api"))
        assert said.count("data.migrated") == 1, "one process brought the data forward"
        starts = [line["job"] for line in house.drawn() if line["what"] == "start"]
        assert sorted(starts) == sorted(chain.from_iterable(posted.values())), (
            "nothing is drawn twice"
        )
