"""ComfyUI draws every family of models by its own nodes, finds its files, and says what is missing."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from PIL import Image, ImageDraw

import engines
from engines.check import StepFailed, check
from engines.comfyui import finder
from engines.comfyui.families import FAMILIES
from engines.comfyui.finder import found
from engines.comfyui.graph import GROW_PX
from limner.engine import Edit, Finished, Parent
from limner.errors import ConfigError, Refused, Rejected
from limner.printing import Steps
from tests.conftest import wait_until
from tests.contract.engine_suite import a_brief
from tests.contract.remote_drivers import COMFYUI as DRIVER
from tests.contract.remote_drivers import AppliesOnAServer, drawn
from tests.standins.comfyui import Comfy
from tests.standins.comfyui.models import NEWER_NODES

CHECKPOINTED = ("sd15", "sd2", "sdxl")
#: one of each kind of graph
KINDS = ("sd3.5", "flux-dev", "flux-kontext", "qwen-image-edit-2509", "z-image-turbo", "sana")
SHOWING = ("flux-kontext", "qwen-image-edit", "qwen-image-edit-2509", "qwen-image-edit-2511")


def options_of(model):
    named = "sd15.safetensors" if model in CHECKPOINTED else None
    return {"model": model, "checkpoint": named}


@pytest.fixture(scope="module")
def everything() -> Iterator[Comfy]:
    """A server with all nodes and all files, which no test changes."""
    with Comfy(sana=True, seconds=0.02, steps=1) as server:
        yield server


@pytest.fixture
def drawer(everything):
    built = []

    def build(**options):
        built.append(engines.load(DRIVER.entry(everything.url, **options)))
        return built[-1]

    yield build
    for engine in built:
        engine.close()


def nodes(server):
    """The newest graph's nodes, by class."""
    sent: dict[str, list[dict]] = {}
    for node in list(server.prompts.values())[-1]["prompt"].values():
        sent.setdefault(node["class_type"], []).append(node["inputs"])
    return sent


def saved(tmp_path, name, image):
    image.save(tmp_path / name)
    return tmp_path / name


@pytest.fixture
def picture(tmp_path):
    return saved(tmp_path, "picture.png", Image.linear_gradient("L").convert("RGB"))


# -- every family --------------------------------------------------------------------------------


@pytest.mark.parametrize("model", FAMILIES)
def test_a_family_draws_four_different_cells_of_the_size_asked_for(drawer, model):
    engine = drawer(**options_of(model))

    finished = drawn(engine, a_brief())

    assert engine.health().state == "ok"
    assert len(set(finished.cells)) == 4
    for cell in finished.cells:
        assert Image.open(io.BytesIO(cell)).size == (128, 192)


@pytest.mark.parametrize("model", KINDS)
@pytest.mark.parametrize("asked", ["vary", "references", "creative", "region", "around", "blend"])
def test_a_family_takes_a_picture_wherever_it_says_so(drawer, picture, tmp_path, model, asked):
    engine = drawer(**options_of(model))
    parent = Parent(picture, 1, strength=0.5)
    mask = Image.new("L", (128, 192))
    ImageDraw.Draw(mask).rectangle((32, 48, 95, 143), fill=255)
    canvas = saved(tmp_path, "canvas.png", Image.new("RGB", (128, 192), "teal"))
    edit = Edit(
        canvas, saved(tmp_path, "mask.png", mask), (0, 0, 64, 64) if asked == "around" else None
    )
    more, claim = {
        "vary": ({"parent": parent}, "vary"),
        "references": ({"references": (picture,)}, "references"),
        "creative": (
            {"operation": "upscale", "upscale": "creative", "parent": parent},
            "upscale_creative",
        ),
        "region": ({"operation": "edit", "edit": edit}, "edit"),
        "around": ({"operation": "edit", "edit": edit}, "edit"),
        "blend": ({"operation": "blend", "references": (picture, canvas)}, "blend"),
    }[asked]
    brief = a_brief(seeds=(7,), **more)

    if getattr(engine.capabilities(), claim) == "none":
        with pytest.raises(Rejected):
            engine.submit(brief)
    else:
        assert drawn(engine, brief).cells != drawn(engine, a_brief(seeds=(7,))).cells


