"""What the cog engine makes of what callers may ask for, by the inputs of the model, and proof of it."""

from __future__ import annotations

import base64
import dataclasses
import io

import pytest
from PIL import Image

from engines.cog.answer import fraction
from engines.cog.manner import CogManner
from engines.cog.model import model_of
from limner.engine import Parent
from limner.errors import Refused
from tests.contract.remote_drivers import COG, AppliesOnAServer, drawn
from tests.contract.test_engine_cog import began

DRIVER = COG


class TestWhatCogApplies(AppliesOnAServer):
    options = {"batch": False}
    exact = "ar tile negative seed size count vary"
    near = (
        "stylize style niji references iw quality draft upscale_subtle upscale_creative edit blend"
    )


class TestWhatCogAppliesInOnePrediction(AppliesOnAServer):
    exact = "ar tile negative size count vary"
    near = (
        "stylize style niji references iw seed quality draft upscale_subtle upscale_creative edit "
        "blend"
    )


class TestWhatCogAppliesByRatios(AppliesOnAServer):
    faults = ("ratio", "several")
    options = {"batch": False}
    exact = "tile negative seed count vary"
    near = "ar stylize style niji references iw size quality draft edit blend"


class TestWhatCogAppliesByWordsAlone(AppliesOnAServer):
    faults = ("words",)
    exact = "count"
    near = "ar style niji size"


# -- seeds and counts -----------------------------------------------------------------------------


def test_one_prediction_draws_as_many_as_the_model_can(server, build, brief):
    finished = drawn(build(), brief)

    (inputs,) = began(server)
    assert (inputs["num_outputs"], inputs["seed"]) == (4, 11)
    assert finished.seeds == ()
    assert finished.applied == {}
    alone = drawn(build(), dataclasses.replace(brief, seeds=(33,)))
    assert (alone.seeds, alone.applied) == ((33,), {"seed": "exact"})


@pytest.mark.parametrize(
    ("counted", "shares"),
    [
        ({"type": "integer", "maximum": 3}, [3, 1]),
        ({"type": "integer", "enum": [1, 4]}, [4]),
        ({"type": "integer", "enum": [1, 2, 8]}, [2, 2]),
        ({"type": "integer"}, [1, 1, 1, 1]),
    ],
)
def test_predictions_are_as_large_as_the_model_allows(server, build, brief, counted, shares):
    document = server.schema()
    document["components"]["schemas"]["Input"]["properties"]["num_outputs"] = counted
    server.schema = lambda: document

    finished = drawn(build(), brief)

    assert [inputs["num_outputs"] for inputs in began(server)] == shares
    assert len(finished.cells) == 4


def test_seeds_stay_within_what_the_model_takes(server, build, brief):
    document = server.schema()
    document["components"]["schemas"]["Input"]["properties"]["seed"]["maximum"] = 2**31 - 1
    server.schema = lambda: document
    seed = 2**31 + 5

    finished = drawn(build(batch=False), dataclasses.replace(brief, seeds=(seed, 7)))

    assert [inputs["seed"] for inputs in began(server)] == [5, 7]
    assert finished.seeds == (5, 7)
    assert finished.applied == {"seed": "near"}


# -- sizes ----------------------------------------------------------------------------------------


def test_a_drawing_is_larger_than_its_cell_within_the_models_bounds(server, build, brief):
    for width, height in ((128, 192), (1536, 1024), (1456, 832)):
        asked = dataclasses.replace(brief, seeds=(5,), width=width, height=height)
        drawn(build(), asked)

    sizes = [(one["width"], one["height"]) for one in began(server)]
    assert sizes == [(256, 384), (2048, 1360), (2048, 1168)]


@pytest.mark.parametrize(
    ("fault", "given"),
    [
        ("ratio", {"aspect_ratio": "2:3"}),
        ("sizes", {"size": "1024x1536"}),
        ("custom", {"aspect_ratio": "custom", "width": 256, "height": 384}),
        ("words", {}),
    ],
)
def test_a_size_is_asked_for_as_the_model_has_it(server, build, brief, fault, given):
    server.faults.add(fault)
    engine = build()

    finished = drawn(engine, dataclasses.replace(brief, seeds=(5,)))

    (inputs,) = began(server)
    sized = {k: v for k, v in inputs.items() if k in ("aspect_ratio", "size", "width", "height")}
    assert sized == given
    assert Image.open(io.BytesIO(finished.cells[0])).size == (128, 192)
    assert engine.capabilities().size == ("exact" if fault == "custom" else "near")


