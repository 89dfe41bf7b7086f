"""What a process knows of Redis: who finds out that it is away, who is told, and when it is back."""

from __future__ import annotations

import threading

import pytest

from limner.errors import StoreDown
from limner.store.watch import Watch
from tests.conftest import wait_until

WHY = "Redis does not answer"


class Probe:
    """A Redis that is asked whether it is back, and answers when the test says so."""

    def __init__(self) -> None:
        self.is_back = threading.Event()
        self.asked = threading.Semaphore(0)

    def __call__(self) -> bool:
        self.asked.release()
        return self.is_back.is_set()


@pytest.fixture
def probe():
    return Probe()


@pytest.fixture
def watch(probe):
    watch = Watch(probe, 0.01)
    yield watch
    watch.close()


def is_away(watch: Watch) -> bool:
    try:
        watch.check()
    except StoreDown:
        return True
    return False


def test_after_a_call_without_an_answer_others_fail_at_once(watch):
    watch.missed(watch.check(), WHY)

    with pytest.raises(StoreDown, match=WHY):
        watch.check()


def test_a_call_without_an_answer_says_nothing_while_others_are_answered(watch, probe):
    before = watch.check()
    watch.answered += 1

    watch.missed(before, WHY)

    assert watch.check() == 1
    assert not probe.asked.acquire(blocking=False)


def test_redis_is_asked_until_it_answers_and_then_used_again(watch, probe):
    watch.missed(watch.check(), WHY)
    for _ in range(3):
        assert probe.asked.acquire(timeout=60)
        assert is_away(watch)

    probe.is_back.set()

    wait_until(lambda: not is_away(watch), what="Redis being used again")


def test_a_call_that_began_before_redis_was_back_cuts_off_nobody(watch, probe):
    before = watch.check()
    watch.missed(before, WHY)
    probe.is_back.set()
    wait_until(lambda: not is_away(watch), what="Redis being used again")

    watch.missed(before, WHY)

    assert not is_away(watch)


def test_one_thread_asks_however_many_calls_missed_an_answer(watch, probe):
    # Those of other watches may be about to end.
    others = threading.enumerate()
    before = watch.check()
    for _ in range(20):
        watch.missed(before, WHY)
    assert probe.asked.acquire(timeout=60)

    started = [thread for thread in threading.enumerate() if thread not in others]
    asking = [thread for thread in started if thread.name == "redis-watch"]

    assert len(asking) == 1


def test_a_question_that_fails_for_another_reason_leaves_nobody_cut_off(monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda _args: None)
    watch = Watch(lambda: 1 // 0, 0.01)

    watch.missed(watch.check(), WHY)

    wait_until(lambda: not is_away(watch), what="the watch's end")


def test_a_closed_watch_asks_no_more(watch, probe):
    watch.missed(watch.check(), WHY)
    watch.close()

    wait_until(lambda: not is_away(watch), what="the watch's end")
    watch.missed(watch.check(), WHY)
    assert not is_away(watch)
