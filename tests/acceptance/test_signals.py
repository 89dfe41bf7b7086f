"""SIGTERM and SIGHUP to workers with something under way: they end in order, and those that follow go on."""

from __future__ import annotations

import json
import re
import signal
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.house import House, assert_told_in_order
from tests.acceptance.load import stage
from tests.acceptance.receiver import Receiver
from tests.acceptance.test_recovery import all_ended, assert_all_done, drawing
from tests.api.test_connections import sighup_as_in_a_terminal as sighup_as_in_a_terminal
from tests.conftest import wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.usefixtures("sighup_as_in_a_terminal"),
]
SIGNALS = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda n: n.name)


def assert_ended_in_order(house: House, name: str, code: int) -> None:
    """All that a worker says is log, and nothing of it an error."""
    said = [json.loads(line) for line in house.log(name).splitlines()]
    assert code == 0
    assert [line for line in said if line["level"] in ("error", "critical")] == []
    assert "Traceback" not in house.log(name)


@SIGNALS
def test_a_lane_worker_hands_its_drawings_over_to_the_next(number):
    with Receiver() as receiver, House(stage(seconds=8)) as house:
        house.start_api()
        house.start_worker("callbacks")
        first = house.start_worker("fast")
        ids = [house.imagine(callBackUrl=receiver.url)["id"] for _ in range(3)]
        wait_until(lambda: drawing(house, ids) == 3, what="three drawings under way")

        code = house.signalled(first, number)

        assert_ended_in_order(house, first, code)
        assert not any(receiver.ended(job) for job in ids)
        house.start_worker("fast")
        wait_until(all_ended(receiver, ids), 60, "the end of all")
        assert_all_done(house, receiver, ids)
        counts = Counter((line["job"], line["what"]) for line in house.drawn())
        assert counts == {(job, what): 1 for job in ids for what in ("start", "end")}
        # As at the death of a worker.
        assert all(not house.store.redis.hget(f"limner:job:{job}", "lost") for job in ids)


@SIGNALS
def test_beat_and_flower_end_in_order(number):
    with House("", tick_s=1) as house:
        house.start_beat()
        house.start_flower()
        wait_until(lambda: house.store.redis.llen("callbacks") > 0, what="beat's first tick")
        for name in ("beat", "flower"):
            code = house.signalled(name, number)
            assert_ended_in_order(house, name, code)


def test_what_nohup_has_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with House("", tick_s=1) as house:
            house.start_beat()
            house.start_flower()
            wait_until(lambda: house.store.redis.llen("callbacks") > 0, what="beat's first tick")
            for name in ("beat", "flower"):
                status = Path(f"/proc/{house.running[name].pid}/status").read_text()
                ignored = int(re.findall(r"^SigIgn:\s*(\w+)$", status, re.MULTILINE)[0], 16)
                assert ignored >> (signal.SIGHUP - 1) & 1, name
    finally:
        signal.signal(signal.SIGHUP, before)


class Withholding(Receiver):
    """Answers at once, but for the end of a job, which it answers when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = threading.Event()

    def heard(self, body: dict[str, Any]) -> None:
        if body["status"] == 1:
            self.answers.wait(60)


@SIGNALS
@pytest.mark.parametrize("in_time", [True, False], ids=["answered", "unanswered"])
def test_a_callback_worker_finishes_its_posts_or_leaves_them_to_the_next(number, in_time):
    """Those that are answered soon are not sent again; of the others each is, under the same id."""
    with Withholding() as receiver, House(stage(seconds=0.5, fast=8)) as house:
        house.start_api()
        house.start_worker("fast")
        first = house.start_worker("callbacks")
        ids = [house.imagine(callBackUrl=receiver.url)["id"] for _ in range(3)]
        wait_until(all_ended(receiver, ids), what="the last POST of each, under way")

        answering = threading.Thread(
            target=lambda: (
                wait_until(lambda: "worker.signalled" in house.log(first), what="the signal"),
                receiver.answers.set(),
            )
        )
        if in_time:
            answering.start()
        code = house.signalled(first, number)
        receiver.answers.set()

        assert_ended_in_order(house, first, code)
        house.start_worker("callbacks")
        wait_until(
            lambda: not any(house.store.outbox.told(job).pending for job in ids),
            what="the end of all callbacks",
        )
        for job in ids:
            assert_told_in_order(receiver.told(job))
            sent = Counter(receiver.ids[job])
            assert sent.pop(receiver.ids[job][-1]) == (1 if in_time else 2)
            assert set(sent.values()) == {1}
        if in_time:
            answering.join()
