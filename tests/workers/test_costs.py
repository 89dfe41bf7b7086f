"""What a worker counts of a drawing's cost: what the host says with the result, or with the failure."""

from __future__ import annotations

from dataclasses import replace

import pytest

from limner.errors import (
    BadResult,
    EngineBusy,
    EngineDown,
    EngineError,
    EngineStuck,
    JobLost,
    OutOfMemory,
    PicturesNotKept,
    Rejected,
)
from limner.job import Status
from workers.drawing.trouble import cost_of

CENT = 10_000


class Host:
    """An engine whose host says what a drawing cost.

    ``spoiled``: its first drawings have no pictures. ``away``: what its first submissions end in, at a host whose
    drawings are charged.
    """

    def __init__(self, engine, cost=None, error=None, spoiled=0, away=()) -> None:
        self._engine, self._cost, self._error, self._spoiled = engine, cost, error, spoiled
        self._away, self._hosted = list(away), bool(away)

    def __getattr__(self, name):
        return getattr(self._engine, name)

    def capabilities(self):
        able = self._engine.capabilities()
        return replace(able, charged=True, attach=True) if self._hosted else able

    def submit(self, brief):
        if self._away:
            raise self._away.pop(0)
        return self._engine.submit(brief)

    def watch(self, handle, brief, stop):
        if self._error:
            raise self._error
        for step in self._engine.watch(handle, brief, stop):
            if hasattr(step, "cells"):
                self._spoiled -= 1
                cells = () if self._spoiled >= 0 else step.cells
                yield replace(step, cells=cells, cost=self._cost)
            else:
                yield step


def drawn(workshop, on_lost="retry", **facts):
    priced = [replace(each, price=4 * CENT, on_lost=on_lost) for each in workshop.engine_settings]
    workshop.store.engines.register(priced)
    workshop.draftsman._settings = {each.name: each for each in priced}
    workshop.engines["stage"] = Host(workshop.engines["stage"], **facts)
    return workshop.draw()


def saying(error: EngineError, cost: float) -> EngineError:
    error.cost = cost
    return error


def partly(error: EngineError) -> EngineError:
    error.partly = True
    return error


@pytest.mark.parametrize(("said", "counted"), [(0.025, 2.5), (None, 4), (0.0, 0), (-3.0, 4)])
def test_what_the_host_says_counts_and_else_the_price(workshop, said, counted):
    job = drawn(workshop, cost=said)
    assert (job.status, job.cost) == (Status.DONE, counted * CENT)


def test_a_rejected_drawing_is_free_unless_its_host_says_otherwise(workshop):
    assert drawn(workshop, error=Rejected("moderated")).cost == 0
    assert drawn(workshop, error=saying(Rejected("moderated"), 0.01)).cost == CENT


def test_useless_pictures_cost_what_good_ones_do(workshop):
    job = drawn(workshop, cost=0.03, spoiled=1)
    assert (job.status, job.cost) == (Status.DONE, 6 * CENT)


@pytest.mark.parametrize("on_lost", ["retry", "fail"])
def test_what_its_host_never_had_is_free_however_often_it_is_tried(workshop, on_lost):
    job = drawn(workshop, on_lost, away=[EngineDown(), EngineDown(), EngineBusy(0.01)])
    assert (job.status, job.cost) == (Status.DONE, 4 * CENT)


@pytest.mark.parametrize(("on_lost", "status"), [("retry", Status.DONE), ("fail", Status.FAILED)])
def test_what_its_host_may_have_taken_counts_whether_or_not_it_is_drawn_again(
    workshop, on_lost, status
):
    job = drawn(workshop, on_lost, away=[JobLost(charged=True)])
    drawings = {Status.DONE: 2, Status.FAILED: 1}[status]
    assert (job.status, job.cost) == (status, drawings * 4 * CENT)


@pytest.mark.parametrize(
    ("error", "cost"),
    [
        # The engine told that it failed: hosts do not charge for that.
        *((error, 0) for error in (EngineError(), OutOfMemory(), JobLost())),
        (Rejected("failed"), 0),
        # It was drawn, or nobody knows whether it was.
        *((error, None) for error in (BadResult(), PicturesNotKept(), EngineStuck())),
        *((error, None) for error in (EngineDown(), JobLost(charged=True))),
        # A part of it was.
        *((partly(error), None) for error in (EngineBusy(), Rejected("moderated"), JobLost())),
        (saying(EngineStuck(), 0.02), 2 * CENT),
        (saying(JobLost(charged=True), 0.0), 0),
    ],
)
def test_each_failure_costs_what_is_known_of_it(error, cost):
    assert cost_of(error) == cost
