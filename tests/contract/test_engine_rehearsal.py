"""The rehearsal engine keeps the contract, and follows the cues in its prompts."""

from __future__ import annotations

import dataclasses
import threading

import pytest

import engines
from limner.errors import ConfigError, EngineBusy, EngineDown, JobLost, Rejected
from tests.builders import an_engine
from tests.contract.engine_suite import EngineSuite


def cued(brief, cue, attempt=0):
    return dataclasses.replace(brief, final_prompt=f"a lighthouse {cue}", attempt=attempt)


class TestRehearsal(EngineSuite):
    @pytest.fixture
    def engine(self):
        engine = engines.load(an_engine(seconds=0.1, steps=3))
        yield engine
        engine.close()

    def test_it_is_busy_and_down_as_often_as_it_is_told(self, engine, brief):
        for attempt in range(2):
            with pytest.raises(EngineBusy):
                engine.submit(cued(brief, "[[busy 2]]", attempt))
            with pytest.raises(EngineDown):
                engine.submit(cued(brief, "[[down 2]]", attempt))
        engine.submit(cued(brief, "[[busy 2]] [[down 2]]", 2))

    @pytest.mark.parametrize(
        ("cue", "error"),
        [("[[fail]]", Rejected), ("[[moderated]]", Rejected), ("[[lost]]", JobLost)],
    )
    def test_it_fails_as_it_is_told(self, engine, brief, cue, error):
        asked = cued(brief, cue)
        with pytest.raises(error):
            list(engine.watch(engine.submit(asked), asked, threading.Event()))

    def test_a_lost_drawing_is_found_the_next_time(self, engine, brief):
        asked = cued(brief, "[[lost]]", 1)

        assert list(engine.watch(engine.submit(asked), asked, threading.Event()))

    @pytest.mark.parametrize("options", [{"seconds": "2"}, {"steps": -1}, {"colour": 1}])
    def test_a_wrong_option_is_refused_by_name(self, options):
        with pytest.raises(ConfigError, match=next(iter(options))):
            engines.load(an_engine(**options))


def test_an_unknown_driver_is_refused():
    settings = dataclasses.replace(an_engine(), driver="easel")
    with pytest.raises(ConfigError, match="easel"):
        engines.load(settings)
