"""The ComfyUI engine keeps the contract, over a server that does what real ones were seen to do."""

from __future__ import annotations

import io
import json
import threading

import pytest
from PIL import Image

import engines
from limner.engine import Finished, Parent, Preview, Progress, Queued
from limner.errors import (
    BadResult,
    EngineBusy,
    EngineDown,
    EngineError,
    JobLost,
    OutOfMemory,
    Refused,
    Rejected,
)
from limner.pictures.editing import open_cells
from tests.conftest import wait_until
from tests.contract.engine_suite import a_brief
from tests.contract.remote_drivers import COMFYUI as DRIVER
from tests.contract.remote_drivers import OnAServer, Watching, steps_of
from tests.standins.comfyui import Comfy
from tests.standins.loopback import picture


@pytest.fixture
def engine(build):
    return build()


@pytest.fixture
def reference(tmp_path):
    path = tmp_path / "reference.png"
    Image.new("RGB", (300, 300), "teal").save(path)
    return path


class TestComfyUI(OnAServer):
    pass


# -- the six traps of the socket, and what else was seen on real servers -----------------------


def test_previews_of_other_peoples_drawings_are_never_taken(server, engine):
    server.faults.add("intruder")

    steps = steps_of(engine, a_brief())

    previews = [step for step in steps if isinstance(step, Preview)]
    assert {preview.cell for preview in previews} == {0, 1, 2, 3}
    foreign = picture(64, 64, "somebody else's", "JPEG")
    assert all(preview.image != foreign for preview in previews)
    assert max(step.fraction for step in steps if isinstance(step, Progress)) == 1.0


def test_the_socket_is_open_before_anything_is_submitted(server, engine):
    engine.submit(a_brief())

    assert server.connects == 1


def test_a_socket_that_fell_silent_is_opened_anew_and_never_beside_another(server, build):
    server.seconds, server.steps = 8.0, 40
    engine = build(silence_s=0.3)
    watching = Watching(engine, a_brief())
    wait_until(lambda: watching.saw(Preview))

    server.silence()
    wait_until(lambda: server.connects >= 2)
    seen = len(watching.steps)
    wait_until(lambda: len(watching.steps) > seen + 1)

    watching.stop.set()
    watching.end()
    assert server.overlaps == 0


def test_a_broken_socket_is_opened_anew(server, engine):
    server.seconds, server.steps = 4.0, 40
    watching = Watching(engine, a_brief())
    wait_until(lambda: watching.saw(Preview))

    server.cut_sockets()
    wait_until(lambda: server.connects >= 2)
    watching.stop.set()
    watching.end()
    assert server.overlaps == 0


def test_another_process_finds_the_drawing_by_its_handle(server, engine, build):
    handle = json.loads(json.dumps(engine.submit(a_brief())))

    *_, last = build().watch(handle, a_brief(), threading.Event())

    assert isinstance(last, Finished)
    assert len(server.prompts) == 1


def test_a_drawing_that_ended_before_anyone_watched_is_collected(server, engine):
    handle = engine.submit(a_brief())
    wait_until(lambda: server.history)

    *_, last = engine.watch(handle, a_brief(), threading.Event())

    assert isinstance(last, Finished)


def test_a_server_that_was_started_anew_has_lost_its_drawings(server, engine):
    server.seconds = 60.0
    watching = Watching(engine, a_brief())
    wait_until(lambda: watching.saw(Progress))

    server.restart()

    assert isinstance(watching.failed(), JobLost)


def test_a_prompt_that_the_server_never_queued_is_lost(server, engine):
    server.faults.add("lost")

    with pytest.raises(JobLost):
        steps_of(engine, a_brief())


def test_a_history_that_comes_late_is_waited_for(server, engine):
    server.faults.add("slow-history")

    assert isinstance(steps_of(engine, a_brief())[-1], Finished)


