"""Who hangs up while all places to wait in are taken: it may come back, and has its job if it does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import pytest

from api import create_app
from api.places import Hold, Places
from limner.store import Store
from tests.api.asking import Caller
from tests.api.drawing import done
from tests.api.faces.openai.asking import Line
from tests.conftest import wait_until

#: longer than any test may take
LONG_S = 600.0
DRAWN = {"prompt": "a fox"}


def staying(_gone):
    """A caller that does not hang up."""
    return nullcontext()


@dataclass
class Way:
    """How a library asks for a drawing that it waits for, and asks again."""

    path: str
    body: dict[str, Any]
    first: dict[str, str]
    again: dict[str, str]

    def ask(self, caller: Caller, headers: dict[str, str], line: Line):
        bearer = {"Authorization": f"Bearer {caller.token}"}
        return caller(
            *("POST", self.path),
            json=self.body,
            headers=bearer | headers,
            environ_overrides=line.environ,
        )


TRIES = [{"x-stainless-retry-count": count} for count in "01"]
WAYS = {
    "openai": Way("/v1/images/generations", DRAWN, *TRIES),
    "openai's stream": Way("/v1/images/generations", {**DRAWN, "stream": True}, *TRIES),
    "sdapi": Way("/sdapi/v1/txt2img", {**DRAWN, "force_task_id": "mine"}, {}, {}),
}


@pytest.fixture(params=WAYS)
def way(request) -> Way:
    return WAYS[request.param]


class Scene:
    """A process with one place to wait in, a caller that waits there, and its line."""

    def __init__(self, caller: Caller, store: Store) -> None:
        self.caller, self.store, self.line = caller, store, Line()
        here = caller.app.extensions["limner"]
        self.watcher, self.places = here.watcher, here.waits
        self.answers: list[int] = []
        self._threads: list[threading.Thread] = []

    def begin(self, act: Callable[[], None]) -> threading.Thread:
        self._threads.append(threading.Thread(target=act, daemon=True))
        self._threads[-1].start()
        return self._threads[-1]

    def asks(self, way: Way, headers: dict[str, str], line: Line) -> threading.Thread:
        def ask() -> None:
            response = way.ask(self.caller, headers, line)
            response.get_data()
            self.answers.append(response.status_code)

        return self.begin(ask)

    def waits(self, way: Way) -> threading.Thread:
        thread = self.asks(way, way.first, self.line)
        wait_until(lambda: self.awaited_by() and self.watcher.waiting, what="somebody who waits")
        return thread

    def stands(self, way: Way) -> None:
        self.asks(way, way.again, Line())
        wait_until(lambda: self.in_line == 1, what="somebody who stands")

    def hangs_up(self, thread: threading.Thread, others: int) -> None:
        """Have it hang up, where so many others wait or stand; return once it is over, or only waits for its return."""
        (request,) = self.awaited_by()
        self.line.hang_up()
        wait_until(lambda: request not in self.awaited_by(), what="it to leave")
        wait_until(
            lambda: self.watcher.waiting == others + 1 or not thread.is_alive(), what="its time"
        )

    def awaited_by(self) -> set[bytes]:
        redis = self.store.redis
        return {one for key in redis.keys("limner:awaited:*") for one in redis.smembers(key)}

    @property
    def in_line(self) -> int:
        return sum(map(len, self.places._lines.values()))

    @property
    def job(self) -> dict[str, Any]:
        (job,) = self.caller("GET", "/draw/midjourney/jobs").json["data"]
        return job

    def end(self) -> None:
        """End the process, so that nothing is cancelled any more."""
        self.watcher.end()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()


@pytest.fixture
def scene(settings, store, messages, caller, monkeypatch) -> Iterator[Scene]:
    """Who hangs up has long to come back, and who finds no place stands for long."""
    monkeypatch.setattr("api.audience.GRACE_S", LONG_S)
    monkeypatch.setattr("api.waiting.STAND_S", LONG_S)
    monkeypatch.setattr("api.faces.openai.streaming.STAND_S", LONG_S)
    app = create_app(replace(settings, api_client_waits=1), store, messages)
    found = Scene(Caller(app, caller.token, caller.name), store)
    yield found
    found.end()
    assert (found.places.taken, found.places.standing) == (0, 0)


def test_who_hangs_up_and_stands_for_its_own_place_comes_back_to_its_job(scene, way):
    first = scene.waits(way)
    scene.stands(way)

    scene.hangs_up(first, others=1)

    assert first.is_alive(), scene.job
    wait_until(lambda: scene.awaited_by(), what="it to wait again")
    done(scene.caller.app, scene.store, scene.job)
    wait_until(lambda: scene.answers, what="its answer")
    assert scene.answers == [200]
    assert scene.job["status"] == 1


def test_whose_place_somebody_else_gets_has_its_time_to_come_back_all_the_same(scene, way):
    first = scene.waits(way)
    stranger = scene.begin(
        lambda: scene.places.patiently(scene.caller.name, staying, LONG_S).close()
    )
    wait_until(lambda: scene.in_line == 1, what="somebody who stands")

    scene.hangs_up(first, others=0)
    stranger.join(60)

    assert not stranger.is_alive()
    assert first.is_alive(), scene.job
    assert scene.job["status"] == -2


def test_whoever_finds_no_room_aside_keeps_its_place_until_its_time_is_over(scene, way):
    scene.places._aside = Places(0, 0)
    first = scene.waits(way)
    scene.stands(way)

    scene.hangs_up(first, others=1)

    assert first.is_alive(), scene.job
    assert scene.job["status"] == -2
    assert (scene.places.taken, scene.in_line) == (1, 1)


@pytest.mark.parametrize("aside", [0, 1])
def test_a_reader_that_hangs_up_between_two_waits_has_time_to_come_back(scene, monkeypatch, aside):
    """It has no place then; somebody else does."""
    monkeypatch.setattr("api.faces.openai.streaming.WAIT_MOST_S", 0.0)
    scene.places._aside = Places(aside, aside)
    others: list[Hold] = [scene.places.held(scene.caller.name)]
    way = WAYS["openai's stream"]
    first = scene.asks(way, way.first, scene.line)
    wait_until(lambda: scene.in_line == 1, what="the reader to stand")
    scene.begin(lambda: others.append(scene.places.patiently(scene.caller.name, staying, LONG_S)))
    wait_until(lambda: scene.in_line == 2, what="another to stand")
    others[0].close()
    wait_until(lambda: len(others) == 2 and scene.in_line == 1, what="the reader to stand again")

    scene.hangs_up(first, others=0)

    assert first.is_alive(), scene.job
    assert scene.job["status"] == -2
    others[1].close()


def test_nobody_came_back_in_time(scene, way, monkeypatch):
    """And its line has an answer that nobody reads, in every protocol."""
    monkeypatch.setattr("api.audience.GRACE_S", 0.0)
    first = scene.waits(way)

    scene.line.hang_up()
    first.join(60)

    assert scene.job["reasonCode"] == "cancelled"
    assert scene.answers == [200 if way.body.get("stream") else 499]
