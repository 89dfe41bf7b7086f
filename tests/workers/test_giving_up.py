"""Each way in which a drawing is given up: it is stopped at its engine, or goes on for its job alone.

After every one of them the engine draws what the job's record names, and nothing else; and a drawing
that is not to be paid for twice is never begun again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from limner.errors import (
    BadResult,
    EngineBusy,
    EngineDown,
    EngineError,
    EngineStuck,
    JobLost,
    OutOfMemory,
    Refused,
    Rejected,
    StoreDown,
)
from limner.job import Status
from tests.builders import an_accepted_job, an_engine
from tests.conftest import wait_until
from tests.workers.ledger import ENGINE, House, Killed, Ledger, Worker, over


@pytest.fixture
def house(store, clock, images) -> Iterator[Callable[..., House]]:
    made: list[House] = []

    def build(*, attach: bool, on_lost: str = "") -> House:
        engine = Ledger(attach=attach, charged=bool(on_lost))
        store.engines.register([an_engine(ENGINE, fast=1)])
        one, two = (
            Worker(name, store, images, {ENGINE: engine}, on_lost) for name in ("one", "two")
        )
        made.append(House(store, clock, engine, one, two, an_accepted_job(store, tile=True)))
        return made[-1]

    yield build
    for one in made:
        one.one.close()
        one.two.close()


# -- the ways -------------------------------------------------------------------------------------


def another_has_it(house: House) -> None:
    """Its worker hears so from a beat."""
    thread = house.begin()
    house.later(20, house.two)
    if not house.ended:
        house.begin(house.two)
    house.one.keeper.beat()
    over(thread)


def another_has_it_and_a_step_comes(house: House) -> None:
    thread = house.begin()
    house.later(20, house.two)
    house.engine.step()
    over(thread)


def told_to_stop(reason) -> Callable[[House], None]:
    def way(house: House) -> None:
        thread = house.begin()
        house.one.keeper.stop_all(reason)
        over(thread)

    return way


def late_while_the_engine_is_away(house: House) -> None:
    house.engine.away = True
    told_to_stop("late")(house)
    house.engine.away = False


def stuck_twice(house: House) -> None:
    told_to_stop("stuck")(house)
    house.later(15, house.one)
    if not house.ended:
        told_to_stop("stuck")(house)


def cancelled_by_its_caller(house: House) -> None:
    thread = house.begin()
    assert house.store.lanes.cancel(house.job.id)
    house.one.keeper.beat()
    over(thread)


def too_late_for_its_caller(house: House) -> None:
    thread = house.begin()
    house.store.redis.zadd("limner:deadlines", {house.job.id: house.clock()})
    assert house.store.lanes.pass_deadlines() == 1
    house.one.keeper.beat()
    over(thread)


def cancelled_while_it_is_handed_over(house: House) -> None:
    house.engine.on_submit = lambda: house.store.lanes.cancel(house.job.id)
    over(house.one.imagine(house.job))


def redis_away_after_the_hand_over(house: House) -> None:
    """The worker must end before it could write down what the engine gave."""
    lanes = house.store.lanes
    keep_handle = lanes.keep_handle

    def away(job_id, token, handle, **options) -> None:
        if not handle:
            # The note that it is about to be handed over.
            keep_handle(job_id, token, handle, **options)
            return
        house.one.draftsman.drain()
        lanes.keep_handle = keep_handle
        raise StoreDown

    lanes.keep_handle = away
    over(house.one.imagine(house.job))
    house.later(20, house.two)


def a_dead_worker_at_hand_over(house: House) -> None:
    """The engine has begun, and nobody will know what it gave."""

    def die() -> None:
        house.engine.going.clear()
        raise Killed

    house.engine.on_submit = die
    over(house.one.imagine(house.job))
    house.engine.on_submit = lambda: None
    house.later(20, house.two)


def shutdown(house: House) -> None:
    thread = house.begin()
    house.one.draftsman.drain()
    over(thread)


def failing(*errors: BaseException) -> Callable[[House], None]:
    def way(house: House) -> None:
        for error in errors:
            house.later(65, house.one)
            if not house.ended:
                thread = house.begin()
                house.engine.fail(error)
                over(thread)

    return way


def in_part(error: EngineError) -> EngineError:
    """Of a drawing whose other pictures were drawn, and cost money."""
    error.partly = True
    return error


def away_for_good(house: House) -> None:
    """Well whenever it is asked, the engine goes away under the drawing again and again."""
    for _ in range(6):
        house.later(65, house.one)
        thread = house.begin()
        house.engine.away = True
        house.engine.fail(EngineDown())
        over(thread)
        house.engine.away = False


def a_dead_worker(house: House) -> None:
    thread = house.begin()
    house.engine.fail(Killed())
    over(thread)
    house.later(20, house.two)


def three_dead_workers(house: House) -> None:
    for _ in range(3):
        if not house.ended:
            house.one.keeper.beat()
            a_dead_worker(house)


def nobody_in_time(house: House) -> None:
    shutdown(house)
    house.clock.pass_s(86_400)
    house.later(5, house.two)
    over(house.two.imagine(house.job))


def no_engine_any_more(house: House) -> None:
    shutdown(house)
    house.store.engines.abilities(ENGINE, ["tile"])
    over(house.two.imagine(house.job))


GOES_ON, ANEW, LOST = "goes on", "anew", "drawing_lost"

#: way → what becomes of the job: the drawing goes on · it is drawn anew · the code by which it fails.
#: First where another worker can attach to the drawing: it costs nothing, it was paid for and ``on_lost`` says
#: "retry", or "fail"; then where none can, and it was paid for
WAYS: dict[str, tuple[Callable[[House], None], str, str, str, str, str]] = {
    "another has it": (another_has_it, GOES_ON, GOES_ON, GOES_ON, ANEW, LOST),
    "a step for another": (another_has_it_and_a_step_comes, GOES_ON, GOES_ON, GOES_ON, ANEW, LOST),
    "late": (told_to_stop("late"), *["timed_out"] * 5),
    "late and away": (late_while_the_engine_is_away, *["timed_out"] * 5),
    "stuck": (told_to_stop("stuck"), GOES_ON, GOES_ON, GOES_ON, ANEW, LOST),
    "stuck twice": (stuck_twice, *["no_progress"] * 4, LOST),
    "cancelled": (cancelled_by_its_caller, *["cancelled"] * 5),
    "too late": (too_late_for_its_caller, *["deadline_passed"] * 5),
    "cancelled at hand-over": (cancelled_while_it_is_handed_over, *["cancelled"] * 5),
    # Nobody knows of it, and it was stopped; what it cost until then nobody knows either.
    "redis away": (redis_away_after_the_hand_over, ANEW, ANEW, LOST, ANEW, ANEW),
    # What others could attach to costs money from then on, what they could not does when it is watched.
    "a dead worker at hand-over": (a_dead_worker_at_hand_over, ANEW, ANEW, LOST, ANEW, ANEW),
    "shutdown": (shutdown, GOES_ON, GOES_ON, GOES_ON, ANEW, LOST),
    "crash": (failing(RuntimeError("a bug")), ANEW, GOES_ON, GOES_ON, ANEW, LOST),
    "two crashes": (failing(*[RuntimeError("a bug")] * 2), *["internal_error"] * 4, LOST),
    "engine away": (failing(EngineDown()), GOES_ON, GOES_ON, GOES_ON, ANEW, ANEW),
    "away for good": (away_for_good, *["engine_down"] * 5),
    # What an engine says of its own drawing counts, whatever it costs.
    "engine failed": (failing(EngineError()), *[ANEW] * 5),
    "a part failed": (
        failing(in_part(EngineError())),
        ANEW,
        ANEW,
        "engine_failed",
        ANEW,
        "engine_failed",
    ),
    "a part is no picture": (
        failing(in_part(BadResult())),
        ANEW,
        ANEW,
        "bad_result",
        ANEW,
        "bad_result",
    ),
    "a part, and away": (failing(in_part(EngineDown())), GOES_ON, GOES_ON, GOES_ON, ANEW, ANEW),
    "engine stuck": (failing(EngineStuck()), *[ANEW] * 5),
    "engine refuses": (failing(Refused("credit")), *[ANEW] * 5),
    "engine busy": (failing(EngineBusy()), *[ANEW] * 5),
    "bad result": (failing(BadResult()), *[ANEW] * 5),
    "out of memory": (failing(OutOfMemory()), *[ANEW] * 5),
    "a dead worker": (a_dead_worker, GOES_ON, GOES_ON, GOES_ON, ANEW, LOST),
    "three dead workers": (three_dead_workers, *["worker_lost"] * 4, LOST),
    "nobody in time": (nobody_in_time, *["waited_too_long"] * 4, LOST),
    "no engine": (no_engine_any_more, *["no_engine"] * 4, LOST),
}


#: what the columns are about: whether others can attach, and ``on_lost`` where it was paid for
COLUMNS = {
    "attach": (True, ""),
    "attach, retry": (True, "retry"),
    "attach, fail": (True, "fail"),
    "alone, retry": (False, "retry"),
    "alone, fail": (False, "fail"),
}


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("way", WAYS)
def test_what_an_engine_draws_for_nobody_is_stopped_and_what_was_paid_is_not_paid_again(
    house, way, column
):
    act, *columns = WAYS[way]
    becomes = dict(zip(COLUMNS, columns, strict=True))[column]
    attach, on_lost = COLUMNS[column]
    at = house(attach=attach, on_lost=on_lost)

    act(at)
    at.two.probe.look()

    handle = None if at.ended else at.now.handle
    assert at.engine.going == ({handle["number"]} if handle else set())
    job = at.end()
    drawn_again = len(at.engine.submitted) > 1
    if becomes in (GOES_ON, ANEW):
        assert (job.status, drawn_again) == (Status.DONE, becomes == ANEW)
    else:
        assert (job.status, job.reason_code) == (Status.FAILED, becomes)
    assert not at.engine.going
    assert at.store.redis.scard(f"limner:slots:{ENGINE}:fast") == 0
    assert at.store.redis.zcard("limner:leases") == 0


def test_a_lost_drawing_that_cost_money_is_drawn_again_only_where_its_operator_says_so(house):
    for on_lost, status in (("retry", Status.DONE), ("fail", Status.FAILED)):
        at = house(attach=True, on_lost=on_lost)
        failing(JobLost(charged=True))(at)

        assert at.end().status is status


def test_what_an_engine_has_ended_itself_is_not_stopped_there(house, monkeypatch):
    def bad(*_args: object) -> None:
        raise BadResult

    for error in (JobLost(), Rejected("moderated", "No."), None):
        at = house(attach=True)
        if error:
            failing(error)(at)
        else:
            monkeypatch.setattr("workers.drawing.result.Results.composed", bad)
            thread = at.begin()
            at.engine.finishes = True
            over(thread)

        assert at.engine.cancelled == []
        assert at.now.status is not Status.SUBMITTED


def test_a_drawing_that_cannot_be_stopped_does_not_keep_its_job_and_the_log_says_why(
    house, monkeypatch, caplog
):
    at = house(attach=True)

    def cancel(_handle: object) -> None:
        raise RuntimeError("a bug of the driver")

    monkeypatch.setattr(at.engine, "cancel", cancel)

    told_to_stop("late")(at)

    assert at.now.reason_code == "timed_out"
    (said,) = [record for record in caplog.records if record.message == "engine.cancel_failed"]
    assert "a bug of the driver" in str(said.exc_info[1])


@pytest.mark.parametrize("on_lost", ["", "retry", "fail"])
def test_a_drawing_is_stopped_when_its_job_moves_elsewhere_and_waited_for_if_it_was_paid(
    house, store, images, on_lost
):
    """Its worker has another engine, too, and the first one is away for longer than slots are kept."""
    at, spare = house(attach=True, on_lost=on_lost), Ledger(attach=True)
    at.engine.away = True
    failing(EngineDown())(at)
    store.engines.register([an_engine("spare", fast=1)])
    three = Worker("three", store, images, {ENGINE: at.engine, "spare": spare}, on_lost)
    for _ in range(8):
        three.probe.look()
        at.later(5, three)

    three.probe.look()
    thread = three.imagine(at.job)
    if on_lost:
        wait_until(lambda: store.redis.hexists(f"limner:job:{at.job.id}", "token"), what="a hold")
        assert (at.now.status, spare.submitted) == (Status.WAITING, [])
    else:
        wait_until(lambda: spare.watched, what="a watch elsewhere")
    at.engine.away = False
    three.probe.look()

    assert at.engine.going == ({1} if on_lost else set())
    three.draftsman.drain()
    over(thread)
    three.close()


def test_an_engine_whose_drawings_take_too_long_one_after_another_is_rested(house, store):
    at = house(attach=True)
    for _ in range(3):
        told_to_stop("late")(at)
        at.job = an_accepted_job(store, tile=True)

    (engine,) = store.numbers.read().engines
    assert engine.state == "failing"
    assert "took too long" in engine.why


def test_a_drawing_that_shows_progress_is_not_stuck_however_long_ago_it_began(house, ticking):
    at = house(attach=True)
    at.begin()
    (drawing,) = at.one.keeper._held()
    ticking.pass_s(100)
    at.engine.step()
    wait_until(lambda: drawing.moved_s == ticking.now_s, what="progress to be noted")

    ticking.pass_s(100)
    at.one.keeper._check_clocks()
    assert not drawing.is_set()

    ticking.pass_s(21)
    at.one.keeper._check_clocks()
    assert drawing.stop_reason == "stuck"