@pytest.mark.parametrize("model", [*KINDS, "flux-schnell", "sd3.5-turbo"])
def test_a_family_heeds_a_negative_prompt_and_stylize_as_it_says(drawer, model):
    engine = drawer(**options_of(model))
    able = engine.capabilities()
    plain = drawn(engine, a_brief(seeds=(7,))).cells

    for name, asked in (("negative", {"negative": "fog"}), ("stylize", {"stylize": 900.0})):
        changed = drawn(engine, a_brief(seeds=(7,), **asked)).cells != plain
        assert changed == (getattr(able, name) != "none"), name


@pytest.mark.parametrize(
    ("model", "negative", "stylize"),
    [
        ("sd3.5", "exact", "near"),
        ("sd3.5-turbo", "none", "none"),
        ("flux-dev", "none", "near"),
        ("flux-schnell", "none", "none"),
        ("flux-kontext", "none", "near"),
        ("qwen-image", "exact", "near"),
        ("z-image", "exact", "near"),
        ("z-image-turbo", "none", "none"),
        ("sana", "exact", "near"),
    ],
)
def test_a_distilled_family_says_what_it_does_not_heed(drawer, model, negative, stylize):
    able = drawer(model=model, checkpoint=None).capabilities()

    assert (able.negative, able.stylize) == (negative, stylize)


def test_little_chaos_says_that_it_does_nothing_where_only_words_differ(drawer):
    engine = drawer(model="z-image-turbo", checkpoint=None)
    (plain,) = drawn(engine, a_brief(seeds=(8,))).cells

    little = drawn(engine, a_brief(seeds=(7, 8), chaos=20.0))
    much = drawn(engine, a_brief(seeds=(7, 8), chaos=90.0))

    assert little.applied["chaos"] == "none"
    assert little.cells[1] == plain
    assert "chaos" not in much.applied
    assert much.cells[1] != plain


@pytest.mark.parametrize("model", SHOWING)
def test_an_edit_model_is_shown_the_pictures_and_starts_from_nothing(
    everything, drawer, picture, model
):
    engine = drawer(model=model, checkpoint=None)

    drawn(engine, a_brief(seeds=(7,), references=(picture,)))

    (sampler,) = nodes(everything)["KSampler"]
    assert sampler["denoise"] == 1.0
    assert "EmptySD3LatentImage" in nodes(everything)
    assert (engine.capabilities().references, engine.capabilities().iw) == ("near", "none")


def test_more_pictures_than_an_edit_model_takes_are_dealt_out_to_the_cells(
    everything, drawer, tmp_path
):
    colours = ("red", "lime", "blue", "teal")
    shown = [saved(tmp_path, f"{c}.png", Image.new("RGB", (64, 64), c)) for c in colours]
    engine = drawer(model="qwen-image-edit-2509", checkpoint=None)

    drawn(engine, a_brief(seeds=(7, 8), references=tuple(shown)))

    readers = nodes(everything)["TextEncodeQwenImageEditPlus"]
    assert all({"image1", "image2", "image3"} <= reader.keys() for reader in readers)
    assert len({json.dumps(reader) for reader in readers}) == 4


class TestWhatFluxApplies(AppliesOnAServer):
    seam_px = GROW_PX
    exact = "ar seed size count vary upscale_creative edit"
    near = "chaos stylize style niji references iw quality weird draft blend"
    same_within = 0.0
    options = {"model": "flux-dev", "checkpoint": None}


