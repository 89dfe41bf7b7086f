"""Money that was spent on a part of a drawing is not spent again without its operator's word, on every hosted driver."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator

import pytest

import engines
from engines.remote import spent
from limner.engine import Engine, Finished
from limner.errors import (
    BadResult,
    EngineBusy,
    EngineDown,
    EngineError,
    JobLost,
    Refused,
    Rejected,
)
from tests.contract.engine_suite import a_brief
from tests.contract.hosted_drivers import DASHSCOPE, GEMINI
from tests.contract.remote_drivers import BFL, KEY_VARIABLE, OPENAI, REPLICATE, Driver, drawn
from tests.standins.loopback import Answer, Asked, Dropped, Loopback, as_json

Odd = Callable[[Asked], Answer | None]


class House:
    """One driver on its stand-in, which answers some requests in another way."""

    def __init__(self, driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(KEY_VARIABLE, driver.key)
        self._driver = driver
        self._server: Loopback = driver.stand_in()
        self._usual = self._server.answer
        self._built: list[Engine] = []

    @property
    def posts(self) -> int:
        """How many requests were made that may cost money."""
        asked = [one for one in self._server.asked if one.method == "POST"]
        return sum(not one.path.endswith("cancel") for one in asked)

    @property
    def url(self) -> str:
        return self._server.url.removesuffix("/v1")

    def pause(self, seconds: float, asked: Asked) -> None:
        self._server.pause(seconds, asked)

    def answer_by(self, odd: Odd) -> None:
        self._server.answer = lambda asked: odd(asked) or self._usual(asked)  # type: ignore[method-assign]

    def build(self, **options: object) -> Engine:
        self._built.append(engines.load(self._driver.entry(self._server.url, **options)))
        return self._built[-1]

    def __enter__(self) -> House:
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        for engine in self._built:
            engine.close()
        self._server.__exit__(None, None, None)


@pytest.fixture
def house(request, monkeypatch) -> Iterator[House]:
    monkeypatch.setattr(spent, "FETCH_PAUSES_S", (0.01, 0.01))
    monkeypatch.setattr(spent, "PAUSE_S", 0.01)
    with House(request.param, monkeypatch) as house:
        yield house


def pictures_break_off(times: int) -> Odd:
    left = [times]

    def answer(asked: Asked) -> Answer | None:
        if asked.path.startswith(("/oss/", "/delivery/")) and left[0] > 0:
            left[0] -= 1
            raise Dropped
        return None

    return answer


AT_ONCE = {"model": "qwen-image-2.0-pro"}


@pytest.mark.parametrize("house", [DASHSCOPE], indirect=True)
def test_a_picture_that_cannot_be_had_for_a_moment_is_fetched_again_and_not_drawn(house):
    house.answer_by(pictures_break_off(2))

    assert len(drawn(house.build(**AT_ONCE), a_brief()).cells) == 4
    assert house.posts == 4


@pytest.mark.parametrize("house", [DASHSCOPE], indirect=True)
def test_a_picture_that_cannot_be_had_is_a_loss_of_what_was_paid_for(house):
    house.answer_by(pictures_break_off(1000))

    with pytest.raises(JobLost) as caught:
        drawn(house.build(**AT_ONCE), a_brief())

    assert caught.value.charged
    assert house.posts <= 4


def only_the_first(status: int, body: object) -> Odd:
    """Draw the first cell only."""
    seen = [0]

    def answer(asked: Asked) -> Answer | None:
        if asked.method != "POST":
            return None
        seen[0] += 1
        return None if seen[0] == 1 else as_json(body, status, Retry_After="0.1")

    return answer


REFUSALS = [
    (OPENAI, 429, {"error": {"code": "rate_limit_exceeded"}}),
    (OPENAI, 503, {}),
    (OPENAI, 402, {}),
    (GEMINI, 429, {"error": {"status": "RESOURCE_EXHAUSTED", "details": [{"retryDelay": "1s"}]}}),
    (GEMINI, 502, {}),
    (GEMINI, 402, {}),
]


@pytest.mark.parametrize(("house", "status", "body"), REFUSALS, indirect=["house"])
def test_cells_that_are_turned_away_for_good_do_not_have_the_others_drawn_again(
    house, status, body, monkeypatch
):
    monkeypatch.setattr(spent, "TRIES", 2)
    house.answer_by(only_the_first(status, body))

    with pytest.raises(JobLost) as caught:
        drawn(house.build(at_once=1), a_brief())

    assert caught.value.charged


@pytest.mark.parametrize(
    ("house", "status", "body", "error"),
    [
        (*REFUSALS[0], EngineBusy),
        (*REFUSALS[2], Refused),
        (*REFUSALS[4], EngineDown),
        (*REFUSALS[5], Refused),
    ],
    indirect=["house"],
)
def test_a_drawing_that_is_turned_away_before_any_cell_waits_at_no_cost(house, status, body, error):
    house.answer_by(lambda asked: as_json(body, status) if asked.method == "POST" else None)

    with pytest.raises(error):
        drawn(house.build(at_once=1), a_brief())

    assert house.posts == 1


def refused_while_the_others_are_drawn(house: House, status: int, body: object) -> Odd:
    """Refuse the first cell that is asked for, and take a while over the others."""
    numbers = itertools.count()

    def answer(asked: Asked) -> Answer | None:
        if asked.method != "POST":
            return None
        if next(numbers) == 0:
            return as_json(body, status, Retry_After="3600")
        house.pause(0.3, asked)
        return None

    return answer


@pytest.mark.parametrize(
    ("house", "status", "body"),
    [(OPENAI, 429, {}), (OPENAI, 402, {}), (GEMINI, 429, {}), (GEMINI, 402, {})],
    indirect=["house"],
)
def test_cells_under_way_are_not_hung_up_on_to_be_drawn_again(house, status, body):
    house.answer_by(refused_while_the_others_are_drawn(house, status, body))

    with pytest.raises(JobLost) as caught:
        drawn(house.build(at_once=3), a_brief())

    assert caught.value.charged
    assert caught.value.partly
    # One was refused and two were drawn: with the fourth it would be no whole drawing either.
    assert house.posts == 3


@pytest.mark.parametrize("house", [OPENAI, GEMINI], indirect=True)
def test_cells_that_are_all_refused_while_others_are_under_way_cost_nothing(house):
    house.answer_by(lambda asked: as_json({}, 402) if asked.method == "POST" else None)

    with pytest.raises(Refused) as caught:
        drawn(house.build(at_once=4), a_brief())

    assert not caught.value.partly
    assert house.posts == 4


@pytest.mark.parametrize("house", [BFL], indirect=True)
def test_a_host_that_is_away_for_a_moment_while_it_is_submitted_to_costs_no_drawing(house):
    numbers = itertools.count()

    def answer(asked: Asked) -> Answer | None:
        away = asked.method == "POST" and next(numbers) == 2
        return as_json({}, 503) if away else None

    house.answer_by(answer)

    assert len(drawn(house.build(), a_brief()).cells) == 4
    assert house.posts == 5


@pytest.mark.parametrize("house", [BFL], indirect=True)
@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (402, {}, JobLost),
        (422, {"detail": [{"loc": ["body", "prompt"]}]}, Rejected),
    ],
)
def test_what_was_started_before_a_later_cell_is_refused_is_paid_for_and_says_why(
    house, status, body, error
):
    house.answer_by(only_the_first(status, body))

    with pytest.raises(error) as caught:
        house.build().submit(a_brief())

    assert caught.value.partly or caught.value.charged
    assert error is Rejected or isinstance(caught.value.__cause__, Refused)


@pytest.mark.parametrize("house", [REPLICATE], indirect=True)
@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_host_that_cannot_cancel_now_is_told_again_later(house, status):
    engine = house.build()
    handle = engine.submit(a_brief())
    house.answer_by(lambda asked: as_json({}, status) if asked.path.endswith("cancel") else None)

    with pytest.raises(EngineDown):
        engine.cancel(handle)


@pytest.mark.parametrize("house", [REPLICATE], indirect=True)
@pytest.mark.parametrize("status", [400, 404, 409, 422])
def test_a_host_that_has_nothing_to_cancel_is_not_told_again(house, status):
    engine = house.build()
    handle = engine.submit(a_brief())
    house.answer_by(lambda asked: as_json({}, status) if asked.path.endswith("cancel") else None)

    engine.cancel(handle)


def test_a_picture_is_not_fetched_again_once_a_drawing_is_stopped():
    stopped, fetches = threading.Event(), []
    stopped.set()

    def fetch() -> bytes:
        fetches.append(1)
        raise EngineDown

    with pytest.raises(JobLost):
        spent.fetched(fetch, stopped.wait)

    assert len(fetches) == 1


def failing(places: range, url: str) -> Odd:
    """Fail the predictions of these places, by order, since the model is in high demand; the others are done."""
    known: list[str] = []

    def answer(asked: Asked) -> Answer | None:
        name = asked.path.rpartition("/")[2]
        if asked.method != "GET" or "/predictions/" not in asked.path:
            return None
        if name not in known:
            known.append(name)
        if known.index(name) not in places:
            pictures = [f"{url}/delivery/{name}/0.png"]
            return as_json({"id": name, "status": "succeeded", "output": pictures})
        return as_json({"id": name, "status": "failed", "error": "high demand (E003)"})

    return answer


@pytest.mark.parametrize("house", [REPLICATE], indirect=True)
@pytest.mark.parametrize(("places", "error"), [(range(1, 4), JobLost), (range(4), EngineBusy)])
def test_a_busy_model_costs_a_drawing_of_which_a_part_is_drawn(house, places, error):
    house.answer_by(failing(places, house.url))

    with pytest.raises(EngineError) as caught:
        drawn(house.build(outputs="apart"), a_brief())

    assert type(caught.value) is error


@pytest.mark.parametrize("house", [BFL], indirect=True)
def test_cells_that_wait_at_a_host_that_cannot_cancel_are_paid_for(house):
    first: list[str] = []

    def answer(asked: Asked) -> Answer | None:
        if "id" not in asked.query:
            return None
        first[:] = first or [asked.query["id"]]
        status = "Request Moderated" if asked.query["id"] in first else "Pending"
        return as_json({"id": asked.query["id"], "status": status})

    house.answer_by(answer)

    with pytest.raises(Rejected) as caught:
        drawn(house.build(), a_brief())

    assert caught.value.partly


@pytest.mark.parametrize("house", [REPLICATE], indirect=True)
def test_a_host_is_down_whose_pictures_cannot_be_had_and_the_handle_is_good_later(house):
    engine, brief = house.build(silent_s=0.1), a_brief()
    handle = engine.submit(brief)
    house.answer_by(pictures_break_off(1000))

    with pytest.raises(EngineDown, match="pictures"):
        drawn(engine, brief, handle)

    house.answer_by(pictures_break_off(0))
    assert isinstance(drawn(engine, brief, handle), Finished)


@pytest.mark.parametrize("house", [REPLICATE], indirect=True)
def test_too_few_pictures_cost_what_the_host_says(house):
    def answer(asked: Asked) -> Answer | None:
        if asked.method != "GET" or "/predictions/" not in asked.path:
            return None
        name = asked.path.rpartition("/")[2]
        metrics = {"predict_time": 3.0}
        return as_json({"id": name, "status": "succeeded", "output": [], "metrics": metrics})

    house.answer_by(answer)

    with pytest.raises(BadResult) as caught:
        drawn(house.build(price_per_second=2.0), a_brief())

    assert caught.value.cost == 6.0