def test_an_interruption_is_told_from_a_failure(server, engine):
    server.seconds = 60.0
    server.steps = 600
    watching = Watching(engine, a_brief())
    wait_until(lambda: watching.saw(Progress))

    server.interrupt_running()

    assert isinstance(watching.failed(), JobLost)


def test_hundreds_of_steps_become_a_few_events(server, engine):
    server.steps, server.seconds = 100, 0.4

    steps = steps_of(engine, a_brief())

    assert len([step for step in steps if isinstance(step, Progress)]) < 40


@pytest.mark.parametrize("fault", ["silent", "no-socket", "six-tuple", "old"])
def test_drawings_end_without_help_from_the_socket_or_a_new_server(server, engine, fault):
    server.faults.add(fault)

    assert isinstance(steps_of(engine, a_brief())[-1], Finished)


def test_an_old_server_promises_no_previews(server, build):
    server.faults.add("old")

    assert not build().capabilities().previews


# -- faults, each to its class ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "error", "kind"),
    [
        ("unauthorized", Refused, "credentials"),
        ("unavailable", EngineDown, None),
        ("busy", EngineBusy, None),
        ("not-json", BadResult, None),
        ("nodes-bad", Refused, "setup"),
    ],
)
def test_a_submit_that_fails_says_what_to_do(server, engine, fault, error, kind):
    server.faults.add(fault)

    with pytest.raises(error) as caught:
        engine.submit(a_brief())

    assert getattr(caught.value, "kind", None) == kind
    assert "secret" not in str(caught.value)
    assert not server.pending


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"checkpoint": "gone.safetensors"}, "gone.safetensors"),
        ({"sampler": "magic"}, "sampler_name"),
    ],
)
def test_what_the_server_does_not_have_takes_the_engine_out(build, options, named):
    with pytest.raises(Refused, match=named) as caught:
        build(**options).submit(a_brief())

    assert caught.value.kind == "setup"


def test_a_node_the_server_does_not_have_is_named(server, build):
    del server.nodes["KSampler"]

    with pytest.raises(Refused, match="no node KSampler"):
        build().submit(a_brief())


def test_a_drawing_that_fails_names_the_node_and_the_exception_to_operators(server, engine):
    server.faults.add("crash")

    with pytest.raises(EngineError, match=r"^\w+ failed with \w+"):
        steps_of(engine, a_brief())


def test_a_size_the_server_cannot_draw_is_the_callers_fault(engine):
    with pytest.raises(Rejected) as caught:
        engine.submit(a_brief(width=8))

    assert caught.value.kind == "parameter"


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("oom", OutOfMemory),
        ("crash", EngineError),
        ("broken-png", BadResult),
    ],
)
def test_a_drawing_that_fails_says_what_to_do(server, engine, fault, error):
    server.faults.add(fault)

    with pytest.raises(error) as caught:
        steps_of(engine, a_brief())

    assert type(caught.value) is error
    assert "secret" not in str(caught.value)
    assert server.freed == (fault == "oom")


def test_half_a_picture_is_found_when_it_is_checked(server, engine):
    server.faults.add("half-png")

    *_, ended = steps_of(engine, a_brief())

    with pytest.raises(BadResult):
        open_cells(ended.cells, a_brief().width, a_brief().height, len(ended.cells))


def test_pictures_that_are_gone_are_a_bad_result(server, engine):
    handle = engine.submit(a_brief())
    wait_until(lambda: server.history)
    server.pictures.clear()

    with pytest.raises(BadResult):
        list(engine.watch(handle, a_brief(), threading.Event()))


def test_a_reference_the_server_cannot_read_is_the_callers_fault(server, engine, reference):
    handle = engine.submit(a_brief(references=(reference,)))
    server.uploads = dict.fromkeys(server.uploads, b"broken")

    with pytest.raises(Rejected) as caught:
        list(engine.watch(handle, a_brief(), threading.Event()))

    assert caught.value.kind == "reference"


