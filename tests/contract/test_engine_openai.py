"""The openai engine keeps the contract, streamed and not, and tells one refusal from another."""

from __future__ import annotations

import dataclasses
import io
import json
import threading

import pytest
from PIL import Image

import engines
from engines.openai.request import events
from engines.remote.session import Answered
from limner.engine import Finished, Parent, Preview, Progress
from limner.errors import (
    BadResult,
    ConfigError,
    EngineBusy,
    EngineDown,
    EngineError,
    JobLost,
    Refused,
    Rejected,
)
from tests.conftest import wait_until
from tests.contract.remote_drivers import OPENAI as DRIVER
from tests.contract.remote_drivers import OnAServer, Watching, drawn, steps_of
from tests.standins.openai import KEY, OpenAIServer, form_of

#: a square, a landscape and a portrait, as OpenAI has them, but quickly drawn
SMALL = ["128x128", "192x128", "128x192"]
GENERATIONS, EDITS = "/v1/images/generations", "/v1/images/edits"


def fields_of(server, path=GENERATIONS):
    return [asked.json for asked in server.asked_for(path)]


class TestOpenAI(OnAServer):
    pass


class TestOpenAIStreamed(OnAServer):
    options = {"partial_images": 2}


class TestOpenAIOnSdServer(OnAServer):
    faults = ("sd-server", "json-only")
    options = {"partial_images": 2, "sizes": [], "scale": 1.0}


# -- what is asked for ---------------------------------------------------------------------------


def test_four_requests_ask_for_one_picture_each(server, build, brief):
    finished = drawn(build(quality="high"), brief)

    asked = fields_of(server)
    assert len(asked) == 4
    assert all(fields["n"] == 1 and fields["model"] == "gpt-image" for fields in asked)
    assert all(fields["quality"] == "high" and "stream" not in fields for fields in asked)
    assert len(set(finished.cells)) == 4
    assert server.most_at_once > 1


def test_no_more_requests_run_at_once_than_the_operator_allows(server, build, brief):
    drawn(build(at_once=1), brief)

    assert server.most_at_once == 1


@pytest.mark.parametrize(
    ("cell", "asked"),
    [
        ((512, 512), "128x128"),
        ((448, 560), "128x192"),
        ((416, 624), "128x192"),
        ((384, 672), "128x192"),
        ((560, 448), "192x128"),
        ((672, 384), "192x128"),
    ],
)
def test_the_nearest_size_is_asked_for_and_cut_to_the_cell(server, build, brief, cell, asked):
    width, height = cell

    finished = drawn(build(), dataclasses.replace(brief, width=width, height=height))

    assert {fields["size"] for fields in fields_of(server)} == {asked}
    assert Image.open(io.BytesIO(finished.cells[0])).size == cell
    assert finished.notes["drawn_size"] == asked


def test_openais_own_sizes_are_asked_for_unless_the_operator_names_others(server, build, brief):
    drawn(build(sizes=None), dataclasses.replace(brief, width=384, height=672))

    assert {fields["size"] for fields in fields_of(server)} == {"1024x1536"}


def test_a_server_of_any_size_gets_the_exact_ratio(server, build, brief):
    engine = build(sizes=[])

    drawn(engine, dataclasses.replace(brief, width=224, height=280))

    assert fields_of(server)[0]["size"] == "448x560"
    assert engine.capabilities().ar == "exact"


def test_parameters_become_words_that_differ_from_cell_to_cell(server, build, brief):
    asked = dataclasses.replace(
        brief, chaos=90.0, stylize=900.0, niji=True, style="cute", negative="people"
    )

    finished = drawn(build(suffix="film grain"), asked)

    prompts = [fields["prompt"] for fields in fields_of(server)]
    assert len(set(prompts)) == 4
    for words in ("highly stylised", "anime", "cute", "film grain", "Without: people"):
        assert all(words in prompt for prompt in prompts)
    assert finished.notes["parameters"] == {
        "chaos": "near",
        "stylize": "near",
        "style": "near",
        "niji": "near",
        "negative": "near",
    }


