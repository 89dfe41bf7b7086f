"""What the ComfyUI engine makes of options, briefs, graphs, frames and refusals; no server needed."""

from __future__ import annotations

import json
import struct

import pytest

import engines
from engines.comfyui import faults, levels, mapping
from engines.comfyui.abilities import Found
from engines.comfyui.config import read_config
from engines.comfyui.families import FAMILIES
from engines.comfyui.frames import Heard, read_frame
from engines.comfyui.graph import GraphOptions, default_workflow
from engines.comfyui.workflow import Workflow
from engines.remote.options import Options
from limner.errors import ConfigError, EngineError, JobLost, OutOfMemory, Refused, Rejected
from limner.ratios import CELL_SIZE_PX
from tests.contract.engine_suite import a_brief
from tests.contract.remote_drivers import COMFYUI


def config(**options):
    return read_config("comfy", Options(COMFYUI.entry(**options)))


def a_graph(**inputs):
    """The smallest graph that can be used."""
    inputs = {"seed": "{{seed}}", "text": "{{prompt}}"} | inputs
    return {
        "1": {"class_type": "KSampler", "inputs": inputs},
        "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
    }


# -- options ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"checkpoint": None}, "checkpoint: is required"),
        ({"url": None}, "url: is required"),
        ({"url": "comfy:8188"}, "url: must be an http"),
        ({"url": "http://me:hush@comfy:8188"}, "no user and password"),
        ({"stepz": 20}, "did you mean steps"),
        ({"steps": 0}, "steps: must be a number from 1"),
        ({"steps": True}, "steps: must be a number"),
        ({"steps": 2.5}, "steps: must be a whole number"),
        ({"model": "flux"}, "model: must be one of .*flux-dev"),
        ({"batch": "yes"}, "batch: must be true or false"),
        ({"api_key": "hush"}, "use api_key_env or api_key_file"),
        ({"api_key_env": "NOT_SET_ANYWHERE"}, "NOT_SET_ANYWHERE is not set"),
        ({"api_key_file": "nowhere"}, "api_key_file: there is no file"),
        ({"headers": {"X-Team": 3}}, "headers: must have the form"),
        ({"headers_env": {"X-Key": "NOT_SET_ANYWHERE"}}, "headers_env.X-Key"),
        ({"workflow": "nowhere.json"}, "workflow: there is no file"),
        ({"workflow_img2img": __file__}, "workflow_img2img: .* cannot be read as JSON"),
    ],
)
def test_a_wrong_option_is_refused_by_name(options, named):
    with pytest.raises(ConfigError, match=named) as caught:
        engines.load(COMFYUI.entry(**options))

    assert "hush" not in str(caught.value)


def test_a_credential_may_stand_in_a_file(tmp_path):
    path = tmp_path / "key"
    path.write_text("hush\n")

    assert config(api_key_file=str(path)).headers["Authorization"] == "Bearer hush"
    assert "hush" not in repr(config(api_key_file=str(path)))


@pytest.mark.parametrize(
    ("graph", "options", "why"),
    [
        ({"nodes": [], "links": []}, {}, "has not one SaveImage or PreviewImage but none"),
        ({"nodes": [{"id": "x"}], "links": []}, {}, "no graph as the editor saves it"),
        ([], {}, "not a graph"),
        ({"1": {"inputs": {}}}, {}, "no class_type"),
        (a_graph(text="{{promt}}"), {}, r"did you mean \{\{prompt\}\}"),
        (a_graph(text="fixed"), {}, r"uses no \{\{prompt\}\}"),
        (a_graph(seed=1), {}, r"uses no \{\{seed\}\}"),
        (a_graph(model=["9", 0]), {}, "comes from no node"),
        (a_graph(image="{{reference}}"), {}, "belongs into workflow_img2img"),
        (a_graph(), {"workflow_output": "7"}, "no node 7"),
        (a_graph(ckpt_name="{{checkpoint}}"), {}, "checkpoint: is required"),
    ],
)
def test_a_graph_that_cannot_be_used_is_refused_at_the_start(tmp_path, graph, options, why):
    path = tmp_path / "graph.json"
    path.write_text(json.dumps(graph))

    with pytest.raises(ConfigError, match=why):
        config(workflow=str(path), checkpoint=None, **options)