# -- files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "files"),
    [
        (
            "flux-dev",
            {
                "unet": "flux1-dev.safetensors",
                "clip_l": "clip_l.safetensors",
                "t5xxl": "t5xxl_fp16.safetensors",
                "vae": "ae.safetensors",
            },
        ),
        ("flux-kontext", {"unet": "flux1-dev-kontext_fp8_scaled.safetensors"}),
        ("flux-schnell", {"unet": "flux1-schnell.safetensors"}),
        (
            "qwen-image",
            {
                "unet": "qwen/qwen_image_fp8_e4m3fn.safetensors",
                "qwen25vl": "qwen_2.5_vl_7b_fp8_scaled.safetensors",
                "vae": "qwen_image_vae.safetensors",
            },
        ),
        ("qwen-image-edit", {"unet": "qwen/qwen_image_edit_fp8_e4m3fn.safetensors"}),
        ("qwen-image-edit-2509", {"unet": "qwen/qwen_image_edit_2509_fp8_e4m3fn.safetensors"}),
        ("qwen-image-edit-2511", {"unet": "qwen/qwen_image_edit_2511_bf16.safetensors"}),
        ("z-image", {"unet": "z_image_bf16.safetensors", "qwen3": "qwen_3_4b.safetensors"}),
        ("z-image-turbo", {"unet": "z_image_turbo_bf16.safetensors", "vae": "ae.safetensors"}),
        ("sd3.5", {"checkpoint": "sd3.5_large_fp8_scaled.safetensors"}),
        ("sd3.5-turbo", {"checkpoint": "sd3.5_large_turbo.safetensors"}),
        (
            "sana",
            {
                "checkpoint": "Efficient-Large-Model/Sana_1600M_1024px_BF16",
                "config": "SanaMS_1600M_P1_D20",
                "gemma": "Efficient-Large-Model/gemma-2-2b-it",
            },
        ),
    ],
)
def test_the_files_of_a_family_are_found_among_all_others(drawer, model, files):
    items = drawer(model=model, checkpoint=None).stock()

    said = {item.text.split(": ")[0]: item for item in items}
    for part, file in files.items():
        assert said[part].there
        assert said[part].text == f"{part}: {file} (found)"


@pytest.mark.parametrize(
    ("listed", "chosen"),
    [
        (("vae.safetensors", "taesd.safetensors"), ""),
        (("sub\\AE.safetensors",), "sub\\AE.safetensors"),
        (("my_flux_vae.sft", "ae.sft"), "ae.sft"),
        (("flux1-ae.safetensors", "sdxl-vae.safetensors"), "flux1-ae.safetensors"),
    ],
)
def test_a_file_is_recognised_by_a_whole_beginning_of_a_word(listed, chosen):
    vae = FAMILIES["flux-dev"].layouts[0].parts[-1]

    assert found(vae, listed) == chosen


def test_a_named_file_goes_before_any_that_is_found(everything, drawer):
    engine = drawer(
        model="flux-dev", checkpoint=None, files={"t5xxl": "t5xxl_fp8_e4m3fn.safetensors"}
    )

    drawn(engine, a_brief(seeds=(7,)))

    (loader,) = nodes(everything)["DualCLIPLoader"]
    assert loader["clip_name2"] == "t5xxl_fp8_e4m3fn.safetensors"


def test_a_checkpoint_with_everything_in_it_is_loaded_by_itself(everything, drawer):
    engine = drawer(model="flux-dev", checkpoint="flux.safetensors")

    drawn(engine, a_brief(seeds=(7,)))

    assert "UNETLoader" not in nodes(everything)
    assert [n["ckpt_name"] for n in nodes(everything)["CheckpointLoaderSimple"]] == [
        "flux.safetensors"
    ]


def test_a_vae_may_be_named_beside_a_checkpoint(everything, drawer):
    drawn(drawer(files={"vae": "sdxl_vae.safetensors"}), a_brief(seeds=(7,)))

    assert [n["vae_name"] for n in nodes(everything)["VAELoader"]] == ["sdxl_vae.safetensors"]


def test_encoders_of_their_own_are_taken_if_all_of_them_are_there(everything, drawer):
    drawn(drawer(model="sd3.5", checkpoint=None), a_brief(seeds=(7,)))
    assert "TripleCLIPLoader" in nodes(everything)

    with Comfy(seconds=0.02) as server:
        server.forget_file("clip_g.safetensors")
        engine = engines.load(DRIVER.entry(server.url, model="sd3.5", checkpoint=None))
        drawn(engine, a_brief(seeds=(7,)))
        assert "TripleCLIPLoader" not in nodes(server)
        engine.close()


