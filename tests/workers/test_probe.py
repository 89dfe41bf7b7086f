"""The probe: which engines it looks at, what it makes known of them, and the drawings it stops there."""

from __future__ import annotations

import logging

import pytest

from limner.engine import Capabilities, Health
from limner.errors import EngineDown, EngineError
from limner.job import Status
from tests.builders import MESSAGES, WORKER, a_worker, an_accepted_job, an_engine
from tests.workers.beating import Ticking
from tests.workers.ledger import ENGINE, Ledger
from workers.drawing import probe as probing
from workers.drawing.probe import CAPABILITIES_S, Probe
from workers.drawing.trouble import trouble_of


class Known(Ledger):
    """An engine that counts what it is asked, and can do what a test says."""

    def __init__(self) -> None:
        super().__init__(attach=True)
        self.able, self.asked, self.looked_at = Capabilities(), 0, 0

    def capabilities(self) -> Capabilities:
        self.asked += 1
        return self.able

    def health(self) -> Health:
        self.looked_at += 1
        return super().health()


@pytest.fixture
def engine() -> Known:
    return Known()


@pytest.fixture
def probe(store, engine) -> Probe:
    a_worker(store, an_engine(ENGINE, fast=2))
    return Probe(store, {ENGINE: engine})


def events(caplog) -> list[str]:
    return [record.message for record in caplog.records if record.name == probing.__name__]


def take(store, job) -> str:
    return store.lanes.take(job.id, job.id, WORKER, MESSAGES).state


def test_a_cancelled_drawing_is_stopped_at_its_engine_once_and_said(store, probe, engine, caplog):
    for number in (1, 2):
        store.engines.cancel_later(ENGINE, {"number": number})

    with caplog.at_level(logging.INFO):
        probe.look()
        probe.look()

    assert sorted(engine.cancelled) == [1, 2]
    assert events(caplog) == ["drawing.cancelled"] * 2


def test_what_cannot_be_stopped_while_its_engine_is_away_is_stopped_later(
    store, probe, engine, caplog
):
    store.engines.cancel_later(ENGINE, {"number": 1})
    engine.away = True
    with caplog.at_level(logging.INFO):
        probe.look()
    assert "drawing.cancelled" not in events(caplog)

    engine.away = False
    probe.look()

    assert engine.cancelled == [1]


def test_what_an_engine_will_not_stop_is_said_and_does_not_keep_it_from_the_next(
    store, probe, engine, caplog, monkeypatch
):
    tried = []

    def cancel(handle):
        tried.append(handle["number"])
        raise EngineError("no such drawing")

    monkeypatch.setattr(engine, "cancel", cancel)
    for number in (1, 2):
        store.engines.cancel_later(ENGINE, {"number": number})

    probe.look()
    probe.look()

    assert sorted(tried) == [1, 2]
    assert events(caplog) == ["engine.cancel_failed"] * 2
    assert caplog.records[-1].limner_fields == {"engine": ENGINE, "why": "no such drawing"}


def test_what_an_engine_cannot_do_is_known_after_the_first_look_and_read_again_in_time(
    store, probe, engine, monkeypatch
):
    ticking = Ticking()
    monkeypatch.setattr(probing, "time", ticking)
    engine.able = Capabilities(tile="none")
    probe.look()
    assert take(store, an_accepted_job(store, tile=True)) != "granted"

    engine.able = Capabilities()
    ticking.pass_s(CAPABILITIES_S)
    probe.look()
    assert engine.asked == 1
    ticking.pass_s(1)
    probe.look()

    assert engine.asked == 2
    assert take(store, an_accepted_job(store, tile=True)) == "granted"


def test_an_engine_that_does_not_answer_is_not_taken_for_one_that_can_do_nothing(
    store, probe, engine
):
    engine.able, engine.away = Capabilities(tile="none"), True
    probe.look()
    assert engine.asked == 0

    engine.away = False
    probe.look()

    assert engine.asked == 0
    assert take(store, an_accepted_job(store, tile=True)) == "granted"


def test_an_engine_that_is_not_there_is_known_to_be_down_before_a_job_is(store, probe, engine):
    engine.away = True
    probe.look()

    (now,) = store.engines.all()
    assert now.state == "down"
    assert take(store, an_accepted_job(store)) == "wait"

    engine.away = False
    probe.look()
    (now,) = store.engines.all()
    assert now.state == "ok"


def test_an_engine_that_answered_once_is_not_stopped_by_an_answer_missed_later(
    store, probe, engine, monkeypatch
):
    ticking = Ticking()
    monkeypatch.setattr(probing, "time", ticking)
    probe.look()

    engine.away = True
    ticking.pass_s(CAPABILITIES_S + 1)
    probe.look()

    assert store.engines.states_of([ENGINE]) == {ENGINE: "ok"}


def down(store) -> None:
    job = an_accepted_job(store)
    assert take(store, job) == "granted"
    store.lanes.give_back(job.id, job.id, trouble_of(EngineDown(), submitted=False), MESSAGES)
    assert store.engines.states_of([ENGINE]) == {ENGINE: "down"}


def test_an_engine_that_is_down_is_looked_at_each_time_until_it_is_well(
    store, probe, engine, caplog
):
    probe.look()
    down(store)
    engine.away, engine.looked_at = True, 0

    with caplog.at_level(logging.INFO):
        probe.look()
        probe.look()
        assert store.engines.states_of([ENGINE]) == {ENGINE: "down"}
        engine.away = False
        probe.look()

    assert engine.looked_at == 3
    said = [record.limner_fields for record in caplog.records if record.message == "engine.probed"]
    assert [about["state"] for about in said] == ["down", "down", "ok"]
    job = an_accepted_job(store)
    assert take(store, job) == "granted"
    assert store.jobs.get(job.id).status is Status.SUBMITTED


@pytest.mark.parametrize(
    ("error", "level", "traced"),
    [
        (EngineError("not now"), logging.WARNING, False),
        (RuntimeError("a bug"), logging.ERROR, True),
    ],
)
def test_an_engine_that_cannot_be_probed_is_said_and_the_others_are(
    store, engine, caplog, error, level, traced
):
    class Broken(Known):
        def health(self):
            raise error

    a_worker(store, an_engine("a-broken-one"), an_engine(ENGINE))
    Probe(store, {"a-broken-one": Broken(), ENGINE: engine}).look()

    assert engine.asked == 1
    (said,) = [record for record in caplog.records if record.message == "engine.unprobed"]
    assert said.levelno == level
    assert said.limner_fields["engine"] == "a-broken-one"
    assert bool(said.exc_info) == traced