def test_references_go_to_the_edits_route(server, build, brief, tmp_path):
    paths = []
    for name in ("one", "two"):
        paths.append(tmp_path / f"{name}.png")
        Image.new("RGB", (30, 20), "red").save(paths[-1])
    asked = dataclasses.replace(brief, references=tuple(paths), iw=1.5)

    steps = steps_of(build(partial_images=1, input_fidelity=True), asked)

    first, *_ = (form_of(asked) for asked in server.asked_for(EDITS))
    assert first["image[]"] == [path.read_bytes() for path in paths]
    assert (first["n"], first["stream"], first["partial_images"]) == ("1", "true", "1")
    assert first["input_fidelity"] == "high"
    assert steps[-1].notes["parameters"] == {"references": "near", "iw": "near"}
    assert sum(isinstance(step, Preview) for step in steps) == 8


def test_a_variation_edits_its_parent(server, build, brief, tmp_path):
    Image.new("RGB", (128, 192), "red").save(tmp_path / "cell.png")
    asked = dataclasses.replace(brief, parent=Parent(tmp_path / "cell.png", 1, 0.45))

    drawn(build(), asked)

    form = form_of(server.asked_for(EDITS)[0])
    assert len(form["image[]"]) == 1
    assert "variation" in form["prompt"]


def test_sd_server_gets_seeds_through_its_prompt_and_draws_four_pictures(server, build, brief):
    server.faults |= {"sd-server", "json-only"}
    engine = build(sizes=[])
    nasty = 'a cat<sd_cpp_extra_args>{"seed": 1}</sd_cpp_extra_args>'

    finished = drawn(engine, dataclasses.replace(brief, prompt=nasty, negative="people"))

    extras = [fields["prompt"].split("<sd_cpp_extra_args>") for fields in fields_of(server)]
    assert all(len(extra) == 2 for extra in extras)
    seeds = [json.loads(extra[1].removesuffix("</sd_cpp_extra_args>")) for extra in extras]
    assert sorted(extra["seed"] for extra in seeds) == list(brief.seeds)
    assert seeds[0]["negative_prompt"] == "people"
    assert len(set(finished.cells)) == 4
    assert engine.capabilities().seed == "exact"


def test_a_server_that_takes_seeds_gets_them_as_a_field(server, build, brief):
    drawn(build(seeds="field", at_once=1), brief)

    assert [fields["seed"] for fields in fields_of(server)] == list(brief.seeds)


# -- what comes back -----------------------------------------------------------------------------


def test_a_stream_gives_previews_of_each_cell_and_rising_progress(build, brief):
    steps = steps_of(build(partial_images=3), brief)

    previews = [step.cell for step in steps if isinstance(step, Preview)]
    assert sorted(previews) == sorted([0, 1, 2, 3] * 4)
    fractions = {step.fraction for step in steps if isinstance(step, Progress)}
    assert len(fractions) > 6
    assert max(fractions) == 1.0


@pytest.mark.parametrize("oddity", ["json-only", "url", "relative-url", "size-drift", "no-models"])
def test_an_odd_answer_still_gives_four_cells_of_the_right_size(server, build, brief, oddity):
    server.faults |= {oddity, "json-only"}

    finished = drawn(build(partial_images=2), brief)

    sizes = {Image.open(io.BytesIO(cell)).size for cell in finished.cells}
    assert sizes == {(brief.width, brief.height)}


def test_a_stream_without_an_empty_line_at_its_end_is_read_to_its_end(server, build, brief):
    server.faults.add("no-last-line")

    assert drawn(build(partial_images=1), brief)


def test_events_are_put_together_however_the_network_cuts_them():
    text = b": hello\r\nevent: a\r\ndata: one\r\ndata: two\r\n\r\n\r\ndata:three\n\nid: 4\n\ndata: [DONE]"

    for size in (1, 2, 7, 1000):
        pieces = [text[start : start + size] for start in range(0, len(text), size)]
        assert list(events(iter(pieces))) == [b"one\ntwo", b"three", b"[DONE]"]


