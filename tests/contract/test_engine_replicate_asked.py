"""What the replicate engine makes of what callers may ask for, and proof of what it claims."""

from __future__ import annotations

import dataclasses

import pytest
from PIL import Image

from engines.remote.model_inputs import ModelInputs
from limner.engine import Parent
from limner.errors import Rejected
from tests.contract.remote_drivers import REPLICATE as DRIVER
from tests.contract.remote_drivers import AppliesOnAServer, drawn

#: as the tests of other drivers' files, whose fixtures name it
assert DRIVER.driver == "replicate"


class TestWhatReplicateApplies(AppliesOnAServer):
    options = {"outputs": "apart"}
    exact = "ar negative seed size count"
    near = "chaos stylize style niji references iw quality weird draft vary edit blend"


class TestWhatReplicateAppliesTogether(AppliesOnAServer):
    exact = "ar negative size count"
    near = "stylize style niji references iw seed quality weird draft vary edit blend"


class TestWhatReplicateAppliesByRatios(AppliesOnAServer):
    faults = ("flux", "single")
    exact = "seed count"
    near = (
        "ar chaos stylize style niji references size weird style_references object_references "
        "vary blend"
    )


def painted(path, colour, size=(128, 192)):
    Image.new("RGB", size, colour).save(path)
    return path


@pytest.mark.parametrize(
    ("size", "faults", "sent"),
    [
        ((512, 512), set(), (512, 512)),
        ((416, 624), set(), (384, 576)),
        ((672, 384), set(), (672, 384)),
        ((672, 384), {"flux"}, "16:9"),
        ((448, 560), {"flux"}, "2:3"),
        ((416, 624), {"flux"}, "2:3"),
    ],
)
def test_a_model_is_asked_for_sizes_or_for_the_nearest_of_its_ratios(
    server, build, brief, size, faults, sent
):
    server.faults |= faults
    engine = build()

    engine.submit(dataclasses.replace(brief, width=size[0], height=size[1]))

    (given,) = server.created()
    assert given.get("aspect_ratio", (given.get("width"), given.get("height"))) == sent
    assert engine.capabilities().size == ("near" if faults else "exact")


@pytest.mark.parametrize(
    ("asked", "steps"),
    [({}, None), ({"quality": 4.0}, 100), ({"quality": 0.25}, 8), ({"draft": True}, 15)],
)
def test_quality_and_draft_are_steps_within_the_models_bounds(server, build, brief, asked, steps):
    build().submit(dataclasses.replace(brief, **asked))

    assert server.created()[0].get("num_inference_steps") == steps


def test_quality_is_a_part_of_the_operators_own_steps(server, build, brief):
    engine = build(input={"num_inference_steps": 40})

    engine.submit(brief)
    engine.submit(dataclasses.replace(brief, quality=0.5))

    assert [given["num_inference_steps"] for given in server.created()] == [40, 20]


def test_an_address_without_a_path_is_that_of_the_first_version(server, build, brief):
    assert drawn(build(base_url=server.url.removesuffix("/v1")), brief)


def test_an_image_to_start_from_comes_with_its_strength(server, build, brief, tmp_path):
    red = painted(tmp_path / "red.png", "red", (4000, 100))
    engine = build()

    engine.submit(dataclasses.replace(brief, references=(red,), iw=2.0))
    engine.submit(dataclasses.replace(brief, parent=Parent(red, 1, 0.45)))

    weights = [given["prompt_strength"] for given in server.created()]
    assert weights == [0.3, 0.45]
    assert all(given["image"].startswith("data:image/jpeg;base64,") for given in server.created())


def test_a_model_of_several_pictures_is_told_what_they_are_for(server, build, brief, tmp_path):
    server.faults.add("flux")
    pictures = [painted(tmp_path / f"{colour}.png", colour) for colour in ("red", "navy", "gold")]
    one, two, three = ((path,) for path in pictures)

    build().submit(
        dataclasses.replace(brief, references=one, style_references=two, object_references=three)
    )

    (given,) = server.created()
    assert len(given["input_images"]) == 3
    assert "in the style of picture 2" in given["prompt"]
    assert "with what is shown in picture 3" in given["prompt"]


def test_what_finds_no_room_among_the_pictures_is_told_and_not_spoken_of(
    server, build, brief, tmp_path
):
    server.faults.add("flux")
    red = painted(tmp_path / "red.png", "red")

    finished = drawn(
        build(),
        dataclasses.replace(
            brief, references=(red,) * 7, style_references=(red,) * 2, object_references=(red,)
        ),
    )

    (given,) = server.created()
    assert len(given["input_images"]) == 8
    assert "in the style of picture 8" in given["prompt"]
    assert "what is shown" not in given["prompt"]
    assert finished.applied == {"object_references": "none"}


def test_what_the_model_cannot_do_is_rejected(server, build, brief, tmp_path):
    with pytest.raises(Rejected):
        build().submit(
            dataclasses.replace(
                brief,
                operation="upscale",
                parent=Parent(painted(tmp_path / "red.png", "red"), 0),
            )
        )
    assert not server.predictions


def test_inputs_are_read_from_whatever_a_document_is():
    for document in (None, [], {"components": {"schemas": {"Input": {"properties": 3}}}}):
        assert ModelInputs.of_cog(document).fields == {}
    circle = {"$ref": "#/components/schemas/a"}
    schemas = {"a": {"allOf": [circle]}, "Input": {"properties": {"a": circle}}}
    assert ModelInputs.of_cog({"components": {"schemas": schemas}}).first("a") == "a"


def test_a_drawing_of_one_cell_has_its_seed_even_where_several_share_one(build, brief):
    finished = drawn(build(), dataclasses.replace(brief, seeds=brief.seeds[:1]))

    assert finished.seeds == brief.seeds[:1]
