"""The table of troubles: what each engine error costs a job, and how long its engine rests."""

from __future__ import annotations

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
)
from workers.drawing.trouble import crash, handover, trouble_of


def leaves(kind: type) -> list[type]:
    found = [leaf for sub in kind.__subclasses__() for leaf in leaves(sub)]
    return found or [kind]


def test_a_hand_over_costs_nothing():
    trouble = handover()

    assert (trouble.counter, trouble.engine_state) == (None, None)


@pytest.mark.parametrize(
    ("error", "state"),
    [(EngineBusy(), "busy"), (EngineDown(), "down"), (Refused("credit"), "refused")],
)
def test_an_engine_that_takes_nothing_rests_and_the_job_pays_nothing(error, state):
    trouble = trouble_of(error, submitted=False)

    assert (trouble.counter, trouble.engine_state) == (None, state)
    assert 0 < trouble.pause_s <= trouble.pause_max_s


def test_a_busy_engine_rests_for_as_long_as_it_asked():
    trouble = trouble_of(EngineBusy(retry_after_s=300), submitted=False)

    assert trouble.pause_s == 300
    assert trouble.pause_max_s >= 300


def test_an_engine_that_goes_down_under_a_drawing_is_counted():
    trouble = trouble_of(EngineDown(), submitted=True)

    assert trouble.counter
    assert trouble.limit >= 1
    assert trouble.reason == "engine_down"


def test_a_refusal_tells_the_operator_what_to_look_at():
    trouble = trouble_of(Refused("credit", "balance is 0"), submitted=False)

    assert "credit" in trouble.engine_why
    assert "balance is 0" in trouble.engine_why


@pytest.mark.parametrize("error", [EngineStuck(), JobLost(), OutOfMemory(), BadResult()])
def test_a_drawing_that_came_to_nothing_is_tried_again_a_few_times(error):
    trouble = trouble_of(error, submitted=True)

    assert trouble.counter
    assert 1 <= trouble.limit <= 3
    assert trouble.engine_state is None
    assert trouble.reason is error.reason


def test_every_kind_of_trouble_has_a_counter_of_its_own():
    errors = [EngineDown(), EngineStuck(), JobLost(), OutOfMemory(), BadResult()]
    counters = [trouble_of(error, submitted=True).counter for error in errors]

    counters.append(crash().counter)
    assert len(set(counters)) == len(counters)


@pytest.mark.parametrize(
    "kind",
    [k for k in leaves(EngineError) if k is not Rejected and k.__module__ == "limner.errors"],
)
def test_what_a_peer_says_goes_to_the_operator_and_not_to_the_caller(kind):
    secret = "/home/ops/key.pem: a lighthouse"
    error = kind("credentials", secret) if kind is Refused else kind()
    error.message = secret

    trouble = trouble_of(error, submitted=True)

    # What is never given up needs no reason.
    assert trouble.counter is None or all(trouble.told)
    assert "key.pem" not in trouble.told[0]


def test_an_error_that_is_not_in_the_table_is_tried_once_more():
    class Novel(EngineError):
        """Something new."""

    trouble = trouble_of(Novel(), submitted=True)

    assert (trouble.limit, *trouble.told) == (1, "Something new.", "engine_failed")
