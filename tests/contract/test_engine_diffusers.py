"""The diffusers engine keeps the contract, with a tiny pipeline of random weights.

What needs no torch runs everywhere; the rest is skipped where torch or diffusers is not installed.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import io
import json
import os
import signal
import threading
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

import engines
from engines.diffusers import build, library, mapping, model
from engines.diffusers.abilities import capabilities
from engines.diffusers.config import PipelineConfig, read_config
from engines.diffusers.engine import failure_of
from engines.diffusers.families import Family
from engines.diffusers.latents import SD, SD_COLOURS, SDXL, preview
from engines.diffusers.mapping import order_of
from engines.diffusers.meeting import meeting_point
from engines.diffusers.order import PipelineOrder
from engines.diffusers.wire import Message
from engines.remote.options import Options
from limner.engine import Brief, Finished, Parent, Preview, Progress, Queued
from limner.errors import (
    ConfigError,
    EngineDown,
    EngineError,
    EngineStuck,
    OutOfMemory,
    Refused,
    Rejected,
)
from limner.settings import EngineSettings, LaneLimits
from tests.conftest import wait_until
from tests.contract.engine_suite import EngineSuite
from tests.standins import diffusers_source

HAS_TORCH = all(map(importlib.util.find_spec, ("torch", "diffusers", "transformers")))

needs_torch = pytest.mark.skipif(not HAS_TORCH, reason="torch and diffusers are not installed")

BRIEF = Brief("j" * 32, "a lighthouse", "a lighthouse", "", 512, 512, (1, 2, 3, 4))


def settings(**options) -> EngineSettings:
    # No test waits for a process that nobody uses any more.
    chosen = {"linger_s": 0} | options
    return EngineSettings("easel", "diffusers", fast=LaneLimits(2, 0.0), options=chosen)


@pytest.fixture
def source(tmp_path_factory, monkeypatch):
    """The library's source as the driver reads it, whether or not the library is there."""
    folder = diffusers_source.write(tmp_path_factory.mktemp("source") / "pipelines")
    monkeypatch.setattr(library, "_folder", lambda: folder)
    monkeypatch.setattr(model, "NEEDED", ())
    forget_source()
    yield
    forget_source()


def forget_source() -> None:
    for kept in (library.call_of, library.sibling_of, library._tables):
        kept.cache_clear()


def config(**options) -> PipelineConfig:
    return read_config(Options(settings(**({"model": "some/model"} | options))))


def ordered(
    config: PipelineConfig | None = None, family: Family | None = None, **changes
) -> PipelineOrder:
    brief = dataclasses.replace(BRIEF, **changes)
    return order_of(config or PipelineConfig("some/model"), family or Family(), brief)


# -- options --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("steps", 0),
        ("steps", 1.5),
        ("guidance", -1),
        ("native_px", 500),
        ("device", "tpu"),
        ("device", "cuda:x"),
        ("dtype", "int4"),
        ("offload", "disk"),
        ("quantize", "2bit"),
        ("true_guidance", 0.5),
        ("loras", ["ink.safetensors"]),
        ("loras", {"ink.safetensors": "much"}),
        ("offline", "yes"),
        ("idle_s", -1),
        ("modle", "typo"),
        ("niji_model", 7),
    ],
)
def test_a_wrong_option_is_refused_by_name(option, value):
    with pytest.raises(ConfigError, match=f"engine easel: {option}"):
        config(**{option: value})


def test_the_model_must_be_named():
    with pytest.raises(ConfigError, match="engine easel: model: is required"):
        read_config(Options(settings()))


def test_a_checkpoint_file_is_refused_with_what_is_wanted(tmp_path):
    path = tmp_path / "v1-5.safetensors"
    path.write_bytes(b"")
    with pytest.raises(ConfigError, match=r"engine easel: model: .*folder"):
        build(settings(model=str(path)))