def test_two_picture_nodes_need_a_word_which_one_counts(tmp_path):
    path = tmp_path / "graph.json"
    graph = a_graph() | {"3": {"class_type": "SaveImage", "inputs": {"images": ["1", 0]}}}
    path.write_text(json.dumps(graph))

    with pytest.raises(ConfigError, match="2, 3"):
        config(workflow=str(path), checkpoint=None)
    chosen = config(workflow=str(path), checkpoint=None, workflow_output="3").workflow
    assert chosen.output == "3"


# -- graphs -------------------------------------------------------------------------------------


def values(**changes):
    return [
        mapping.cell_values(config(), a_brief(**changes), cell, "limner/a.png", 1)
        for cell in range(4)
    ]


def a_default_graph(**wanted):
    family = FAMILIES["sd15"]
    return default_workflow(family, family.layouts[0], GraphOptions(**wanted))


def test_nodes_that_differ_are_kept_four_times_and_what_hangs_on_them():
    plan = a_default_graph().chains(values())

    assert {n for n in plan.graph if not n[-1].isdigit()} == {
        "checkpoint",
        "positive",
        "negative",
        "latent",
    }
    assert plan.samplers == {f"sampler-{cell}": cell for cell in range(4)}
    assert plan.outputs == {f"picture-{cell}": cell for cell in range(4)}
    assert plan.graph["decode-2"]["inputs"]["samples"] == ["sampler-2", 0]
    assert plan.graph["sampler-2"]["inputs"]["model"] == ["checkpoint", 0]


@pytest.mark.parametrize("start", ["noise", "picture", "enlarged", "masked", "around"])
@pytest.mark.parametrize("tile", [False, True])
@pytest.mark.parametrize("adapted", [{}, {"style": 2, "object": 1}])
def test_every_link_of_the_default_graph_leads_somewhere(start, tile, adapted):
    spec = {
        "input": {
            "required": {
                "model": ["MODEL"],
                "samples": ["LATENT"],
                "vae": ["VAE"],
                "mode": ["COMBO", {"options": ["enable", "off"]}],
                "copy": ["BOOLEAN", {"default": True}],
            }
        }
    }
    nodes = {"SeamlessTile": spec, "CircularVAEDecode": spec} if tile else None

    more = {"mask": "m", "upscale_model": "u", "preset": "p", "style_weight": 1, "object_weight": 1}
    more |= {"style_0": "a", "style_1": "b", "object_0": "c"}

    graph = a_default_graph(start=start, tile=nodes, adapted=adapted)
    plan = graph.chains([each | more for each in values()])

    for node in plan.graph.values():
        for value in node["inputs"].values():
            if isinstance(value, list):
                assert value[0] in plan.graph


def test_a_placeholder_keeps_its_type_and_a_prompts_own_braces_stay():
    graph = a_graph(width="{{width}}", note="{{width}}x{{height}}")

    plan = Workflow.check(graph).chains(values(prompt="{{seed}} and {{nonsense}}"))

    inputs = plan.graph["1-0"]["inputs"]
    assert (inputs["width"], inputs["note"]) == (128, "128x192")
    assert inputs["text"] == "{{seed}} and {{nonsense}}"


# -- the mapping --------------------------------------------------------------------------------


def test_chaos_drives_the_cells_apart_and_none_leaves_them_alike():
    calm, wild = values(), values(chaos=100)

    assert len({v["cfg"] for v in calm}) == len({v["prompt"] for v in calm}) == 1
    assert len({v["cfg"] for v in wild}) == len({v["prompt"] for v in wild}) == 4
    assert wild == values(chaos=100)


def test_stylize_lowers_the_guidance_and_never_below_one():
    guidance = [values(stylize=s)[0]["cfg"] for s in (0, 400, 1000)]

    assert guidance == [9.0, 7.0, 4.0]
    brief = a_brief(stylize=1000, chaos=100)
    assert all(mapping.cfg(config(cfg=1.5), brief, cell) >= 1 for cell in range(4))
    assert mapping.cfg(config(cfg=0), brief, 1) == 0


def test_raw_leaves_the_operators_words_out_and_niji_adds_its_own():
    chosen = config(suffix="masterpiece", negative="blurry")

    assert mapping.words(chosen, a_brief(), 0).endswith(", masterpiece")
    assert mapping.words(chosen, a_brief(style="raw"), 0) == "a lighthouse at dusk"
    assert "anime" in mapping.words(chosen, a_brief(niji=True, style="cute"), 0)
    cell = mapping.cell_values(chosen, a_brief(negative="fog"), 0, "", 1)
    assert cell["negative"] == "fog, blurry"