@pytest.mark.parametrize(
    ("fault", "error", "kind"),
    [
        ("moderated", Rejected, "moderated"),
        ("empty-data", Rejected, "moderated"),
        ("bad-param", Rejected, "parameter"),
        ("string-error", Rejected, "parameter"),
        ("bad-image", Rejected, "reference"),
        ("too-large", Rejected, "reference"),
        ("quota", Refused, "credit"),
        ("no-plan", Refused, "credit"),
        ("no-key", Refused, "credentials"),
        ("no-model", Refused, "setup"),
        ("no-route", Refused, "setup"),
        ("bad-size", Refused, "setup"),
        ("rate", EngineBusy, None),
        ("503", EngineDown, None),
        ("500", EngineError, None),
        ("bad-json", BadResult, None),
        ("no-picture", BadResult, None),
        ("gone-url", JobLost, None),
        ("broken", BadResult, None),
        ("drop", JobLost, None),
        ("odd-400", Answered, None),
        ("litellm-no-model", Refused, "setup"),
        ("litellm-no-model-edits", Refused, "setup"),
        ("litellm-no-db", Refused, "credentials"),
        ("litellm-none-well", EngineDown, None),
        ("litellm-cooldown", EngineBusy, None),
        ("litellm-budget", Refused, "credit"),
        ("litellm-quota", Refused, "credit"),
        ("litellm-rate", EngineBusy, None),
        ("litellm-upstream-key", Refused, "credentials"),
        ("litellm-key-model", Refused, "setup"),
        ("litellm-upstream-plan", Refused, "credit"),
        ("litellm-upstream-no-model", Refused, "setup"),
        ("litellm-moderated", Rejected, "moderated"),
        ("litellm-upstream-400", Answered, None),
        ("litellm-upstream-away", Answered, None),
        ("litellm-upstream-503", EngineDown, None),
    ],
)
def test_every_fault_is_the_error_that_says_what_to_do(server, build, brief, fault, error, kind):
    engine = build()
    handle = engine.submit(brief)
    server.faults.add(fault)

    with pytest.raises(error) as caught:
        list(engine.watch(handle, brief, threading.Event()))

    assert getattr(caught.value, "kind", None) == kind
    assert "/home" not in str(caught.value)


def test_a_prompt_that_a_server_repeats_takes_no_engine_out(server, build, brief):
    server.faults.add("echo")
    words = "invalid_api_key insufficient_quota model_not_found rate_limit moderation_blocked"

    with pytest.raises(EngineError) as caught:
        drawn(build(), dataclasses.replace(brief, prompt=words))

    assert type(caught.value) is Answered


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("moderated-in-stream", Rejected),
        ("error-in-stream", EngineError),
        ("drop-in-stream", JobLost),
        ("done-only", JobLost),
    ],
)
def test_every_fault_inside_a_stream_is_told_apart(server, build, brief, fault, error):
    server.faults.add(fault)

    with pytest.raises(error):
        drawn(build(partial_images=2), brief)


def test_a_busy_server_says_when_to_come_back(server, build, brief):
    server.faults.add("rate")

    with pytest.raises(EngineBusy) as caught:
        drawn(build(), brief)

    assert caught.value.retry_after_s == 7


@pytest.mark.parametrize("fault", ["drop", "408", "504", "524"])
def test_a_lost_answer_may_have_been_paid_for(server, build, brief, fault):
    server.faults.add(fault)

    with pytest.raises(JobLost) as caught:
        drawn(build(), brief)

    assert caught.value.charged


@pytest.mark.parametrize("fault", ["rate-once", "503-second"])
def test_one_cell_turned_away_does_not_cost_the_others(server, build, brief, fault, monkeypatch):
    monkeypatch.setattr("engines.remote.spent.PAUSE_S", 0.05)
    server.faults.add(fault)

    finished = drawn(build(), brief)

    assert len(fields_of(server)) == 5
    assert len(finished.cells) == 4


def test_a_silent_server_is_given_up_as_lost(server, build, brief):
    server.faults.add("hang")

    with pytest.raises(JobLost):
        drawn(build(silent_s=0.2), brief)


# -- stopping, health, setting up ----------------------------------------------------------------


@pytest.mark.seam
def test_a_stop_hangs_up_at_once(server, build, brief):
    server.faults.add("hang")
    watching = Watching(build(), brief)
    wait_until(lambda: server.at_once == 4, what="four requests")

    watching.stop.set()

    # The server hangs: who waited for its answer would wait for ever.
    assert not watching.end().saw(Finished)
    assert server.abandoned.wait(20)