def test_missing_packages_are_told_with_the_command_that_installs_them(monkeypatch):
    monkeypatch.setattr(model, "NEEDED", ("json", "no_such_package"))
    with pytest.raises(ConfigError, match=r"no_such_package.*pip install 'limner\[diffusers\]'"):
        build(settings(model="some/model"))


def test_the_configuration_survives_the_way_to_the_drawing_process():
    ours = config(niji_model="other/model", device="cpu", idle_s=3)
    assert PipelineConfig.from_json(json.loads(json.dumps(ours.to_json()))) == ours


# -- from a brief to an order ---------------------------------------------------------------------


def test_an_order_survives_the_way_to_the_drawing_process():
    order = ordered(chaos=80, tile=True, style_references=(Path("a.png"),))
    assert PipelineOrder.from_json(json.loads(json.dumps(order.to_json()))) == order


def test_a_plain_brief_is_drawn_as_it_stands():
    order = ordered()
    assert order.prompts == ("a lighthouse",) * 4
    assert (order.drawn_px, order.steps) == ((512, 512), 25)
    assert order.options["guidance_scale"] == 7.0
    assert order.negative == ""
    assert (order.starts, order.strength, order.tile) == ((), 1.0, False)


def test_chaos_sets_more_cells_apart_the_higher_it_is():
    told = [len(set(ordered(chaos=chaos).prompts)) for chaos in (0, 1, 25, 50, 100)]
    assert told == [1, 2, 3, 4, 4]
    assert ordered(chaos=100).prompts[0] == "a lighthouse"
    assert ordered(chaos=90).prompts[3].count(",") == 3
    assert ordered(chaos=50) == ordered(chaos=50)


def guidance(config=None, **changes):
    return ordered(config, **changes).options["guidance_scale"]


def test_stylize_loosens_the_guidance_and_leaves_distilled_models_alone():
    assert [guidance(stylize=s) for s in (0, 400, 1000)] == [9.0, 7.0, 4.0]
    assert guidance(PipelineConfig("m", guidance=1.0), stylize=1000) == 1.0
    assert guidance(PipelineConfig("m", guidance=2.0), stylize=1000) == mapping.GUIDANCE_LEAST
    assert guidance(PipelineConfig("m", guidance=0.0), stylize=0) == 0.0


def test_niji_takes_its_own_model_or_else_words():
    assert "anime" in ordered(niji=True, style="cute").prompts[0]
    order = ordered(PipelineConfig("plain", niji_model="niji"), niji=True)
    assert (order.model, order.prompts[0]) == ("niji", "a lighthouse")


def test_style_raw_leaves_the_operators_words_out():
    ours = PipelineConfig("m", suffix="masterpiece", negative="blurry")
    assert ordered(ours).prompts[0] == "a lighthouse, masterpiece"
    assert ordered(ours, style="raw").prompts[0] == "a lighthouse"
    assert ordered(ours, negative="fog").negative == "fog, blurry"


def test_the_first_reference_is_kept_the_more_the_higher_its_weight(tmp_path):
    pictures = (tmp_path / "a.png", tmp_path / "b.png")
    weights = (None, 0, 1, 2)
    orders = [ordered(references=pictures, iw=iw) for iw in weights]
    assert {order.starts for order in orders} == {(str(pictures[0]),)}
    assert [order.strength for order in orders] == [0.65, 1.0, 0.65, 0.3]


def test_a_variation_starts_from_its_cell_and_a_redraw_from_nothing(tmp_path):
    cell = tmp_path / "cell.png"
    varied = ordered(parent=Parent(cell, 2, 0.45), references=(tmp_path / "a.png",))
    assert (varied.starts, varied.strength) == ((str(cell),), 0.45)
    assert ordered(parent=Parent()).starts == ()


def test_a_weak_start_still_takes_a_step(tmp_path):
    for steps, strength in ((1, 0.45), (4, 0.3), (4, 0.05)):
        order = ordered(
            PipelineConfig("m", steps=steps), parent=Parent(tmp_path / "c.png", 0, strength)
        )
        assert int(order.steps * order.strength + 1e-9) >= 1