@pytest.mark.parametrize("size", CELL_SIZE_PX.values())
def test_sdxl_sizes_have_nearly_the_shape_asked_for(size):
    width, height = mapping.size_px(config(family="sdxl"), a_brief(width=size[0], height=size[1]))

    assert width / height == pytest.approx(size[0] / size[1], rel=0.03)
    assert width % 64 == height % 64 == 0


@pytest.mark.parametrize(("iw", "denoise"), [(None, 0.65), (0, 1.0), (1, 0.65), (2, 0.3)])
def test_the_weight_of_a_reference_is_how_much_of_it_stays(tmp_path, iw, denoise):
    assert mapping.denoise(a_brief(references=(tmp_path,), iw=iw)) == denoise


def test_steps_follow_quality_and_draft_within_bounds():
    steps = [mapping.steps(config(), a_brief(quality=q)) for q in (None, 0.25, 0.5, 2, 4)]

    assert steps == [25, 6, 12, 50, 100]
    assert mapping.steps(config(), a_brief(draft=True)) == 8
    assert mapping.steps(config(steps=4), a_brief(draft=True)) == 4
    assert mapping.steps(config(steps=1), a_brief(quality=0.25)) == 1
    assert mapping.steps(config(steps=100), a_brief(quality=4)) == 150
    assert mapping.steps(config(steps=200), a_brief(quality=4)) == 200


@pytest.mark.parametrize(
    ("size", "family", "drawn"),
    [
        ((264, 1032), "sd15", (264, 1032)),
        ((300, 200), "sd15", (304, 200)),
        ((1280, 720), "sdxl", (1280, 720)),
        ((256, 256), "sdxl", (1024, 1024)),
        ((640, 640), "sdxl", (1280, 1280)),
    ],
)
def test_any_size_is_drawn_at_that_size_or_at_a_multiple_of_it(size, family, drawn):
    brief = a_brief(width=size[0], height=size[1])

    assert mapping.size_px(config(family=family), brief) == drawn


def test_weird_adds_words_by_the_seed():
    calm, odd, odder = (mapping.words(config(), a_brief(weird=w), 0) for w in (0, 100, 3000))

    assert calm == "a lighthouse at dusk"
    assert odd.count(",") == 1
    assert odder.count(",") == 3
    assert odder == mapping.words(config(), a_brief(weird=3000), 0)
    assert odder != mapping.words(config(), a_brief(weird=3000), 1)


def test_a_version_goes_before_the_niji_model():
    chosen = config(niji_checkpoint="anime")

    assert mapping.checkpoint(chosen, a_brief(niji=True)) == "anime"
    assert mapping.checkpoint(chosen, a_brief(niji=True, model="flux")) == "flux"
    assert "anime" in mapping.words(chosen, a_brief(niji=True, model="flux"), 0)


# -- levels -------------------------------------------------------------------------------------

FOUND = Found(previews=True, can_tile=False)


def differing(brief, *, batch=False, **options):
    return levels.turned_out(config(**options), FOUND, brief, batch=batch)


@pytest.mark.parametrize(
    ("cfg", "asked", "level"),
    [(7, {}, None), (1, {}, None), (1.5, {"stylize": 1000}, "none"), (2, {"stylize": 1000}, None)],
)
def test_a_negative_prompt_counts_above_a_guidance_of_one(cfg, asked, level):
    said = levels.levels(config(cfg=cfg), FOUND, batch=False)

    assert said["negative"] == ("exact" if cfg > 1 else "none")
    assert differing(a_brief(negative="fog", **asked), cfg=cfg).get("negative") == level


def test_a_drawing_says_what_turned_out_otherwise():
    assert differing(a_brief()) == {}
    assert differing(a_brief(), batch=False) == {}
    assert levels.turned_out(config(batch=True), FOUND, a_brief(attempt=1), batch=False) == {
        "seed": "exact",
        "chaos": "near",
    }
    versioned = a_brief(niji=True, model="flux")
    assert differing(versioned, niji_checkpoint="anime") == {"niji": "near"}
    subtle = a_brief(operation="upscale", upscale="subtle")
    assert {differing(subtle)[name] for name in ("seed", "negative", "quality")} == {"none"}