@pytest.mark.seam
def test_a_refusal_of_one_cell_hangs_up_on_the_others(server, build, brief):
    server.faults |= {"hang", "moderated-second"}

    with pytest.raises(Rejected):
        drawn(build(), brief)

    assert server.abandoned.wait(20)


def test_what_was_drawn_before_another_cell_is_refused_is_paid_for(server, build, brief):
    server.faults.add("moderated-second")

    with pytest.raises(Rejected) as caught:
        drawn(build(at_once=1), brief)
    assert caught.value.partly

    server.faults = {"moderated"}
    with pytest.raises(Rejected) as caught:
        drawn(build(), brief)
    assert not caught.value.partly


def test_a_server_that_goes_away_before_a_cell_is_asked_for_draws_nothing_that_costs(
    server, build, brief
):
    engine = build(at_once=1)
    handle = engine.submit(brief)
    server.stop()

    with pytest.raises(EngineDown) as caught:
        list(engine.watch(handle, brief, threading.Event()))
    assert caught.value.cost == 0


def test_a_server_that_is_away_is_down_before_anything_is_paid(server, build, brief):
    engine = build()
    server.stop()

    with pytest.raises(EngineDown):
        engine.submit(brief)
    assert engine.health().state == "down"
    server.start()
    assert engine.health().state == "ok"


def test_the_key_goes_to_the_server_and_nowhere_else(server, brief, monkeypatch):
    server.faults |= {"locked", "url"}
    monkeypatch.setenv("IMAGES_KEY", KEY)
    engine = engines.load(DRIVER.entry(server.url, api_key_env="IMAGES_KEY"))

    handle = engine.submit(brief)
    finished = list(engine.watch(handle, brief, threading.Event()))[-1]

    assert KEY not in repr((handle, finished.notes))
    engine.close()


def test_a_picture_on_another_host_is_fetched_without_the_key(server, brief, monkeypatch):
    monkeypatch.setenv("IMAGES_KEY", KEY)
    with OpenAIServer() as elsewhere:
        server.faults.add("url")
        server._datum = lambda image, number: {"url": f"{elsewhere.url}/pictures/{number}.png"}
        engine = engines.load(DRIVER.entry(server.url, api_key_env="IMAGES_KEY"))
        drawn(engine, brief)
        engine.close()

        fetched = [asked for asked in elsewhere.asked if asked.method == "GET"]

    assert len(fetched) == 4
    assert not any("authorization" in asked.headers for asked in fetched)


def test_a_wrong_key_is_the_operators_matter(server, build, brief):
    server.faults.add("locked")
    engine = build()

    with pytest.raises(Refused) as caught:
        engine.submit(brief)

    assert caught.value.kind == "credentials"
    assert engine.health().state == "down"


def test_a_server_that_does_not_list_our_model_is_down_and_says_what_is_missing(server, build):
    server.models = ["gpt-text", "gpt-image-2"]

    health = build().health()

    assert health.state == "down"
    assert "setup" in health.why
    assert "'gpt-image'" in health.why


@pytest.mark.parametrize(
    "listed", [["models/gpt-image"], ["openai/gpt-image"], ["gpt-*"], ["*"], [], ["sd-cpp-local"]]
)
def test_a_model_may_be_listed_as_other_servers_name_it_or_not_at_all(server, build, listed):
    server.models = listed

    assert build().health().state == "ok"


def test_a_list_is_not_believed_against_a_model_that_has_drawn(server, build, brief):
    server.models = ["gpt-text"]
    engine = build()
    assert engine.health().state == "down"

    drawn(engine, brief)

    assert engine.health().state == "ok"


def test_a_proxy_that_cannot_look_up_the_key_is_down_before_anything_is_sent(server, build, brief):
    server.faults.add("litellm-no-db")
    engine = build()

    assert engine.health().state == "down"
    with pytest.raises(Refused) as caught:
        engine.submit(brief)
    assert caught.value.kind == "credentials"
    assert not fields_of(server)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"model": ""}, "model"),
        ({"api_key": "sk-1"}, "api_key_env"),
        ({"sizes": ["big"]}, "sizes"),
        ({"partial_images": 4}, "partial_images"),
        ({"qualty": "high"}, "quality"),
    ],
)
def test_a_wrong_option_is_refused_by_name(options, named):
    with pytest.raises(ConfigError, match=named):
        engines.load(DRIVER.entry(**options))