@pytest.mark.parametrize(
    ("size", "native", "multiple", "drawn"),
    [
        ((448, 560), 512, 8, (448, 560)),
        ((416, 624), 1024, 8, (832, 1248)),
        ((384, 672), 768, 8, (576, 1008)),
        ((560, 448), 512, 16, (560, 448)),
        ((624, 416), 640, 16, (784, 512)),
    ],
)
def test_pictures_are_drawn_as_large_as_the_model_is_used_to(size, native, multiple, drawn):
    assert mapping.drawn_px(*size, native, multiple) == drawn


# -- what a pipeline can do -----------------------------------------------------------------------


def a_pipeline_folder(folder, **index):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / model.INDEX).write_text(json.dumps(index))
    return str(folder)


def test_a_model_without_guidance_knows_no_negative_words_and_no_stylize():
    can = capabilities(PipelineConfig("m", guidance=1.0), Family())
    assert (can.negative, can.stylize) == ("none", "none")


def test_a_missing_folder_is_the_operators_trouble(tmp_path, source):
    engine = engines.load(settings(model=str(tmp_path / "gone")))
    assert engine.health().state == "down"
    with pytest.raises(Refused, match=r"model_index\.json") as raised:
        engine.submit(BRIEF)
    assert raised.value.kind == "setup"
    a_pipeline_folder(tmp_path / "gone", _class_name="StableDiffusionPipeline")
    assert engine.health().state == "ok"
    engine.close()


# -- the drawing process, as far as it goes without a pipeline ------------------------------------


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("setup", Refused),
        ("memory", OutOfMemory),
        ("reference", Rejected),
        ("start", Rejected),
        ("moderated", Rejected),
        ("failed", EngineError),
    ],
)
def test_every_failure_of_the_drawing_process_has_its_error(kind, error):
    assert type(failure_of(Message({"kind": kind, "why": "so"}))) is error


@pytest.fixture
def unpainted(tmp_path, source):
    """An engine whose pipeline has no parts: its process starts, and cannot draw."""
    path = a_pipeline_folder(tmp_path / "p", _class_name="StableDiffusionPipeline", unet=[])
    engine = engines.load(settings(model=path))
    yield engine
    engine.close()


@pytest.mark.slow
def test_a_process_that_cannot_draw_says_so_each_time(unpainted):
    earlier = drawing_processes()
    for _ in range(2):
        with pytest.raises(Refused, match="cannot be") as raised:
            drawn(unpainted, BRIEF)
        assert raised.value.kind == "setup"
    assert len(drawing_processes() - earlier) == 1


# -- previews -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("cells", "colours"), [(4, SD), (1, SD), (4, SDXL)])
def test_latents_become_a_picture_without_the_decoder(cells, colours):
    latents = np.random.default_rng(1).normal(size=(cells, 4, 8, 6)).astype(np.float32)
    picture = Image.open(io.BytesIO(preview(latents, colours, 96, 128)))
    assert picture.size == (96, 128)
    assert len(set(picture.convert("L").tobytes())) > 10


def test_each_cell_stands_at_its_place_in_the_preview():
    latents = np.zeros((4, 4, 8, 8), np.float32)
    latents[3] = (SD_COLOURS.sum(axis=1) * 3).reshape(4, 1, 1)
    picture = Image.open(io.BytesIO(preview(latents, SD, 64, 64))).convert("L")
    assert picture.getpixel((8, 8)) < 140 < picture.getpixel((56, 56))


# -- with torch -----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory):
    from tests.standins.tiny_pipeline import make

    return str(make(tmp_path_factory.mktemp("tiny")))


@pytest.fixture(scope="module")
def easel(pipeline):
    """One engine for the whole module: loading torch takes longer than drawing."""
    engine = engines.load(settings(model=pipeline, steps=4, device="cpu", idle_s=0))
    yield engine
    engine.close()