def test_a_dead_server_is_down(server, build):
    engine = build(patience_s=0.2)
    server.seconds = 60.0
    watching = Watching(engine, a_brief())
    wait_until(lambda: watching.saw(Progress))

    server.stop()
    try:
        assert isinstance(watching.failed(), EngineDown)
        assert engine.health().state == "down"
        with pytest.raises(EngineDown):
            engine.submit(a_brief())
    finally:
        server.start()


def test_a_short_outage_costs_no_drawing(server, engine):
    watching = Watching(engine, a_brief())
    server.faults.add("unavailable")
    asked = len(server.asked)
    wait_until(lambda: len(server.asked) > asked + 3)

    server.faults.clear()

    assert watching.end().saw(Finished)


def test_a_submit_whose_answer_is_lost_is_not_submitted_twice(server, engine):
    server.faults.add("dropped-submit")

    assert isinstance(steps_of(engine, a_brief())[-1], Finished)
    assert len(server.prompts) == 1


def test_health_names_a_checkpoint_that_is_not_there(server, engine):
    server.faults.add("no-checkpoint")

    assert "sd15.safetensors" in engine.health().why
    assert engine.health().state == "down"


# -- cancelling, and who draws when -------------------------------------------------------------


def test_cancelling_touches_no_other_drawing(server, engine):
    server.seconds, server.steps = 60.0, 600
    first, second = a_brief(), a_brief(job_id="1" * 32)
    running, waiting = engine.submit(first), engine.submit(second)
    watching = Watching(engine, first, running)
    wait_until(lambda: watching.saw(Progress))

    engine.cancel(waiting)
    assert not server.pending
    assert not server.interrupts

    engine.cancel(running)
    assert server.interrupts == [running["prompt_id"]]
    assert isinstance(watching.failed(), JobLost)


def test_a_waiting_drawing_tells_its_position(server, engine):
    server.seconds = 60.0
    first, second = a_brief(), a_brief(job_id="1" * 32)
    engine.submit(first)
    watching = Watching(engine, second)

    wait_until(lambda: Queued(1) in watching.steps)
    watching.stop.set()
    watching.end()


def test_a_drawing_that_is_attached_to_is_looked_for_before_the_next_round(server, engine, build):
    server.seconds = 60.0
    briefs = [a_brief(job_id=name * 32) for name in "012"]
    handles = [engine.submit(brief) for brief in briefs]
    wait_until(lambda: server.running)
    # No second round while we wait.
    other = build(poll_s=60)
    watches = []

    try:
        for brief, handle in zip(briefs[::-1], handles[::-1], strict=True):
            watches.append(Watching(other, brief, handle))
            wait_until(lambda: watches[-1].steps, 30, "its place, or its progress")
    finally:
        for watching in watches:
            watching.stop.set()
            watching.end()

    assert [watching.steps[0] for watching in watches[:2]] == [Queued(2), Queued(1)]
    assert watches[2].saw(Progress)


def test_fast_drawings_go_before_relaxed_ones_in_their_order(server, engine):
    server.seconds = 60.0
    lanes = [("0", True), ("1", False), ("2", False), ("3", True), ("4", True)]
    handles = [engine.submit(a_brief(job_id=name * 32, fast=fast)) for name, fast in lanes]
    wait_until(lambda: server.running)

    order = [prompt_id for _, prompt_id in sorted(server.pending)]

    assert order == [handles[i]["prompt_id"] for i in (3, 4, 1, 2)]


def test_a_second_hand_over_is_a_new_prompt_and_the_first_one_is_removed(server, engine):
    server.seconds, server.steps = 60.0, 600
    first = engine.submit(a_brief())
    wait_until(lambda: server.running)

    second = engine.submit(a_brief(attempt=1))

    assert first["prompt_id"] != second["prompt_id"]
    wait_until(lambda: server.running == second["prompt_id"])
    assert server.interrupts == [first["prompt_id"]]


