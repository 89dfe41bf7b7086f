"""The rehearsal engine keeps the contract, and follows the cues in its prompts."""

from __future__ import annotations

import dataclasses
import io
import threading

import pytest
from PIL import Image

import engines
from limner.engine import Edit, Preview
from limner.errors import ConfigError, EngineBusy, EngineDown, JobLost, Rejected
from tests.builders import an_engine
from tests.conftest import json_lines
from tests.contract.applied_suite import AppliedSuite
from tests.contract.engine_suite import EngineSuite, a_brief


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

    @pytest.mark.parametrize("count", [1, 2, 3, 4])
    def test_it_draws_a_card_for_each_seed(self, engine, brief, count):
        asked = dataclasses.replace(brief, seeds=(5, 6, 7, 8)[:count])

        *events, finished = engine.watch(engine.submit(asked), asked, threading.Event())

        assert finished.seeds == asked.seeds
        assert len(set(finished.cells)) == count
        cells = {event.cell for event in events if isinstance(event, Preview)}
        assert cells == ({0} if count == 1 else {None})

    @pytest.mark.parametrize("operation", ["upscale", "blend"])
    def test_it_accepts_every_operation(self, engine, brief, operation):
        asked = dataclasses.replace(brief, operation=operation, width=320, height=264, seeds=(1,))

        *_, finished = engine.watch(engine.submit(asked), asked, threading.Event())

        assert Image.open(io.BytesIO(finished.cells[0])).size == (320, 264)

    def test_an_edit_is_drawn_on_the_masked_part_of_its_canvas(self, engine, brief, tmp_path):
        size = (brief.width, brief.height)
        Image.new("RGB", size, (1, 2, 3)).save(tmp_path / "canvas.png")
        mask = Image.new("L", size)
        mask.paste(255, (0, 0, 20, 20))
        mask.save(tmp_path / "mask.png")
        edit = Edit(tmp_path / "canvas.png", tmp_path / "mask.png")
        asked = dataclasses.replace(brief, operation="edit", edit=edit, seeds=(1,))

        *_, finished = engine.watch(engine.submit(asked), asked, threading.Event())

        picture = Image.open(io.BytesIO(finished.cells[0]))
        assert picture.getpixel((10, 10)) != (1, 2, 3)
        assert picture.getpixel((30, 30)) == (1, 2, 3)

    def test_a_description_is_four_prompts_that_name_the_job(self, engine, brief):
        asked = dataclasses.replace(brief, operation="describe", seeds=())

        *events, finished = engine.watch(engine.submit(asked), asked, threading.Event())

        assert finished.cells == ()
        assert len(set(finished.prompts)) == 4
        assert all(brief.job_id in prompt for prompt in finished.prompts)
        assert not any(isinstance(event, Preview) for event in events)

    @pytest.mark.parametrize("options", [{"seconds": "2"}, {"steps": -1}, {"colour": 1}])
    def test_a_wrong_option_is_refused_by_name(self, options):
        with pytest.raises(ConfigError, match=next(iter(options))):
            engines.load(an_engine(**options))


class TestWhatRehearsalApplies(AppliedSuite):
    exact = (
        "ar chaos stylize style niji tile references iw negative seed size count quality weird "
        "draft style_references object_references vary upscale_subtle upscale_creative edit blend "
        "describe"
    )
    near = ""

    @pytest.fixture
    def ledger_file(self, tmp_path):
        return tmp_path / "ledger"

    @pytest.fixture
    def engine(self, ledger_file):
        engine = engines.load(an_engine(seconds=0.0, steps=1, ledger=str(ledger_file)))
        yield engine
        engine.close()

    @pytest.fixture
    def ledger(self, ledger_file):
        def drawn():
            ends = [line for line in json_lines(ledger_file) if line["what"] == "end"]
            return [tuple(line["size"]) for line in ends for _ in range(line["count"])]

        return drawn


def test_the_ledger_tells_how_many_cells_were_drawn(tmp_path):
    brief = a_brief(seeds=(7,))
    engine = engines.load(an_engine(seconds=0.0, steps=0, ledger=str(tmp_path / "ledger")))

    list(engine.watch(engine.submit(brief), brief, threading.Event()))

    lines = json_lines(tmp_path / "ledger")
    assert [(line["what"], line["count"]) for line in lines] == [("start", 1), ("end", 1)]


def test_an_unknown_driver_is_refused():
    settings = dataclasses.replace(an_engine(), driver="easel")
    with pytest.raises(ConfigError, match="easel"):
        engines.load(settings)
