"""What callers ask of the diffusers engine besides words: seeds, counts, sizes, versions, operations.

Orders are looked at everywhere; the pictures only where torch and diffusers are installed.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import engines
from engines.diffusers import mapping
from engines.diffusers.abilities import capabilities, otherwise
from engines.diffusers.config import PipelineConfig
from engines.diffusers.families import Family
from engines.diffusers.mapping import order_of
from engines.diffusers.order import CaptionOrder
from engines.diffusers.process import PainterProcess
from limner.engine import Edit, Finished, Parent
from limner.errors import ConfigError, Refused
from tests.contract.applied_suite import AppliedSuite
from tests.contract.engine_suite import a_brief
from tests.contract.test_engine_diffusers import (
    BRIEF,
    a_pipeline_folder,
    config,
    drawn,
    needs_torch,
    ordered,
    pixels,
    settings,
    source,
)

__all__ = ["source"]

PLAIN = PipelineConfig("some/model")
#: of transformers, with a guidance that it was taught, and a second one
FLUX = Family(convolves=False, guides="embedded", second=True, multiple_px=16)
#: how much a cell may differ from the same one drawn in another batch, of 255
ROUNDING = 2
SMALL = a_brief(width=64, height=96, seeds=(11, 22, 33, 44))


# -- orders ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("seeds", [(7,), (7, 8), (4294967295, 0, 1, 2)])
def test_an_order_has_a_prompt_for_each_seed(seeds):
    order = ordered(seeds=seeds)
    assert order.seeds == seeds
    assert len(order.prompts) == len(seeds)


@pytest.mark.parametrize(
    ("quality", "draft", "steps"),
    [
        (None, False, 25),
        (0.25, False, 6),
        (0.5, False, 12),
        (2, False, 50),
        (4, False, 100),
        (None, True, 8),
        (0.25, True, 6),
    ],
)
def test_quality_multiplies_the_steps_and_a_draft_takes_few(quality, draft, steps):
    assert ordered(quality=quality, draft=draft).steps == steps


def test_the_steps_of_a_quality_are_bounded_but_not_the_operators():
    assert ordered(PipelineConfig("m", steps=100), quality=4).steps == mapping.STEPS_MAX
    assert ordered(PipelineConfig("m", steps=500), quality=4).steps == 500
    assert ordered(PipelineConfig("m", steps=1), quality=0.25, draft=True).steps == 1


@pytest.mark.parametrize(
    ("size", "native", "drawn_px"),
    [
        ((1024, 1024), 512, (1024, 1024)),
        ((1024, 1024), 1024, (1024, 1024)),
        ((2048, 2048), 1024, (2048, 2048)),
        ((768, 768), 1024, (1024, 1024)),
        ((256, 2048), 1024, (360, 2896)),
        ((512, 512), 1024, (1024, 1024)),
        ((2048, 256), 256, (1024, 128)),
    ],
)
def test_a_large_size_is_drawn_as_it_is_and_a_small_one_as_large_as_the_model_likes(
    size, native, drawn_px
):
    assert mapping.drawn_px(*size, native, 8) == drawn_px


def test_a_version_has_its_own_model_also_for_niji():
    niji = PipelineConfig("plain", niji_model="niji")
    assert ordered(model="seven").model == "seven"
    order = ordered(niji, model="seven", niji=True)
    assert order.model == "seven"
    assert mapping.NIJI_WORDS in order.prompts[0]
    can = capabilities(niji, Family())
    brief = dataclasses.replace(BRIEF, niji=True, model="seven")
    assert otherwise(can, can, brief, order, "niji") == {"niji": "near"}
    assert otherwise(can, can, BRIEF, ordered(niji), "niji") == {}


def test_chaos_tells_what_it_costs_the_seed_and_that_one_picture_has_none():
    can = capabilities(PLAIN, Family())
    for seeds, chaos, levels in (
        (BRIEF.seeds, 80, {"seed": "near"}),
        (BRIEF.seeds, 0, {}),
        ((5,), 80, {"chaos": "none"}),
    ):
        brief = dataclasses.replace(BRIEF, chaos=chaos, seeds=seeds)
        assert otherwise(can, can, brief, order_of(PLAIN, Family(), brief), "") == levels


def test_a_version_of_another_kind_tells_what_it_cannot_do():
    can, here = (capabilities(PLAIN, family) for family in (Family(), FLUX))
    levels = otherwise(can, here, BRIEF, ordered(), "")
    assert levels["negative"] == "none"
    assert levels["tile"] == "none"
    assert "references" not in levels


def test_each_operation_starts_from_its_pictures(tmp_path):
    one, two = tmp_path / "one.png", tmp_path / "two.png"
    parent = Parent(one, 0, 1.0)
    subtle = ordered(operation="upscale", upscale="subtle", parent=parent)
    creative = ordered(operation="upscale", upscale="creative", parent=parent)
    assert subtle.starts == creative.starts == (str(one),)
    assert 0 < subtle.strength < creative.strength == 0.3

    region = ordered(operation="edit", edit=Edit(one, two), parent=parent)
    assert (region.starts, region.mask, region.extends) == ((str(one),), str(two), False)
    wider = ordered(operation="edit", edit=Edit(one, two, (0, 0, 256, 512)), parent=parent)
    assert wider.extends

    mixed = ordered(operation="blend", references=(one, two, one))
    assert mixed.starts == (str(one), str(two), str(one))

    described = ordered(operation="describe", references=(one,))
    assert described == CaptionOrder("", str(one), 1)
    assert CaptionOrder.from_json(described.to_json()) == described


def test_style_and_things_of_pictures_need_the_operators_adapter():
    refs = {"style_references": (Path("a"),), "style_weight": 50.0}
    assert ordered(**refs).adapted == ()
    ours = PipelineConfig("m", ip_adapter="x", ip_adapter_weights="y")
    order = ordered(ours, Family(adapts=True, has_style_blocks=True), **refs)
    assert (order.adapted, order.adapter_scale, order.style_only) == (("a",), 0.3, True)
    both = ordered(
        ours, Family(adapts=True), **refs, object_references=(Path("b"),), object_weight=1000.0
    )
    assert (both.adapted, both.adapter_scale) == (("b", "a"), mapping.ADAPTER_SCALE_MAX)
    assert ordered(ours, FLUX, **refs).adapted == ()


# -- what it can do -------------------------------------------------------------------------------


def test_a_draft_of_a_pipeline_of_few_steps_is_none():
    assert capabilities(PipelineConfig("m", steps=4), Family()).draft == "none"
    assert capabilities(PLAIN, Family()).draft == "near"


def test_an_adapter_or_a_caption_model_that_is_not_there_is_not_promised(tmp_path, source):
    path = a_pipeline_folder(tmp_path / "p", _class_name="StableDiffusionPipeline", unet=[])
    options = {
        "model": path,
        "ip_adapter": str(tmp_path / "ip"),
        "ip_adapter_weights": "models/x.safetensors",
        "caption_model": str(tmp_path / "blip"),
    }
    engine = engines.load(settings(**options))
    can = engine.capabilities()
    assert (can.style_references, can.object_references, can.describe) == ("none",) * 3
    for name in ("ip/models/x.safetensors", "blip/config.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"{}")
    can = engine.capabilities()
    assert (can.style_references, can.object_references, can.describe) == ("near",) * 3
    engine.close()


def test_an_adapter_without_its_file_is_refused():
    with pytest.raises(ConfigError, match="ip_adapter"):
        config(ip_adapter="h94/IP-Adapter")


def test_a_version_whose_model_is_missing_is_the_operators_trouble(tmp_path, source):
    path = a_pipeline_folder(tmp_path / "p", _class_name="StableDiffusionPipeline", unet=[])
    engine = engines.load(settings(model=path))
    with pytest.raises(Refused, match=r"model_index\.json") as raised:
        engine.submit(dataclasses.replace(BRIEF, model=str(tmp_path / "gone")))
    assert raised.value.kind == "setup"
    engine.submit(BRIEF)
    engine.close()


# -- pictures, with torch -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    from tests.standins.tiny_pipeline import make

    return str(make(tmp_path_factory.mktemp("asked")))


@pytest.fixture(scope="module")
def easel(pipeline, tmp_path_factory):
    """One engine with everything: loading torch takes longer than drawing."""
    from tests.standins.tiny_adapter import WEIGHTS, make_adapter, make_captioner

    folder = tmp_path_factory.mktemp("more")
    engine = engines.load(
        settings(
            model=pipeline,
            steps=8,
            device="cpu",
            idle_s=0,
            ip_adapter=str(make_adapter(folder / "adapter", pipeline)),
            ip_adapter_weights=WEIGHTS,
            caption_model=str(make_captioner(folder / "captioner")),
        )
    )
    yield engine
    engine.close()


def finished(engine, brief=SMALL, **changes) -> Finished:
    last = drawn(engine, dataclasses.replace(brief, **changes))[-1]
    assert isinstance(last, Finished)
    return last


def apart(one: bytes, other: bytes) -> float:
    """The mean difference of two pictures, of 255."""
    return float(np.abs(pixels(one) - pixels(other)).mean())


def same(one: bytes, other: bytes) -> bool:
    """Whether two pictures are one but for rounding."""
    return np.abs(pixels(one) - pixels(other)).max() <= ROUNDING


def a_picture(path: Path, size=(64, 96), left="navy", right="orange") -> Path:
    picture = Image.new("RGB", size, left)
    picture.paste(right, (size[0] // 2, 0, *size))
    picture.save(path)
    return path


@needs_torch
@pytest.mark.slow
@pytest.mark.timeout(300)
class TestWhatDiffusersApplies(AppliedSuite):
    """By the orders that go to its drawing process."""

    #: of rounding; what a blend starts from shows little in a model of random weights, by 0.85
    same_within = 0.25
    #: an encoder of random weights keeps nothing
    keeps_the_rest = False
    sizes = ((64, 64), (104, 72))
    exact = "ar tile negative seed size count vary edit"
    near = (
        "chaos stylize style niji references iw quality draft style_references object_references "
        "upscale_subtle upscale_creative blend describe"
    )

    @pytest.fixture
    def engine(self, easel):
        return easel

    @pytest.fixture
    def brief(self):
        return SMALL

    @pytest.fixture
    def ledger(self, monkeypatch):
        drawn, draw = [], PainterProcess.draw

        def noted(process, order):
            sizes = [tuple(order["drawn_px"])] * len(order["seeds"]) if "seeds" in order else []
            drawn.extend(sizes)
            return draw(process, order)

        monkeypatch.setattr(PainterProcess, "draw", noted)
        return lambda: drawn


@needs_torch
@pytest.mark.slow
class TestAsked:
    @pytest.fixture
    def engine(self, easel):
        return easel

    def test_a_seed_gives_its_picture_alone_and_among_others(self, engine):
        four = finished(engine)
        assert four.seeds == SMALL.seeds
        for cell, seed in enumerate(SMALL.seeds):
            alone = finished(engine, seeds=(seed,))
            assert alone.seeds == (seed,)
            assert same(*alone.cells, four.cells[cell])
        assert not same(four.cells[0], four.cells[1])
        assert finished(engine, seeds=(33, 11)).seeds == (33, 11)

    def test_so_it_does_where_a_drawing_starts_from_a_picture(self, engine, tmp_path):
        a_picture(tmp_path / "a.png")
        start = {"references": (tmp_path / "a.png",)}
        four = finished(engine, **start)
        alone = finished(engine, **start, seeds=(33,))
        assert same(*alone.cells, four.cells[2])
        assert not same(four.cells[1], four.cells[2])

    def test_the_same_count_and_seed_give_the_same_bytes(self, engine):
        assert finished(engine, seeds=(5,)).cells == finished(engine, seeds=(5,)).cells

    def test_negative_words_quality_and_draft_change_the_picture(self, engine):
        one = {"seeds": (5,)}
        plain = finished(engine, **one).cells
        for change in ({"negative": "fog"}, {"quality": 0.5}, {"draft": True}):
            assert finished(engine, **one, **change).cells != plain

    def test_sizes_are_exact(self, engine):
        for size in ((72, 136), (200, 64)):
            cells = finished(engine, width=size[0], height=size[1], seeds=(1,)).cells
            assert [pixels(cell).shape for cell in cells] == [(size[1], size[0], 3)]

    def test_a_part_is_redrawn_and_the_rest_is_kept(self, engine, tmp_path):
        size = (128, 192)
        canvas = a_picture(tmp_path / "canvas.png", size)
        mask = a_picture(tmp_path / "mask.png", size, "black", "white")
        edit = {
            "operation": "edit",
            "edit": Edit(canvas, mask),
            "width": size[0],
            "height": size[1],
            "seeds": (5,),
        }
        one = pixels(*finished(engine, **edit).cells)
        other = pixels(*finished(engine, **edit, prompt="zzz qqq").cells)
        changed = np.abs(one - other).mean(axis=(0, 2))
        assert one.shape == (192, 128, 3)
        # As far from the edge as the decoder looks.
        assert changed[:48].mean() * 5 < changed[80:].mean()

    def test_a_larger_canvas_is_drawn_in_its_size(self, engine, tmp_path):
        canvas = Image.new("RGB", (96, 144), "black")
        canvas.paste(Image.open(a_picture(tmp_path / "cell.png")), (16, 24))
        canvas.save(tmp_path / "canvas.png")
        mask = Image.new("L", (96, 144), 255)
        mask.paste(0, (16, 24, 80, 120))
        mask.save(tmp_path / "mask.png")
        edit = Edit(tmp_path / "canvas.png", tmp_path / "mask.png", (16, 24, 80, 120))
        zoomed = finished(engine, operation="edit", edit=edit, width=96, height=144, seeds=(5, 6))
        assert [pixels(cell).shape for cell in zoomed.cells] == [(144, 96, 3)] * 2
        assert not same(*zoomed.cells)

    def test_a_subtle_upscale_departs_less_from_its_picture_than_a_creative_one(
        self, engine, tmp_path
    ):
        path = a_picture(tmp_path / "cell.png")
        asked = {"operation": "upscale", "parent": Parent(path, 0), "seeds": (5,)}
        asked |= {"width": 128, "height": 192}
        subtle, creative = (
            finished(engine, **asked, upscale=kind).cells[0] for kind in ("subtle", "creative")
        )
        fresh = finished(engine, width=128, height=192, seeds=(5,)).cells[0]
        assert pixels(subtle).shape == pixels(creative).shape == (192, 128, 3)
        assert not same(subtle, creative)
        assert not same(creative, fresh)

    def test_a_blend_takes_from_every_picture(self, engine, tmp_path):
        red = a_picture(tmp_path / "red.png", left="red", right="red")
        one = a_picture(tmp_path / "one.png")
        asked = {"operation": "blend", "seeds": (5,)}
        both = finished(engine, **asked, references=(one, red)).cells
        only = finished(engine, **asked, references=(one, one)).cells
        assert not same(*both, *only)

    def test_references_of_style_and_things_change_the_picture_and_no_later_one(
        self, engine, tmp_path
    ):
        path = a_picture(tmp_path / "a.png")
        one = {"seeds": (5,)}
        before = finished(engine, **one).cells
        styled = finished(engine, **one, style_references=(path,)).cells
        more = finished(engine, **one, style_references=(path,), style_weight=200).cells
        thing = finished(engine, **one, object_references=(path, path)).cells
        assert len({before, styled, more, thing}) == 4
        assert finished(engine, **one).cells == before

    def test_a_picture_is_described_in_four_different_prompts(self, engine, tmp_path):
        asked = {"operation": "describe", "references": (a_picture(tmp_path / "a.png"),)}
        said = finished(engine, **asked)
        assert said.cells == ()
        assert len(set(said.prompts)) == 4
        assert finished(engine, **asked).prompts == said.prompts

    def test_a_version_is_drawn_by_its_model(self, engine, tmp_path):
        from tests.standins.tiny_pipeline import make

        other = str(make(tmp_path / "other", seed=9))
        one = {"seeds": (5,)}
        plain = finished(engine, **one).cells
        assert finished(engine, **one, model=other).cells != plain
        assert finished(engine, **one).cells == plain


@needs_torch
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
class TestItsModels:
    def test_other_kinds_of_start_share_the_weights(self, pipeline):
        from engines.diffusers.pipelines import Pipelines

        pipelines = Pipelines(PipelineConfig(pipeline, device="cpu"))
        text = pipelines.get(pipeline)
        for kind in ("picture", "mask"):
            other = pipelines.get(pipeline, kind)
            assert other is not text
            assert other.unet is text.unet
            assert other.vae is text.vae
            assert other.text_encoder is text.text_encoder

    def test_a_bounded_number_stays_in_memory_and_the_oldest_goes(self, pipeline):
        from engines.diffusers.pipelines import Pipelines

        pipelines = Pipelines(PipelineConfig(pipeline, device="cpu", models_in_memory=2))
        loads = []

        def load(name):
            loads.append((name, tuple(pipelines._loaded)))
            return object()

        for name in ("a", "b", "a", "c", "a", "b"):
            pipelines.kept(name, load)

        # The room is made before the next one is loaded.
        assert loads == [("a", ()), ("b", ("a",)), ("c", ("a",)), ("b", ("a",))]

    def test_a_large_picture_is_decoded_in_parts(self, pipeline, monkeypatch):
        from engines.diffusers import painter

        monkeypatch.setattr(painter, "LARGE_PX", 64 * 64)
        ours = PipelineConfig(pipeline, steps=1, device="cpu")
        one = painter.Painter(ours)
        vae = one._pipelines.get(pipeline).vae
        used = []
        enable = vae.enable_tiling
        monkeypatch.setattr(vae, "enable_tiling", lambda: (used.append(True), enable()))
        brief = dataclasses.replace(SMALL, seeds=(1,))
        order = order_of(ours, Family(), brief).to_json()
        assert len(one.draw(order, lambda *_, **__: None, lambda: False)) == 1
        assert used == [True]
        assert not vae.use_tiling
