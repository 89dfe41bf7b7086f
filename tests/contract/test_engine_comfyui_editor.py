"""A graph as ComfyUI's editor saves it draws like one that was exported for the API."""

from __future__ import annotations

import json

import pytest
from PIL import Image

import engines
from engines.comfyui.editor import EditorGraph
from limner.errors import ConfigError, Refused
from tests.contract.engine_suite import a_brief
from tests.contract.remote_drivers import COMFYUI as DRIVER
from tests.contract.remote_drivers import drawn
from tests.standins.comfyui.nodes import Node

__all__ = ["DRIVER"]

SUBGRAPH = "5a1e0f0e-0000-4000-8000-000000000001"
MODEL, CLIP, VAE, WORDS = "MODEL", "CLIP", "VAE", "CONDITIONING"


def node(number, kind, values=(), links=(), gives=(), mode=0):
    """A node of the file; ``links``: (input, type, link)."""
    return {
        "id": number,
        "type": kind,
        "mode": mode,
        "inputs": [{"name": name, "type": of, "link": link} for name, of, link in links],
        "outputs": [{"name": of, "type": of} for of in gives],
        "widgets_values": values,
    }


def a_graph(*, prompt="{{prompt}}, oil on canvas", start=None):
    """The graph of the first start of an editor; ``start``: the nodes of its latent, which give link 5."""
    latent = start or [node(5, "EmptyLatentImage", [512, 512, 1], gives=["LATENT"])]
    return {
        "nodes": [
            node(4, "CheckpointLoaderSimple", ["sd15.safetensors"], gives=[MODEL, CLIP, VAE]),
            node(6, "CLIPTextEncode", [prompt], [("clip", CLIP, 2)], [WORDS]),
            node(7, "CLIPTextEncode", ["fog"], [("clip", CLIP, 3)], [WORDS]),
            *latent,
            node(
                3,
                "KSampler",
                [815, "randomize", 9, 6.5, "euler", "normal", 0.8 if start else 1],
                [
                    ("model", MODEL, 1),
                    ("positive", WORDS, 4),
                    ("negative", WORDS, 6),
                    ("latent_image", "LATENT", 5),
                ],
                ["LATENT"],
            ),
            node(8, "VAEDecode", [], [("samples", "LATENT", 7), ("vae", VAE, 8)], ["IMAGE"]),
            node(9, "SaveImage", ["ComfyUI"], [("images", "IMAGE", 9)]),
            node(10, "MarkdownNote", ["a word to whoever opens this"]),
        ],
        "links": [
            [1, 4, 0, 3, 0, MODEL],
            [2, 4, 1, 6, 0, CLIP],
            [3, 4, 1, 7, 0, CLIP],
            [4, 6, 0, 3, 1, WORDS],
            [5, 5, 0, 3, 3, "LATENT"],
            [6, 7, 0, 3, 2, WORDS],
            [7, 3, 0, 8, 0, "LATENT"],
            [8, 4, 2, 8, 1, VAE],
            [9, 8, 0, 9, 0, "IMAGE"],
        ],
        "version": 0.4,
    }


def changed(graph, number, **changes):
    (found,) = (node for node in graph["nodes"] if node["id"] == number)
    found.update(changes)
    return graph


@pytest.fixture
def written(tmp_path):
    def write(graph, name="graph.json"):
        (tmp_path / name).write_text(json.dumps(graph))
        return str(tmp_path / name)

    return write


def sent(server):
    return list(server.prompts.values())[-1]["prompt"]


def as_sent(server, build, written, graph):
    """What the server gets for one cell of a graph."""
    engine = build(workflow=written(graph), checkpoint=None)
    drawn(engine, a_brief(seeds=(7,)))
    return sent(server)