def test_one_poller_and_one_socket_serve_all_drawings(server, engine):
    server.seconds = 60.0
    briefs = [a_brief(job_id=f"{number:032d}") for number in range(30)]
    watches = [Watching(engine, brief) for brief in briefs]
    wait_until(lambda: all(watching.steps for watching in watches))

    names = [thread.name for thread in threading.enumerate()]
    assert names.count("comfyui-poll") == names.count("comfyui-hear") == 1
    assert server.connects == 1
    # One question a round for all, and none about a drawing that is still in the queue.
    assert not [asked for asked in server.asked if asked.path.startswith("/history")]

    for watching in watches:
        watching.stop.set()
    for watching in watches:
        watching.end()


def test_its_threads_end_with_it(server, build):
    engine = build()
    server.seconds = 60.0
    watching = Watching(engine, a_brief())
    wait_until(lambda: watching.saw(Progress))

    engine.close()

    assert isinstance(watching.failed(), EngineDown)
    assert not [t for t in threading.enumerate() if t.name.startswith("comfyui-")]


# -- what is sent for what is asked -------------------------------------------------------------


def sent(server):
    """The nodes of the newest graph, by class: the inputs of each."""
    graph = list(server.prompts.values())[-1]["prompt"]
    found: dict[str, list[dict]] = {}
    for node in graph.values():
        found.setdefault(node["class_type"], []).append(node["inputs"])
    return found


def test_four_chains_share_the_checkpoint_and_have_their_own_seeds(server, engine):
    finished = steps_of(engine, a_brief())[-1]

    nodes = sent(server)
    assert [sampler["seed"] for sampler in nodes["KSampler"]] == [11, 22, 33, 44]
    assert len(nodes["CheckpointLoaderSimple"]) == 1
    assert len(nodes["CLIPTextEncode"]) == 2
    assert len(set(finished.cells)) == 4
    assert finished.seeds == (11, 22, 33, 44)


def test_a_batch_is_one_sampler_and_after_a_failure_four(server, build):
    engine = build(batch=True)

    finished = steps_of(engine, a_brief())[-1]
    assert [s["batch_size"] for s in sent(server)["EmptyLatentImage"]] == [4]
    assert len(set(finished.cells)) == 4
    assert finished.seeds == (11, 11, 11, 11)

    engine.submit(a_brief(attempt=1))
    assert len(sent(server)["KSampler"]) == 4


def test_references_are_uploaded_once_at_the_size_of_a_cell(server, engine, reference, tmp_path):
    other = tmp_path / "other.png"
    Image.new("RGB", (90, 50), "coral").save(other)
    brief = a_brief(references=(reference, other), iw=2.0)

    finished = steps_of(engine, brief)[-1]

    assert isinstance(finished, Finished)
    assert {Image.open(io.BytesIO(data)).size for data in server.uploads.values()} == {(128, 192)}
    nodes = sent(server)
    assert {sampler["denoise"] for sampler in nodes["KSampler"]} == {0.3}
    assert len(nodes["LoadImage"]) == 4
    assert {node["image"] for node in nodes["LoadImage"]} == set(server.uploads)

    engine.submit(a_brief(job_id="2" * 32, references=(reference,)))
    assert len(server.uploads) == 2


def test_a_variation_starts_from_its_parents_cell(server, engine, reference):
    engine.submit(a_brief(parent=Parent(picture=reference, cell=2, strength=0.45)))

    assert len(sent(server)["LoadImage"]) == 1
    assert {sampler["denoise"] for sampler in sent(server)["KSampler"]} == {0.45}


def test_a_reference_that_cannot_be_read_is_rejected(engine, tmp_path):
    path = tmp_path / "broken.png"
    path.write_bytes(b"broken")

    with pytest.raises(Rejected) as caught:
        engine.submit(a_brief(references=(path,)))

    assert caught.value.kind == "reference"


def test_sdxl_draws_at_its_own_size_and_gives_the_size_asked_for(server, build):
    finished = steps_of(build(family="sdxl"), a_brief(width=416, height=624))[-1]

    latent = sent(server)["EmptyLatentImage"][0]
    assert (latent["width"], latent["height"]) == (832, 1216)
    assert {Image.open(io.BytesIO(cell)).size for cell in finished.cells} == {(416, 624)}