def drawn(engine, brief) -> list:
    return list(engine.watch(engine.submit(brief), brief, threading.Event()))


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def drawing_processes() -> set[psutil.Process]:
    """The drawing processes that this one has started and that live.

    Those of an engine that another test has closed may be among them for a moment: a test looks for
    what was not there before.
    """
    return {
        child
        for child in psutil.Process().children()
        if child.status() != psutil.STATUS_ZOMBIE
        and any("engines.diffusers.child" in word for word in child.cmdline())
    }


def interrupted(engine, brief, signalled: signal.Signals) -> list:
    """Draw, and send a signal to the engine's drawing process at the first preview."""
    point = meeting_point("easel", engine._config)
    steps = []
    for step in engine.watch(engine.submit(brief), brief, threading.Event()):
        if isinstance(step, Preview) and not any(isinstance(s, Preview) for s in steps):
            with point.locked():
                os.kill(point.listener(), signalled)
        steps.append(step)
    return steps


@needs_torch
@pytest.mark.slow
@pytest.mark.timeout(300)
class TestDiffusers(EngineSuite):
    @pytest.fixture
    def engine(self, easel):
        return easel

    def test_the_same_brief_gives_the_same_four_different_pictures(self, engine, brief):
        first, second = drawn(engine, brief)[-1], drawn(engine, brief)[-1]
        assert first.cells == second.cells
        assert len(set(first.cells)) == 4

    def test_previews_come_before_the_end_in_a_size_to_look_at(self, engine, brief):
        steps = drawn(engine, brief)
        previews = [step for step in steps if isinstance(step, Preview)]
        assert len(previews) == 3
        assert Image.open(io.BytesIO(previews[0].image)).size == (brief.width, brief.height)
        assert [s.fraction for s in steps if isinstance(s, Progress)][-1] == pytest.approx(0.94)

    def test_a_reference_is_kept_the_more_the_higher_its_weight(self, engine, brief, tmp_path):
        path = tmp_path / "half.png"
        half = Image.new("RGB", (brief.width, brief.height), "black")
        half.paste("white", (0, 0, brief.width // 2, brief.height))
        half.save(path)
        plain = drawn(engine, brief)[-1]
        held = drawn(engine, dataclasses.replace(brief, references=(path,), iw=2))[-1]
        loose = drawn(engine, dataclasses.replace(brief, references=(path,), iw=0.5))[-1]
        assert len({plain.cells[0], held.cells[0], loose.cells[0]}) == 3
        assert held.notes["parameters"] == {"references": "near", "iw": "near"}

    def test_a_variation_starts_from_its_cell(self, engine, brief, tmp_path):
        path = tmp_path / "parent.png"
        path.write_bytes(drawn(engine, brief)[-1].cells[1])
        varied = dataclasses.replace(brief, seeds=(5, 6, 7, 8), parent=Parent(path, 1, 0.45))
        fresh = dataclasses.replace(brief, seeds=(5, 6, 7, 8))
        assert drawn(engine, varied)[-1].cells != drawn(engine, fresh)[-1].cells

    def test_a_broken_reference_is_the_callers(self, engine, brief, tmp_path):
        path = tmp_path / "broken.png"
        path.write_bytes(b"no picture")
        with pytest.raises(Rejected) as raised:
            drawn(engine, dataclasses.replace(brief, references=(path,)))
        assert raised.value.kind == "reference"
        assert isinstance(drawn(engine, brief)[-1], Finished)

    def test_a_tile_has_no_seam_and_the_next_drawing_is_as_before(self, engine, brief):
        before = drawn(engine, brief)[-1]
        tile = drawn(engine, dataclasses.replace(brief, tile=True))[-1]
        after = drawn(engine, brief)[-1]

        assert before.cells == after.cells
        assert seam(tile.cells) < seam(before.cells)
        assert seam(tile.cells) == pytest.approx(1.0, abs=0.15)
        assert tile.notes["parameters"] == {"tile": "exact"}

    def test_a_stop_in_mid_draw_leaves_the_engine_usable(self, engine, brief):
        stop = threading.Event()
        long = dataclasses.replace(brief, width=512, height=512)
        steps = []
        for step in engine.watch(engine.submit(long), long, stop):
            steps.append(step)
            if isinstance(step, Preview):
                stop.set()
        assert not any(isinstance(step, Finished) for step in steps)
        assert isinstance(drawn(engine, brief)[-1], Finished)

    def test_a_cancel_ends_the_watch(self, engine, brief):
        handle = engine.submit(brief)
        steps = []
        for step in engine.watch(handle, brief, threading.Event()):
            steps.append(step)
            engine.cancel(handle)
        assert not any(isinstance(step, Finished) for step in steps)

    def test_a_second_drawing_is_told_its_place(self, engine, brief):
        first = engine.watch(engine.submit(brief), brief, threading.Event())
        next(first)
        other = dataclasses.replace(brief, job_id="f" * 32)
        second = engine.watch(engine.submit(other), other, threading.Event())
        assert next(second) == Queued(1)
        first.close()
        assert isinstance(list(second)[-1], Finished)

    def test_chaos_and_negative_words_change_the_pictures(self, engine, brief):
        plain = drawn(engine, brief)[-1].cells
        wild = drawn(engine, dataclasses.replace(brief, chaos=100))[-1].cells
        without = drawn(engine, dataclasses.replace(brief, negative="fog"))[-1].cells
        assert wild[3] != plain[3]
        assert np.abs(pixels(wild[0]) - pixels(plain[0])).max() <= 2
        assert without != plain

    def test_a_killed_process_is_a_dead_engine_and_then_a_new_one(self, engine, brief):
        with pytest.raises(EngineDown):
            interrupted(engine, brief, signal.SIGKILL)
        assert isinstance(drawn(engine, brief)[-1], Finished)


def seam(cells) -> float:
    """How much more the pictures jump over their edges than within them."""
    pictures = [pixels(cell) for cell in cells]
    over = np.mean(
        [np.abs(p[0] - p[-1]).mean() + np.abs(p[:, 0] - p[:, -1]).mean() for p in pictures]
    )
    within = np.mean(
        [np.abs(np.diff(p, axis=0)).mean() + np.abs(np.diff(p, axis=1)).mean() for p in pictures]
    )
    return float(over / within)


@needs_torch
@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.filterwarnings("ignore")
class TestItsProcess:
    def test_cells_one_by_one_equal_those_of_a_batch_at_the_models_own_size(self, pipeline):
        """And a batch that does not fit is drawn one by one, with progress that never falls."""
        pytest.importorskip("torch")
        from engines.diffusers import painter

        brief = dataclasses.replace(BRIEF, width=128, height=192)
        ours = PipelineConfig(pipeline, steps=3, native_px=1024, device="cpu")
        order = order_of(ours, Family(), brief).to_json()
        together = painter.Painter(ours).draw(order, lambda *_, **__: None, lambda: False)

        tight = painter.Painter(ours)
        told = []
        batches = run_out_of_memory_for_batches(tight._pipelines.get(pipeline))
        alone = tight.draw(order, lambda event, *_, **more: told.append(more), lambda: False)
        again = tight.draw(order, lambda *_, **__: None, lambda: False)

        assert batches == [4, 1, 1, 1, 1, 1, 1, 1, 1]
        assert again == alone
        for one, other in zip(together, alone, strict=True):
            assert pixels(one).shape == (192, 128, 3)
            assert np.abs(pixels(one) - pixels(other)).max() <= 2
        assert [more["cell"] for more in told if "cell" in more] == [0, 0, 1, 1, 2, 2, 3, 3]

    def test_a_picture_that_never_fits_is_out_of_memory(self, pipeline):
        pytest.importorskip("torch")
        from engines.diffusers import painter, pipelines

        ours = PipelineConfig(pipeline, steps=1, device="cpu")
        tight = painter.Painter(ours)
        run_out_of_memory_for_batches(tight._pipelines.get(pipeline), lambda: 0)
        with pytest.raises(pipelines.NoMemory):
            tight.draw(
                order_of(ours, Family(), BRIEF).to_json(), lambda *_, **__: None, lambda: False
            )

    def test_the_other_pipeline_is_let_go_before_a_batch_is(self, pipeline, tmp_path_factory):
        pytest.importorskip("torch")
        from engines.diffusers import painter
        from tests.standins.tiny_pipeline import make

        other = str(make(tmp_path_factory.mktemp("other"), seed=2))
        ours = PipelineConfig(pipeline, steps=1, device="cpu")
        crowded = painter.Painter(ours)
        crowded._pipelines.get(other)
        loaded = crowded._pipelines.get(pipeline)
        batches = run_out_of_memory_for_batches(loaded, lambda: 1 if other in kept else 4)
        kept = crowded._pipelines._loaded
        brief = dataclasses.replace(BRIEF, width=64, height=64)
        order = order_of(ours, Family(), brief).to_json()

        assert len(crowded.draw(order, lambda *_, **__: None, lambda: False)) == 4
        assert batches == [4, 4]
        assert set(kept) == {pipeline}

    def test_it_ends_when_it_has_nothing_to_do_and_comes_back(self, pipeline):
        engine = engines.load(settings(model=pipeline, steps=1, device="cpu", idle_s=0.5))
        brief = dataclasses.replace(BRIEF, width=64, height=64)
        earlier = drawing_processes()
        assert isinstance(drawn(engine, brief)[-1], Finished)
        wait_until(lambda: drawing_processes() <= earlier, what="the end of the process")
        assert isinstance(drawn(engine, brief)[-1], Finished)
        engine.close()
        wait_until(lambda: drawing_processes() <= earlier, what="the end of the process")

    def test_weights_that_are_missing_or_a_device_that_is_not_there_are_the_operators(
        self, pipeline, tmp_path
    ):
        empty = a_pipeline_folder(tmp_path / "p", _class_name="StableDiffusionPipeline")
        for wrong in ({"model": empty}, {"model": pipeline, "device": "mps"}):
            engine = engines.load(settings(**wrong))
            with pytest.raises(Refused) as raised:
                drawn(engine, BRIEF)
            assert raised.value.kind == "setup"
            engine.close()

    def test_a_niji_job_is_drawn_by_the_niji_model(self, pipeline, tmp_path_factory):
        from tests.standins.tiny_pipeline import make

        other = str(make(tmp_path_factory.mktemp("niji"), seed=1))
        engine = engines.load(settings(model=pipeline, niji_model=other, steps=1, device="cpu"))
        brief = dataclasses.replace(BRIEF, width=64, height=64)
        plain = drawn(engine, brief)[-1]
        niji = drawn(engine, dataclasses.replace(brief, niji=True))[-1]
        engine.close()
        assert plain.cells != niji.cells
        assert niji.notes["parameters"] == {"niji": "exact"}

    def test_a_silent_process_is_stuck_and_replaced(self, pipeline):
        engine = engines.load(settings(model=pipeline, steps=500, device="cpu", silent_s=2))
        long = dataclasses.replace(BRIEF, width=256, height=256)
        with pytest.raises(EngineStuck):
            interrupted(engine, long, signal.SIGSTOP)
        small = dataclasses.replace(BRIEF, width=8, height=8)
        watching = engine.watch(engine.submit(small), small, threading.Event())
        assert isinstance(next(watching), Progress)
        watching.close()
        engine.close()


def run_out_of_memory_for_batches(pipe, most=lambda: 1) -> list[int]:
    """Let ``pipe`` run out of memory with more than ``most()`` pictures; return what was tried."""
    import torch

    tried = []
    encode = pipe.encode_prompt

    def encode_prompt(prompt, *args, **kwargs):
        tried.append(len(prompt))
        if len(prompt) > most():
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        return encode(prompt, *args, **kwargs)

    pipe.encode_prompt = encode_prompt
    return tried