def test_a_version_is_drawn_by_its_own_model_file(everything, drawer):
    engine = drawer(model="flux-dev", checkpoint=None)

    drawn(engine, a_brief(seeds=(7,), model="flux1-canny-dev.safetensors"))

    (loader,) = nodes(everything)["UNETLoader"]
    assert loader["unet_name"] == "flux1-canny-dev.safetensors"
    with pytest.raises(Rejected, match="version"):
        engine.submit(a_brief(model="gone.safetensors"))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"model": "flux-dev", "files": {"gemma": "a"}}, "files: flux-dev has no gemma, but unet"),
        ({"model": "flux-dev", "files": {"unet": "a"}, "checkpoint": "b"}, "files: .* together"),
        ({"model": "flux-dev", "files": ["a"]}, "files: must have the form"),
        ({"model": "flux"}, "model: must be one of sd15, sd2"),
        ({"model": "sdxl", "family": "sdxl"}, "family: is the former name of model"),
        ({"model": "sd2", "checkpoint": None}, "checkpoint: is required"),
        ({"model": "flux-schnell", "guidance": 3.5, "checkpoint": None}, "guidance: .* set cfg"),
    ],
)
def test_a_wrong_word_about_a_family_is_refused_by_name(options, named):
    with pytest.raises(ConfigError, match=named):
        engines.load(DRIVER.entry(**options))


# -- what a server lacks -------------------------------------------------------------------------


def test_what_a_server_lacks_is_said_by_node_and_by_file(server, build):
    server.forget_file("ae.safetensors")
    server.forget_file("clip_l.safetensors")
    del server.nodes["FluxGuidance"]
    engine = build(model="flux-dev", checkpoint=None)

    missing = [item.text for item in engine.stock() if not item.there]

    assert missing == [
        "lacks the node FluxGuidance",
        "lacks the file clip_l like clip-l… (of DualCLIPLoader)",
        "lacks the file vae like ae.… (of VAELoader)",
    ]
    assert engine.health().state == "down"
    assert "node FluxGuidance" in engine.health().why
    with pytest.raises(Refused, match="the server has no file clip_l"):
        engine.submit(a_brief())


def test_the_check_of_an_engine_tells_all_that_is_missing_at_once(server, capsys):
    server.forget_file("ae.safetensors")
    del server.nodes["FluxGuidance"]
    entry = DRIVER.entry(server.url, model="flux-dev", checkpoint=None)

    with pytest.raises(StepFailed):
        check(entry, 20.0, None, Steps(9, as_json=True))

    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    server_said = [(step["ok"], step["text"]) for step in said if step["step"] == "server"]
    assert (True, "unet: flux1-dev.safetensors (found)") in server_said
    assert (False, "lacks the node FluxGuidance") in server_said
    assert (False, "lacks the file vae like ae.… (of VAELoader)") in server_said
    assert not server.prompts


def test_a_choice_that_an_older_server_does_not_know_is_missed(server, build):
    engine = build(model="z-image-turbo", checkpoint=None, sampler="euler_cfg_pp")

    assert [item.text for item in engine.stock() if not item.there] == [
        "lacks the choice euler_cfg_pp (sampler_name of KSampler)"
    ]


@pytest.mark.parametrize(
    ("version", "state"),
    [
        ("0.3.64", "down"),
        ("v0.3.73-5-gabc", "down"),
        ("0.3.74", "ok"),
        ("0.10.0", "ok"),
        ("", "ok"),
    ],
)
def test_a_server_too_old_for_a_model_is_told_by_its_version(server, build, version, state):
    server.version = version
    engine = build(model="z-image", checkpoint=None)

    assert engine.health().state == state
    assert ("release 0.3.74 or newer" in engine.health().why) == (state == "down")