def test_it_is_drawn_with_the_words_the_seeds_and_the_size_of_the_job(server, build, written):
    engine = build(workflow=written(a_graph()), checkpoint=None)

    finished = drawn(engine, a_brief())

    assert len(set(finished.cells)) == 4
    inputs = {node_id: node["inputs"] for node_id, node in sent(server).items()}
    assert inputs["6"] == {"text": "a lighthouse at dusk, oil on canvas", "clip": ["4", 1]}
    assert [inputs[f"3-{cell}"]["seed"] for cell in range(4)] == [11, 22, 33, 44]
    assert {name: inputs["3-0"][name] for name in ("steps", "cfg", "sampler_name", "denoise")} == {
        "steps": 9,
        "cfg": 6.5,
        "sampler_name": "euler",
        "denoise": 1,
    }
    assert (inputs["5"]["width"], inputs["5"]["height"]) == (128, 192)
    assert not any(node["class_type"] == "MarkdownNote" for node in sent(server).values())
    assert engine.capabilities().size == "exact"
    assert engine.health().state == "ok"


def test_a_picture_to_start_from_is_put_where_the_graph_loads_one(server, build, written, tmp_path):
    start = [
        node(11, "LoadImage", ["example.png", "image"], gives=["IMAGE", "MASK"]),
        node(5, "VAEEncode", [], [("pixels", "IMAGE", 10), ("vae", VAE, 8)], ["LATENT"]),
    ]
    from_picture = a_graph(start=start)
    from_picture["links"].append([10, 11, 0, 5, 0, "IMAGE"])
    picture = tmp_path / "picture.png"
    Image.new("RGB", (64, 64), "teal").save(picture)
    engine = build(
        workflow=written(a_graph()),
        workflow_img2img=written(from_picture, "from_picture.json"),
        checkpoint=None,
    )

    drawn(engine, a_brief(seeds=(7,), references=(picture,)))

    (loaded,) = (n["inputs"] for n in sent(server).values() if n["class_type"] == "LoadImage")
    assert loaded["image"].startswith("limner/")
    assert engine.capabilities().references == "near"


def test_reroutes_primitives_and_bypassed_nodes_are_resolved(server, build, written):
    graph = a_graph(prompt="not this")
    graph["nodes"] += [
        node(20, "Reroute", None, [("", "*", 30)], [MODEL]),
        node(21, "ModelSamplingAuraFlow", [3], [("model", MODEL, 31)], [MODEL], mode=4),
        node(22, "PrimitiveNode", ["{{prompt}}"], gives=["STRING"]),
        node(23, "PreviewImage", [], [("images", "IMAGE", 9)], mode=2),
    ]
    graph["links"] += [
        [30, 21, 0, 20, 0, MODEL],
        [31, 4, 0, 21, 0, MODEL],
        [32, 22, 0, 6, 1, "STRING"],
    ]
    graph["links"][0] = [1, 20, 0, 3, 0, MODEL]
    linked = [
        {"name": "clip", "type": CLIP, "link": 2},
        {"name": "text", "type": "STRING", "link": 32},
    ]
    changed(graph, 6, inputs=linked)

    ready = as_sent(server, build, written, graph)

    assert ready["3-0"]["inputs"]["model"] == ["4-0", 0]
    assert ready["6-0"]["inputs"]["text"] == "a lighthouse at dusk"
    classes = {each["class_type"] for each in ready.values()}
    assert not classes & {"Reroute", "PrimitiveNode", "ModelSamplingAuraFlow", "PreviewImage"}


def test_a_subgraph_is_put_in_its_place(server, build, written):
    graph = a_graph()
    inside = {
        "id": SUBGRAPH,
        "nodes": [
            node(1, "ModelSamplingAuraFlow", [2.5], [("model", MODEL, 1)], [MODEL]),
            node(2, "CFGNorm", [0.9], [("model", MODEL, 2)], [MODEL]),
        ],
        "links": [
            {"id": 1, "origin_id": -10, "origin_slot": 0, "target_id": 1, "target_slot": 0},
            {"id": 2, "origin_id": 1, "origin_slot": 0, "target_id": 2, "target_slot": 0},
            {"id": 3, "origin_id": 2, "origin_slot": 0, "target_id": -20, "target_slot": 0},
        ],
        "inputs": [{"name": "model", "type": MODEL, "linkIds": [1]}],
        "outputs": [{"name": "MODEL", "type": MODEL, "linkIds": [3]}],
    }
    graph["definitions"] = {"subgraphs": [inside]}
    graph["nodes"].append(node(30, SUBGRAPH, [], [("model", MODEL, 30)], [MODEL]))
    graph["links"].append([30, 4, 0, 30, 0, MODEL])
    graph["links"][0] = [1, 30, 0, 3, 0, MODEL]

    ready = as_sent(server, build, written, graph)

    assert ready["3-0"]["inputs"]["model"] == ["30:2-0", 0]
    assert ready["30:2-0"]["inputs"] == {"model": ["30:1-0", 0], "strength": 0.9}
    assert ready["30:1-0"]["inputs"] == {"model": ["4-0", 0], "shift": 2.5}


