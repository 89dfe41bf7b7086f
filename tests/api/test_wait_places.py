"""Who finds every place to wait in taken: it stands for a moment, takes what is given back, and is refused otherwise."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace

import pytest
from flask import Flask

from api import create_app
from api.peer import HungUp
from api.places import Hold
from api.wait_places import CLIENT_STANDING, STANDING, WaitPlaces
from limner.errors import Crowded, TooManyAtOnce
from tests.conftest import wait_until

#: longer than any test may take
LONG_S = 600.0


def staying(_gone):
    """A caller that does not hang up."""
    return nullcontext()


def in_line(places: WaitPlaces) -> int:
    return sum(map(len, places._lines.values()))


@pytest.fixture
def full(settings, store, messages) -> Flask:
    """A process with two places to wait in, one for each client; "cas" has one of them."""
    app = create_app(replace(settings, api_client_waits=1, api_waits=2), store, messages)
    app.extensions["limner"].waits.held("cas")
    return app


@pytest.fixture
def places(full) -> WaitPlaces:
    return full.extensions["limner"].waits


class Standing:
    """Clients that stand, and those of them that got a place, in their order."""

    def __init__(self, places: WaitPlaces) -> None:
        self._places = places
        self._threads: list[threading.Thread] = []
        self.placed: list[str] = []
        self.holds: list[Hold] = []
        self.refused: list[str] = []

    def come(self, *clients: str) -> None:
        before = in_line(self._places)
        for client in clients:
            self._threads.append(threading.Thread(target=self._stand, args=[client], daemon=True))
            self._threads[-1].start()
        # In the line, and not only on the way to it.
        wait_until(lambda: in_line(self._places) == before + len(clients), what="all to stand")

    def _stand(self, client: str) -> None:
        try:
            held = self._places.patiently(client, staying, LONG_S)
        except (TooManyAtOnce, Crowded):
            self.refused.append(client)
        else:
            self.holds.append(held)
            self.placed.append(client)

    def all_answered(self) -> None:
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()


@pytest.fixture
def standing(places, full) -> Iterator[Standing]:
    found = Standing(places)
    yield found
    full.extensions["limner"].watcher.end()
    found.all_answered()


def test_a_place_that_is_given_back_goes_to_who_has_stood_longest(places, standing):
    bob = places.held("bob")
    for client in ("ann", "dee", "eve"):
        standing.come(client)

    bob.close()
    wait_until(lambda: standing.placed, what="a place")

    assert standing.placed == ["ann"]
    assert (places.taken, places.standing) == (2, 2)
    # Nor does anybody overtake them.
    with pytest.raises(Crowded):
        places.held("bob")


def test_who_has_all_that_one_client_may_is_passed_over(places, standing):
    bob = places.held("bob")
    for client in ("cas", "dee"):
        standing.come(client)

    bob.close()
    wait_until(lambda: standing.placed, what="a place")

    assert standing.placed == ["dee"]


def test_a_place_that_came_free_before_one_stood_is_taken(places):
    bob = places.held("bob")

    def freeing(_gone):
        bob.close()
        return nullcontext()

    places.patiently("dee", freeing, LONG_S)

    assert (places.taken, places.standing) == (2, 0)


def test_who_has_stood_longest_is_first_whatever_its_client_had_before(places, standing):
    standing.holds.append(places.held("bob"))
    for client in ("ann", "dee", "ann"):
        standing.come(client)

    for number in range(3):
        standing.holds[number].close()
        wait_until(lambda: len(standing.holds) == number + 2, what="a place")  # noqa: B023

    assert standing.placed == ["ann", "dee", "ann"]


class Counted(Counter):
    """What the clients have taken, and how often somebody asked."""

    def __init__(self, *taken) -> None:
        super().__init__(*taken)
        self.asked = 0

    def __getitem__(self, client: str) -> int:
        self.asked += 1
        return super().__getitem__(client)


def test_however_many_stand_who_comes_or_gives_back_has_few_to_try(settings, store, messages):
    """A thousand who come again each second: were all tried each time, the process would do nothing else."""
    app = create_app(replace(settings, api_client_waits=1, api_waits=9), store, messages)
    places = app.extensions["limner"].waits
    standing, clients = Standing(places), [f"client {number}" for number in range(4)]
    for client in clients:
        places.held(client)
    ann = places.held("ann")
    standing.come(*(CLIENT_STANDING * clients)[:-1])
    assert places.standing == STANDING - 1
    taken = places._taken = Counted(places._taken)

    standing.come(clients[-1])
    arrival, taken.asked = taken.asked, 0
    ann.close()
    given = taken.asked

    assert arrival == 2
    # Once for each client, not for each of its requests; the others are for what was given back.
    assert given <= len(clients) + 2
    app.extensions["limner"].watcher.end()
    standing.all_answered()
    assert len(standing.refused) == STANDING


def test_nobody_is_tried_when_nothing_was_given_back(places, standing):
    places.held("bob")
    standing.come("dee")
    taken = places._taken = Counted(places._taken)

    Hold(places, "eve").close()

    assert taken.asked == 0


class Between:
    """A lock; something happens each time that it comes free."""

    def __init__(self, lock: threading.Lock, act: Callable[[], None]) -> None:
        self._lock, self._act, self._acting = lock, act, False

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()
        if not self._acting:
            self._acting = True
            self._act()
            self._acting = False


def test_there_is_no_moment_in_which_a_newcomer_overtakes(places, standing):
    bob, overtook = places.held("bob"), []
    standing.come("dee")

    def come() -> None:
        with suppress(Crowded):
            overtook.append(places.held("eve"))

    places._lock = Between(places._lock, come)
    bob.close()
    wait_until(lambda: standing.placed or overtook, what="a place")

    assert standing.placed == ["dee"]
    assert not overtook


def test_who_stands_in_vain_is_refused_and_takes_nothing(places):
    with pytest.raises(TooManyAtOnce):
        places.patiently("cas", staying, 0.01)
    places.held("bob")
    with pytest.raises(Crowded):
        places.patiently("dee", staying, 0.01)

    assert (places.taken, places.standing) == (2, 0)


@pytest.mark.parametrize("given", [False, True], ids=["in vain", "with a place"])
def test_who_hangs_up_stands_no_longer_and_keeps_no_place(places, given):
    bob = places.held("bob")

    @contextmanager
    def leaving(gone):
        if given:
            bob.close()
        gone()
        yield

    with pytest.raises(HungUp):
        places.patiently("dee", leaving, LONG_S)

    assert (places.taken, places.standing) == (1 if given else 2, 0)


def test_whoever_ends_the_request_itself_has_its_place_back(places):
    bob = places.held("bob")

    @contextmanager
    def broken(_gone):
        bob.close()
        yield
        raise RuntimeError

    with pytest.raises(RuntimeError):
        places.patiently("dee", broken, LONG_S)

    assert (places.taken, places.standing) == (1, 0)


def test_a_process_that_ends_lets_nobody_stand(full, standing):
    standing.come("cas")

    full.extensions["limner"].watcher.end()
    standing.all_answered()

    assert standing.refused == ["cas"]
    with pytest.raises(TooManyAtOnce):
        full.extensions["limner"].waits.patiently("cas", staying, LONG_S)


@pytest.mark.parametrize(
    ("bound", "others"),
    [("CLIENT_STANDING", {"dee": True}), ("STANDING", {"dee": False})],
)
def test_so_many_stand_and_the_next_is_refused_at_once(
    settings, store, messages, monkeypatch, bound, others
):
    monkeypatch.setattr(f"api.wait_places.{bound}", 1)
    app = create_app(replace(settings, api_client_waits=1, api_waits=1), store, messages)
    places = app.extensions["limner"].waits
    places.held("bob")
    standing = Standing(places)
    standing.come("cas")

    with pytest.raises(Crowded):
        places.patiently("cas", staying, LONG_S)
    for other, stands in others.items():
        if stands:
            standing.come(other)
        else:
            with pytest.raises(Crowded):
                places.patiently(other, staying, LONG_S)

    app.extensions["limner"].watcher.end()
    standing.all_answered()