def test_files_that_come_later_are_found_later(server, build, monkeypatch):
    monkeypatch.setattr("engines.comfyui.storeroom.ASK_AGAIN_S", 0.0)
    whole = dict(server.nodes)
    server.forget_file("ae.safetensors")
    engine = build(model="flux-dev", checkpoint=None)
    assert engine.health().state == "down"

    server.nodes = whole

    wait_until(lambda: engine.health().state == "ok")
    assert isinstance(drawn(engine, a_brief(seeds=(7,))), Finished)


def test_a_file_that_is_gone_is_looked_for_again(server, build):
    engine, brief = build(model="flux-dev", checkpoint=None), a_brief(seeds=(7,))
    drawn(engine, brief)
    (loader,) = nodes(server)["DualCLIPLoader"]
    server.forget_file(loader["clip_name2"])

    with pytest.raises(Refused):
        engine.submit(brief)

    drawn(engine, replace(brief, job_id=f"{brief.job_id[:-1]}0"))
    assert nodes(server)["DualCLIPLoader"][0]["clip_name2"] != loader["clip_name2"]


def test_a_way_of_showing_pictures_that_an_older_server_does_not_know_is_missed(server, build):
    method = server.nodes["FluxKontextMultiReferenceLatentMethod"]
    older = {**method.inputs, "reference_latents_method": ("offset", "index", "uxo/uno")}
    server.nodes["FluxKontextMultiReferenceLatentMethod"] = replace(method, inputs=older)

    assert (
        "index_timestep_zero" in build(model="qwen-image-edit-2511", checkpoint=None).health().why
    )


def test_a_pack_of_custom_nodes_is_named(server, build):
    engine = build(model="sana", checkpoint=None)

    assert "node SanaCheckpointLoader (of ComfyUI_ExtraModels?)" in engine.health().why


def test_what_an_own_graph_needs_is_looked_for_too(server, build, tmp_path):
    graph = {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "gone.safetensors"}},
        "2": {"class_type": "KSampler", "inputs": {"seed": "{{seed}}", "text": "{{prompt}}"}},
        "3": {"class_type": "MagicDetailer", "inputs": {"image": ["2", 0]}},
        "4": {"class_type": "PreviewImage", "inputs": {"images": ["3", 0]}},
    }
    path = tmp_path / "graph.json"
    path.write_text(json.dumps(graph))

    engine = build(workflow=str(path), checkpoint=None)

    assert [item.text for item in engine.stock()] == [
        "lacks the file gone.safetensors (ckpt_name of CheckpointLoaderSimple)",
        "lacks the node MagicDetailer",
    ]


def test_a_newer_node_gets_what_it_needs_besides_by_its_own_default(server, build):
    server.nodes |= NEWER_NODES
    engine = build(model="qwen-image-edit", checkpoint=None)

    drawn(engine, a_brief(seeds=(7,)))

    (norm,) = nodes(server)["CFGNorm"]
    assert norm["pre_cfg"] == 0.5


def test_a_slow_server_is_asked_over_several_health_checks(server, build, monkeypatch):
    monkeypatch.setattr("engines.comfyui.engine.HEALTH_SHARE_S", 0.0)
    server.forget_file("ae.safetensors")
    engine = build(model="flux-dev", checkpoint=None)

    assert engine.health().state == "ok"

    monkeypatch.setattr("engines.comfyui.engine.HEALTH_SHARE_S", 60.0)
    assert engine.health().state == "down"


def test_another_process_finds_a_familys_drawing_by_its_handle(server, build):
    options = {"model": "flux-dev", "checkpoint": None}
    handle = json.loads(json.dumps(build(**options).submit(a_brief())))

    *_, last = build(**options).watch(handle, a_brief(), threading.Event())

    assert isinstance(last, Finished)
    assert len(last.cells) == 4


@pytest.mark.parametrize(
    ("version", "told"),
    [("0.3.64", (0, 3, 64)), ("v0.10.0-rc1", (0, 10, 0)), ("", ()), ("nightly", ())],
)
def test_a_version_is_read_as_far_as_it_has_numbers(version, told):
    assert finder.numbers(version) == told
