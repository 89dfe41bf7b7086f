"""Room in memory: never more than there is, in order of arrival."""

from __future__ import annotations

import threading

import pytest

from limner.pictures.room import Room


def test_what_fits_together_is_held_together():
    room = Room(10)
    with room.take(4), room.take(6):
        pass


def test_what_is_larger_than_the_room_is_alone_in_it():
    room, order = Room(10), []

    def other():
        with room.take(1):
            order.append("other")

    with room.take(1000):
        thread = threading.Thread(target=other)
        thread.start()
        order.append("large")
    thread.join(10)

    assert order == ["large", "other"]


def test_a_small_one_does_not_overtake_a_large_one_that_waits():
    room, order, waits = Room(10), [], threading.Event()

    def hold(name, size):
        with room.take(size):
            order.append(name)

    with room.take(5):
        large = threading.Thread(target=hold, args=("large", 8))
        large.start()
        while not room._waiting:
            waits.wait(0.001)
        small = threading.Thread(target=hold, args=("small", 1))
        small.start()
        while len(room._waiting) < 2:
            waits.wait(0.001)
        assert order == []
    large.join(10)
    small.join(10)

    assert order[0] == "large"


def test_room_is_given_back_after_a_failure():
    room = Room(10)
    with pytest.raises(ValueError, match="broken"), room.take(10):
        raise ValueError("broken")

    with room.take(10):
        pass


def test_who_has_to_wait_is_told_once_and_who_need_not_is_not():
    room, told = Room(10), []

    def hold():
        with room.take(6, lambda: told.append("second")):
            pass

    with room.take(6, lambda: told.append("first")):
        thread = threading.Thread(target=hold)
        thread.start()
        while not told:
            threading.Event().wait(0.001)
    thread.join(10)

    assert told == ["second"]


def test_who_is_in_a_hurry_goes_on_without_room_and_takes_none_from_others():
    room, order = Room(10), []

    def hold():
        with room.take(10):
            order.append("next")

    with room.take(10):
        with room.take(10, hurried=lambda: True):
            order.append("hurried")
        thread = threading.Thread(target=hold)
        thread.start()
        while not room._waiting:
            threading.Event().wait(0.001)
        assert order == ["hurried"]
    thread.join(10)

    assert order == ["hurried", "next"]