def test_a_tile_needs_a_node_that_the_server_may_have(server, build):
    assert build().capabilities().tile == "none"
    with Comfy(tile=True) as tiling:
        engine = engines.load(DRIVER.entry(tiling.url))
        assert engine.capabilities().tile == "exact"

        engine.submit(a_brief(tile=True))

        assert sent(tiling)["SeamlessTile"][0]["tiling"] == "enable"
        assert len(sent(tiling)["CircularVAEDecode"]) == 4
        engine.close()


def test_niji_takes_the_niji_checkpoint(server, build):
    engine = build(niji_checkpoint="anime.safetensors")

    engine.submit(a_brief(niji=True))

    assert sent(server)["CheckpointLoaderSimple"][0]["ckpt_name"] == "anime.safetensors"
    assert engine.capabilities().niji == "exact"


def test_the_job_says_what_became_of_its_parameters(engine):
    handle = engine.submit(a_brief(chaos=40, negative="fog", tile=True))

    assert handle["notes"]["parameters"] == {
        "ar": "exact",
        "seed": "exact",
        "chaos": "near",
        "tile": "none",
        "negative": "exact",
    }


def test_a_credential_goes_to_the_server_and_nowhere_else(server, build, monkeypatch):
    monkeypatch.setenv("COMFY_KEY", "hush-hush")
    engine = build(api_key_env="COMFY_KEY", headers={"X-Team": "drawing"})

    handle = engine.submit(a_brief())

    asked = server.asked_for("/prompt")[-1]
    assert asked.headers["authorization"] == "Bearer hush-hush"
    assert asked.headers["x-team"] == "drawing"
    assert server.socket_headers["Authorization"] == "Bearer hush-hush"
    assert "hush" not in json.dumps(handle) + repr(vars(engine))


def test_a_users_graph_draws_four_pictures_from_one(server, build, tmp_path):
    node = {
        "1": ("CheckpointLoaderSimple", {"ckpt_name": "sd15.safetensors"}),
        "2": ("CLIPTextEncode", {"clip": ["1", 1], "text": "oil painting of {{prompt}}"}),
        "3": ("EmptyLatentImage", {"width": "{{width}}", "height": 192, "batch_size": 1}),
        "4": (
            "KSampler",
            {
                "model": ["1", 0],
                "positive": ["2", 0],
                "negative": ["2", 0],
                "latent_image": ["3", 0],
                "seed": "{{seed}}",
                "steps": 4,
                "cfg": 7,
                "sampler_name": "euler",
                "scheduler": "normal",
                "denoise": 1,
            },
        ),
        "5": ("VAEDecode", {"samples": ["4", 0], "vae": ["1", 2]}),
        "6": ("SaveImage", {"images": ["5", 0], "filename_prefix": "cell {{cell}}"}),
    }
    graph = {name: {"class_type": kind, "inputs": inputs} for name, (kind, inputs) in node.items()}
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(graph))
    engine = build(workflow=str(path), checkpoint=None)

    steps = steps_of(engine, a_brief(prompt="a {{seed}} of grass"))

    assert len(set(steps[-1].cells)) == 4
    assert {step.cell for step in steps if isinstance(step, Preview)} == {0, 1, 2, 3}
    nodes = sent(server)
    assert [sampler["seed"] for sampler in nodes["KSampler"]] == [11, 22, 33, 44]
    assert [n["text"] for n in nodes["CLIPTextEncode"]] == ["oil painting of a {{seed}} of grass"]
    assert nodes["EmptyLatentImage"][0]["width"] == 128
    assert [n["filename_prefix"] for n in nodes["SaveImage"]] == [f"cell {k}" for k in (1, 2, 3, 4)]
    assert engine.capabilities().references == engine.capabilities().negative == "none"