def test_a_subgraph_that_holds_itself_is_refused(written):
    graph = a_graph()
    graph["definitions"] = {
        "subgraphs": [{"id": SUBGRAPH, "nodes": [node(1, SUBGRAPH)], "links": []}]
    }
    graph["nodes"].append(node(30, SUBGRAPH))

    with pytest.raises(ValueError, match="no graph as the editor saves it"):
        EditorGraph.check(graph, None, picture=False)


def test_values_by_name_and_a_seed_that_is_given_by_hand_are_kept(server, build, written):
    graph = changed(a_graph(), 7, widgets_values={"text": "mist"})
    graph = changed(graph, 5, widgets_values=["{{width}}", 320, 1])

    ready = as_sent(server, build, written, graph)

    assert ready["7-0"]["inputs"]["text"] == "mist"
    assert (ready["5-0"]["inputs"]["width"], ready["5-0"]["inputs"]["height"]) == (128, 320)


def test_a_seed_and_a_size_from_primitives_are_the_jobs_and_from_other_nodes_their_own(
    server, build, written
):
    graph = a_graph()
    graph["nodes"] += [
        node(41, "PrimitiveNode", [99, "fixed"], gives=["INT"]),
        node(42, "ResolutionSelector", [1], gives=["INT", "INT"]),
    ]
    graph["links"] += [[41, 41, 0, 3, 4, "INT"], [42, 42, 0, 5, 0, "INT"]]
    (sampler,) = (each for each in graph["nodes"] if each["id"] == 3)
    sampler["inputs"].append({"name": "seed", "type": "INT", "link": 41})
    seeded = EditorGraph.check(graph, None, picture=False)
    changed(graph, 5, inputs=[{"name": "width", "type": "INT", "link": 42}])
    sized = EditorGraph.check(graph, None, picture=False)

    infos = {name: each.info() for name, each in server.nodes.items()}
    assert seeded.converted(infos).graph["3"]["inputs"]["seed"] == "{{seed}}"
    assert {"width", "height"} <= seeded.placeholders
    assert not {"width", "height"} & sized.placeholders
    assert sized.converted(infos).graph["5"]["inputs"]["width"] == ["42", 0]
    assert sized.converted(infos).graph["5"]["inputs"]["height"] == 512


def test_a_graph_without_a_place_for_the_words_is_refused_at_the_start(written):
    entry = DRIVER.entry(workflow=written(a_graph(prompt="a cat")))

    with pytest.raises(ConfigError, match=r"uses no \{\{prompt\}\}"):
        engines.load(entry)


def test_what_its_output_does_not_need_is_left_out(server, build, written):
    graph = a_graph()
    graph["nodes"].append(node(40, "SomethingUnknown", [1]))

    ready = as_sent(server, build, written, graph)

    assert all(each["class_type"] != "SomethingUnknown" for each in ready.values())


def test_a_node_that_the_server_lacks_is_told_before_anything_is_sent(server, build, written):
    graph = changed(a_graph(), 7, type="MagicTextEncode")
    engine = build(workflow=written(graph), checkpoint=None)

    assert engine.health().why == "the server has no node MagicTextEncode"
    with pytest.raises(Refused, match="node MagicTextEncode"):
        engine.submit(a_brief())


def test_a_widget_that_brings_others_is_refused_by_name(server, build, written):
    server.nodes["CLIPTextEncode"] = Node(
        {"text": "COMFY_DYNAMICCOMBO_V3", "clip": "CLIP"}, ("CONDITIONING",)
    )
    engine = build(workflow=written(a_graph()), checkpoint=None)

    assert engine.health().state == "down"
    assert "text changes its inputs" in engine.health().why