# -- parameters -----------------------------------------------------------------------------------


def test_parameters_become_inputs_and_the_notes_say_how_well(server, build, brief):
    asked = dataclasses.replace(
        brief, stylize=1000.0, negative="people", tile=True, draft=True, niji=True, style="cute"
    )

    finished = drawn(build(suffix="oil on canvas", negative="blurry"), asked)

    (inputs,) = began(server)
    assert inputs["guidance_scale"] == 4.5
    assert inputs["negative_prompt"] == "people, blurry"
    assert inputs["tiling"] is True
    assert inputs["num_inference_steps"] == 6
    assert inputs["output_format"] == "png"
    assert "cute" in inputs["prompt"]
    assert inputs["prompt"].endswith("oil on canvas")
    assert finished.notes["parameters"]["negative"] == "exact"
    assert finished.notes["predict_time"] == 1.5


def test_what_was_not_asked_for_is_left_to_the_model(server, build, brief):
    drawn(build(), brief)

    (inputs,) = began(server)
    assert not {"guidance_scale", "num_inference_steps", "negative_prompt", "image"} & set(inputs)


def test_what_the_operator_has_fixed_is_not_the_callers(server, build, brief):
    engine = build(inputs={"num_inference_steps": 30, "seed": 5})

    drawn(engine, dataclasses.replace(brief, quality=2.0))

    (inputs,) = began(server)
    assert (inputs["num_inference_steps"], inputs["seed"]) == (30, 5)
    assert (engine.capabilities().quality, engine.capabilities().seed) == ("none", "none")


def test_a_model_with_words_alone_promises_no_more(server, build):
    server.faults.add("words")

    can = build().capabilities()

    none = ("seed", "negative", "references", "iw", "vary", "edit", "blend", "quality", "draft")
    assert {getattr(can, name) for name in none} == {"none"}
    assert (can.size, can.stylize, can.tile) == ("near", "none", "none")


# -- pictures -------------------------------------------------------------------------------------


def test_a_reference_is_what_the_drawing_starts_from(server, build, brief, tmp_path):
    Image.new("RGB", (300, 100), "red").save(tmp_path / "one.png")

    drawn(build(), dataclasses.replace(brief, references=(tmp_path / "one.png",), iw=2.0))

    (inputs,) = began(server)
    start = Image.open(io.BytesIO(base64.b64decode(inputs["image"].partition(",")[2])))
    assert start.size == (inputs["width"], inputs["height"])
    assert inputs["prompt_strength"] == pytest.approx(0.3)


def test_a_model_that_takes_several_pictures_gets_all_of_them(server, build, brief, tmp_path):
    server.faults.add("several")
    paths = []
    for colour in ("red", "blue", "green"):
        paths.append(tmp_path / f"{colour}.png")
        Image.new("RGB", (64, 64), colour).save(paths[-1])
    asked = dataclasses.replace(brief, references=tuple(paths[:2]), parent=Parent(paths[2], 0))

    drawn(build(), asked)

    (inputs,) = began(server)
    assert len(inputs["input_images"]) == 3
    assert "image" not in inputs


# -- reading schemas and logs ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"components": []},
        {"components": {"schemas": {"Input": {"properties": {"prompt": 3}}}}},
        {"components": {"schemas": {"Input": {"properties": {"prompt": {"type": "integer"}}}}}},
    ],
)
def test_a_schema_that_says_nothing_of_a_prompt_is_refused(document):
    with pytest.raises(Refused):
        model_of(document, CogManner())


@pytest.mark.parametrize(
    ("logs", "shown"),
    [
        ("", 0.0),
        (None, 0.0),
        ("Using seed: 33\n", 0.0),
        ("  0%|          | 0/28 [00:00<?, ?it/s]\r 50%|#####     | 14/28 [00:03<00:03]", 0.5),
        (" 40%|####      | 2/5\nDecoding latents\n", 0.4),
        ("Fetching 17 files: 100%|##########| 17/17 [00:00<00:00]\n", 0.0),
        ("Loading weights: 100%|####| 5/5\n 25%|##   | 1/4\n", 0.25),
        ("step 3/12\n", 0.25),
        ("Sampling (7/10), cfg 4\n", 0.7),
        ("saved /tmp/a/1/2.png\n", 0.0),
        ("45.5 % done\n", 0.455),
        ("140%|####| 7/5", 1.0),
        ("at 9/3\n", 0.0),
    ],
)
def test_progress_is_read_from_what_models_print(logs, shown):
    assert fraction(logs) == pytest.approx(shown)
