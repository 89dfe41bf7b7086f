"""Deadlines against real processes: a job that is too late ends while the lane goes on."""

from __future__ import annotations

import pytest

from tests.acceptance.house import House
from tests.acceptance.receiver import Receiver
from tests.conftest import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

LONG_S = 90
ENGINES = f"""
[[engine]]
name = "stage"
driver = "rehearsal"
seconds = {LONG_S}
steps = 30
ledger = "LEDGER"
fast = {{ slots = 1 }}
"""


@pytest.fixture
def house():
    with House(ENGINES) as house:
        house.start_all()
        yield house


def shown(house, job):
    return house.ask("GET", f"/draw/midjourney/jobs/{job['id']}")[1]


def ended(house, job):
    wait_until(lambda: shown(house, job)["status"] > 0, what="the job's end")
    return shown(house, job)


def test_a_job_that_is_too_late_ends_behind_a_long_one_and_is_told_once(house):
    with Receiver() as receiver:
        long = house.imagine(promptEn="a long one")
        wait_until(lambda: shown(house, long)["status"] == 0, what="the long drawing")
        late = house.imagine(promptEn="a late one", deadline=5, callBackUrl=receiver.url)

        job = ended(house, late)

        assert (job["reasonCode"], job["startedAt"]) == ("deadline_passed", None)
        assert shown(house, long)["status"] == 0, "the long one was to be drawn still"
        wait_until(lambda: receiver.ended(late["id"]), what="the callback of the end")
        assert [event["status"] for event in receiver.told(late["id"])] == [2]
        assert [line["job"] for line in house.drawn()] == [long["id"]]


def test_a_drawing_that_is_too_late_makes_room_for_the_next(house):
    late = house.imagine(promptEn="a long one", deadline=15)
    wait_until(lambda: shown(house, late)["status"] == 0, what="the long drawing")
    following = house.imagine(promptEn="the next one [[seconds 0.5]]")

    job = ended(house, late)

    assert job["reasonCode"] == "deadline_passed"
    assert ended(house, following)["status"] == 1
    ends = [line["job"] for line in house.drawn() if line["what"] == "end"]
    assert ends == [following["id"]], "what nobody wanted was drawn to its end"