@pytest.mark.parametrize(
    ("more", "name", "level"),
    [
        ({}, "size", "near"),
        ({"width": "{{width}}", "height": "{{height}}"}, "size", "exact"),
        ({}, "quality", "none"),
        ({"steps": "{{steps}}"}, "draft", "near"),
        ({}, "edit", "none"),
        ({}, "vary", "none"),
        ({}, "blend", "none"),
        ({"negative": "{{negative}}"}, "negative", "exact"),
        ({}, "count", "exact"),
    ],
)
def test_an_own_graph_can_do_what_it_has_placeholders_for(tmp_path, more, name, level):
    path = tmp_path / "graph.json"
    path.write_text(json.dumps(a_graph(**more)))
    chosen = config(workflow=str(path), checkpoint=None)

    assert levels.levels(chosen, FOUND, batch=False)[name] == level


# -- frames -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\0\0\0\4",
        struct.pack(">II", 4, 9) + b"not json!" + b"picture",
        struct.pack(">II", 1, 1) + b"somebody else's picture",
        struct.pack(">II", 3, 1) + b"5text",
        "not json",
        "[]",
        '{"type": "status", "data": {"status": {"exec_info": {"queue_remaining": 1}}}}',
        '{"type": "executing", "data": {"node": "3"}}',
        '{"type": "progress", "data": {"prompt_id": "a"}}',
    ],
)
def test_a_frame_that_names_no_drawing_is_passed_over(frame):
    assert read_frame(frame) == []


def test_a_node_that_is_null_means_that_the_drawing_is_over():
    assert read_frame('{"type": "executing", "data": {"node": null, "prompt_id": "a"}}') == [
        Heard("a", "over")
    ]


# -- refusals and failures ----------------------------------------------------------------------


def refused(class_type, kind, name):
    graph = {"1": {"class_type": class_type, "inputs": {name: "a value"}}}
    errors = [{"type": kind, "message": "secret", "extra_info": {"input_name": name}}]
    return faults.refusal({"node_errors": {"1": {"errors": errors}}}, graph)


@pytest.mark.parametrize(
    ("fault", "error", "kind"),
    [
        (("CheckpointLoaderSimple", "value_not_in_list", "ckpt_name"), Refused, "setup"),
        (("KSampler", "value_bigger_than_max", "steps"), Refused, "setup"),
        (("KSampler", "required_input_missing", "model"), Refused, "setup"),
        (("VAEDecode", "return_type_mismatch", "samples"), Refused, "setup"),
        (("EmptyLatentImage", "value_smaller_than_min", "width"), Rejected, "parameter"),
        (("LoadImage", "custom_validation_failed", "image"), Rejected, "reference"),
    ],
)
def test_a_refused_input_is_the_operators_or_the_callers(fault, error, kind):
    found = refused(*fault)

    assert isinstance(found, error)
    assert found.kind == kind
    assert "secret" not in found.message


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"error": {"type": "invalid_prompt"}, "node_errors": []},
        {"error": "no prompt", "node_errors": {}},
        {"error": {"type": "prompt_no_outputs"}, "node_errors": {"9": "what?"}},
    ],
)
def test_a_refusal_without_a_node_is_the_operators(answer):
    assert isinstance(faults.refusal(answer, a_graph()), Refused)


@pytest.mark.parametrize(
    ("last", "error"),
    [
        (["execution_interrupted", {}], JobLost),
        (["execution_error", {"exception_type": "torch.OutOfMemoryError"}], OutOfMemory),
        (["execution_error", {"exception_type": "torch.cuda.OutOfMemoryError"}], OutOfMemory),
        (["execution_error", {"node_type": "LoadImage", "exception_type": "OSError"}], Rejected),
        (["execution_error", {"exception_type": "RuntimeError"}], EngineError),
        (["execution_cached", {}], EngineError),
        ("odd", EngineError),
    ],
)
def test_the_last_words_of_a_record_say_why_it_failed(last, error):
    entry = {"status": {"status_str": "error", "messages": [["execution_start", {}], last]}}

    assert type(faults.failure(entry)) is error
    assert faults.failure({"status": {"status_str": "success", "messages": []}}) is None
