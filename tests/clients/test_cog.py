"""The cog engine on the real server of cog, with models that need no weights."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

import engines
from limner.engine import Finished, Preview, Progress
from limner.errors import BadResult, EngineBusy, EngineError, Refused, Rejected
from tests.clients.running import HERE
from tests.clients.serving import free_port, serving
from tests.conftest import json_lines, wait_until
from tests.contract.engine_suite import EngineSuite, a_brief
from tests.contract.remote_drivers import COG, Watching, drawn, steps_of

pytestmark = pytest.mark.slow

WHOLE = {"type": "integer"}
SIDE = {**WHOLE, "default": 256, "minimum": 64, "maximum": 1024}
URIS = {"type": "array", "items": {"type": "string", "format": "uri"}}
#: what `cog build` writes for the models of cog_model.py
INPUTS: dict[str, Any] = {
    "prompt": {"type": "string", "title": "Prompt", "x-order": 0},
    "seed": {**WHOLE, "default": 0},
    "width": SIDE,
    "height": SIDE,
    "num_outputs": {**WHOLE, "default": 1, "minimum": 1, "maximum": 4},
}
STEPS = {"num_inference_steps": {**WHOLE, "default": 4, "minimum": 1, "maximum": 500}}
SCHEMAS: dict[str, dict[str, Any]] = {
    "Painter": {"Input": INPUTS | STEPS, "Output": URIS | {"x-cog-array-type": "iterator"}},
    "Several": {"Input": INPUTS, "Output": URIS},
    "Broken": {"Input": {"prompt": INPUTS["prompt"]}, "Output": {"type": "string"}},
}


@dataclasses.dataclass
class Container:
    """A model that is served."""

    url: str
    folder: Path

    def ledger(self) -> list[dict[str, Any]]:
        return json_lines(self.folder / "ledger")

    def state(self) -> str:
        return str(requests.get(f"{self.url}/health-check", timeout=10).json()["status"])


@contextlib.contextmanager
def container(model: str, folder: Path) -> Iterator[Container]:
    shutil.copy(HERE / "cog_model.py", folder / "predict.py")
    (folder / ".cog").mkdir()
    properties, output = SCHEMAS[model]["Input"], SCHEMAS[model]["Output"]
    asked = {"type": "object", "required": ["prompt"], "properties": properties}
    document = {
        "openapi": "3.0.2",
        "info": {"title": "Cog", "version": "0.1.0"},
        "paths": {},
        "components": {"schemas": {"Input": asked, "Output": output}},
    }
    (folder / ".cog/openapi_schema.json").write_text(json.dumps(document))
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environ = {
        "COG_PREDICT_TYPE_STUB": f"predict.py:{model}",
        # `cog build` writes into the image what the model says of it.
        # Two that are begun, and room for those of an earlier test that still end: the server is READY with one free.
        "COG_MAX_CONCURRENCY": "4" if model == "Several" else "1",
        "COG_TEST_LEDGER": str(folder / "ledger"),
        "PORT": str(port),
    }
    command = ["-m", "cog.server.http", "--host", "127.0.0.1"]
    with serving(command, folder, f"{url}/health-check", environ):
        served = Container(url, folder)
        wait_until(lambda: served.state() != "STARTING", what="the end of the set-up")
        yield served


@pytest.fixture(scope="module")
def painter(tmp_path_factory) -> Iterator[Container]:
    with container("Painter", tmp_path_factory.mktemp("painter")) as served:
        yield served


@pytest.fixture(scope="module")
def several(tmp_path_factory) -> Iterator[Container]:
    with container("Several", tmp_path_factory.mktemp("several")) as served:
        yield served


@pytest.fixture
def build(painter):
    built = []

    def build(**options):
        built.append(engines.load(COG.entry(painter.url, **options)))
        return built[-1]

    yield build
    for engine in built:
        engine.close()
    wait_until(lambda: painter.state() == "READY", what="the slot")


class TestCogItself(EngineSuite):
    """The contract, on a model that draws several predictions at a time."""

    @pytest.fixture
    def engine(self, several):
        engine = engines.load(COG.entry(several.url))
        yield engine
        engine.close()
        wait_until(lambda: several.state() == "READY", what="the slots")


def test_four_cells_are_drawn_once_and_their_progress_is_told(painter, build):
    before = len(painter.ledger())

    steps = steps_of(build(), a_brief(seeds=(11, 12, 13, 14)))

    assert painter.ledger()[before:] == [{"prompt": a_brief().prompt, "seed": 11, "count": 4}]
    fractions = [step.fraction for step in steps if isinstance(step, Progress)]
    assert len(set(fractions)) >= 3
    assert max(fractions) < 1
    assert isinstance(steps[-1], Finished)
    assert len(set(steps[-1].cells)) == 4
    assert steps[-1].notes["predict_time"] > 0


def test_a_seed_draws_its_cell_alone(build):
    engine = build(batch=False)
    four = drawn(engine, a_brief())

    assert four.seeds == a_brief().seeds
    for cell in (1, 3):
        alone = drawn(build(), a_brief(seeds=(a_brief().seeds[cell],)))
        assert alone.cells == (four.cells[cell],)


def test_cells_are_shown_as_the_model_yields_them(painter, build):
    engine, shown, states = build(), [], []
    for step in engine.watch(engine.submit(a_brief()), a_brief(), threading.Event()):
        if isinstance(step, Preview):
            shown.append(step.cell)
            states.append(painter.state())

    assert shown == [0, 1, 2, 3]
    assert states[0] == "BUSY"


def test_what_a_model_draws_is_a_picture_of_the_size_that_was_asked_for(build):
    for width, height in ((128, 192), (200, 136)):
        finished = drawn(build(), a_brief(width=width, height=height))
        assert {Image.open(io.BytesIO(one)).size for one in finished.cells} == {(width, height)}
        assert finished.notes["drawn"] == [f"{width * 2}x{height * 2}"]
        assert "size" not in finished.applied


@pytest.mark.parametrize(
    ("prompt", "options", "error"),
    [
        ("naked", {}, Rejected),
        ("boom", {}, EngineError),
        ("a boat", {"inputs": {"num_inference_steps": 9999}}, Refused),
        ("a boat", {"inputs": {"num_inference_steps": "many"}}, Refused),
    ],
)
def test_a_failure_is_whose_matter_it_is(build, prompt, options, error):
    with pytest.raises(error) as caught:
        drawn(build(**options), a_brief(prompt=prompt))

    assert type(caught.value) is error
    assert "/src" not in str(caught.value)


def test_a_full_server_is_busy_and_a_cancel_ends_its_drawing(painter, build):
    engine = build()
    waiting = a_brief(prompt="wait", job_id="f" * 32)
    handle = engine.submit(waiting)
    watching = Watching(engine, waiting, handle)
    wait_until(lambda: painter.state() == "BUSY", what="the drawing")

    with pytest.raises(EngineBusy):
        drawn(engine, a_brief())
    assert (engine.health().state, engine.health().why) == ("ok", "all of its slots are in use")
    engine.cancel(handle)

    assert isinstance(watching.failed(), BadResult)
    wait_until(lambda: painter.state() == "READY", what="the slot")


def test_who_watches_again_draws_again_and_never_twice_at_a_time(painter, build):
    waiting = a_brief(prompt="wait for it")
    former, latter = build(), build()
    handle = former.submit(waiting)
    before = len(painter.ledger())
    hung_up, held = Watching(former, waiting, handle), None
    wait_until(lambda: len(painter.ledger()) == before + 1, what="the drawing")
    # As a worker that is told to stop: its connection closes.
    hung_up.stop.set()
    hung_up.end()

    # As one that lost its lease and does not know it: its connection is held.
    held = Watching(former, waiting, handle)
    wait_until(lambda: len(painter.ledger()) == before + 2, what="the second drawing")
    finished = drawn(latter, waiting, handle)

    assert isinstance(held.failed(), BadResult)
    assert len(finished.cells) == 4
    assert len(painter.ledger()) == before + 3


def test_a_model_that_could_not_be_set_up_says_so(tmp_path):
    with container("Broken", tmp_path) as served:
        engine = engines.load(COG.entry(served.url))
        health = engine.health()
        with pytest.raises(Refused):
            engine.submit(a_brief())
        engine.close()

    assert health.state == "down"
    assert health.why.startswith("setup: the model could not be set up: ")


def test_a_stop_returns_at_once_and_frees_the_slot(painter, build):
    stop = threading.Event()
    engine = build()
    waiting = a_brief(prompt="wait")
    watching = engine.watch(engine.submit(waiting), waiting, stop)
    next(watching)
    stop.set()

    assert not any(isinstance(step, Finished) for step in watching)
    wait_until(lambda: painter.state() == "READY", what="the slot")
