"""The fal engine keeps the contract, follows fal's own URLs, and tells one end of a request from another."""

from __future__ import annotations

import dataclasses

import pytest
from PIL import Image

import engines
from engines.fal.result import failure_of
from limner.engine import Edit, Finished, Parent, Progress, Queued
from limner.errors import (
    BadResult,
    ConfigError,
    EngineBusy,
    EngineDown,
    EngineError,
    JobLost,
    OutOfMemory,
    Refused,
    Rejected,
)
from tests.conftest import wait_until
from tests.contract.remote_drivers import FAL as DRIVER
from tests.contract.remote_drivers import (
    KEY_VARIABLE,
    AppliesOnAServer,
    OnAServer,
    Watching,
    drawn,
    steps_of,
)
from tests.standins.fal import KEY

MODELS = {"edit_model": "acme/painter/edit", "inpaint_model": "acme/painter/inpaint"}


class TestFal(OnAServer):
    pass


class TestWhatFalApplies(AppliesOnAServer):
    options = {"outputs": "apart", **MODELS}
    exact = "ar seed size count"
    near = "chaos stylize style niji references iw quality weird draft vary edit blend"


class TestWhatFalAppliesByRatios(AppliesOnAServer):
    faults = ("ratios", "single")
    exact = "seed count"
    near = "ar chaos stylize style niji size quality weird draft"


# -- what is asked for ---------------------------------------------------------------------------


def test_one_request_draws_all_cells_where_the_model_can(server, build, brief):
    drawn(build(), brief)

    (given,) = server.given()
    assert (given["num_images"], given["seed"]) == (4, brief.seeds[0])
    assert given["image_size"] == {"width": 128, "height": 192}


@pytest.mark.parametrize(
    ("size", "word"),
    [((512, 512), "square_hd"), ((448, 560), "portrait_4_3"), ((672, 384), "landscape_16_9")],
)
def test_a_model_of_named_sizes_is_asked_for_the_nearest(server, build, brief, size, word):
    server.faults.add("ratios")

    build().submit(dataclasses.replace(brief, width=size[0], height=size[1]))

    assert server.given()[0]["image_size"] == word


@pytest.mark.parametrize(
    ("fast", "options", "priority"),
    [(True, {}, None), (False, {}, "low"), (False, {"low_priority": False}, None)],
)
def test_the_relaxed_lane_waits_behind_others_at_fal(server, build, brief, fast, options, priority):
    build(**options).submit(dataclasses.replace(brief, fast=fast))

    (request,) = server.requests.values()
    assert request["headers"].get("x-fal-queue-priority") == priority


def test_limits_of_the_operators_are_sent(server, build, brief):
    build(start_s=60, expires_s=3600, input={"enable_safety_checker": False}).submit(brief)

    (request,) = server.requests.values()
    assert request["headers"]["x-fal-request-timeout"] == "60"
    assert (
        request["headers"]["x-fal-object-lifecycle-preference"]
        == '{"expiration_duration_seconds": 3600}'
    )
    assert request["input"]["enable_safety_checker"] is False


def test_words_pictures_and_parts_of_pictures_have_models_of_their_own(
    server, build, brief, tmp_path
):
    red, mask = tmp_path / "red.png", tmp_path / "mask.png"
    Image.new("RGB", (128, 192), "red").save(red)
    Image.new("L", (128, 192), 255).save(mask)
    engine = build(**MODELS)

    engine.submit(brief)
    engine.submit(dataclasses.replace(brief, parent=Parent(red, 0, 0.45)))
    engine.submit(dataclasses.replace(brief, operation="edit", edit=Edit(red, mask)))
    engine.submit(dataclasses.replace(brief, model="acme/other"))

    models = [request["model"] for request in server.requests.values()]
    assert models == ["acme/painter/dev", *MODELS.values(), "acme/other"]
    assert [given.get("strength") for given in server.given()] == [None, 0.45, 0.95, None]


def test_a_model_for_words_alone_claims_nothing_that_needs_pictures(build):
    able = build().capabilities()

    assert (able.references, able.vary, able.edit, able.blend) == ("none",) * 4


# -- following ------------------------------------------------------------------------------------


def test_position_and_progress_are_told(server, build, brief):
    steps = steps_of(build(), brief)

    told = [step.position for step in steps if isinstance(step, Queued)]
    assert told == [2, 1]
    assert [s.fraction for s in steps if isinstance(s, Progress)] == [0.3, 0.6, 1.0]


def test_urls_are_followed_as_given_where_they_are_fals(server, build, brief):
    handle = build().submit(brief)

    (ticket,) = handle["tickets"]
    assert ticket["status"] == f"{server.url}/acme/painter/requests/{ticket['id']}/status"
    assert drawn(build(), brief, handle)


@pytest.mark.parametrize("fault", ["foreign-urls", "no-urls"])
def test_the_key_follows_no_url_that_is_not_fals(server, build, brief, fault):
    server.faults.add(fault)
    engine = build()
    handle = engine.submit(brief)

    assert handle["tickets"][0]["status"].startswith("/acme/painter/requests/")
    assert drawn(engine, brief, handle)


@pytest.mark.parametrize(
    ("url", "ours"),
    [
        ("https://queue.fal.run/a/b", True),
        ("https://queue.falrun.com/a/b", True),
        ("https://fal.run/a", True),
        ("http://queue.fal.run/a", False),
        ("https://queue.fal.run:8443/a", False),
        ("https://notfal.run/a", False),
        ("https://fal.run.example/a", False),
        ("https://me@fal.run/a", False),
        ("https://fal.run/" + "a" * 3000, False),
        ("https://[::1", False),
        # urllib3 reads another host in this than urlsplit does.
        ("https://example.com\\.fal.run/a", False),
        # urlsplit leaves blanks out: what follows its origin would begin within the name.
        ("    https://queue.fal.run/a", False),
        ("https://\t\tqueue.fal.run/a", False),
        ("htt\nps://queue.fal.run/a", False),
        (None, False),
    ],
)
def test_only_fals_own_hosts_get_the_key(build, url, ours):
    assert build()._host._account.is_ours(url) is ours


@pytest.mark.parametrize("shape", ["plain-urls", "data-urls"])
def test_pictures_of_other_shapes_are_read(server, build, brief, shape):
    server.faults.add(shape)

    assert len(drawn(build(), brief).cells) == 4


def test_a_single_image_is_a_picture_and_its_seed_is_known(server, build, brief):
    server.faults |= {"one-image", "single"}

    finished = drawn(build(), brief)

    assert finished.seeds == brief.seeds


@pytest.mark.parametrize("fault", ["state-502", "state-429"])
def test_a_queue_away_for_a_while_costs_no_drawing(server, build, brief, fault):
    engine = build()
    handle = engine.submit(brief)
    server.faults.add(fault)
    watching = Watching(engine, brief, handle)
    path = handle["tickets"][0]["status"].removeprefix(server.url)
    wait_until(lambda: len(server.asked_for(path)) > 1, what="some polls")

    server.faults.discard(fault)

    assert isinstance(watching.end().steps[-1], Finished)
    assert len(server.requests) == 1


def test_a_result_that_cannot_be_had_for_a_moment_is_asked_for_again(server, build, brief):
    server.faults.add("result-502-once")

    assert drawn(build(), brief)


# -- errors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "error", "kind"),
    [
        ("no-key", Refused, "credentials"),
        ("locked", Refused, "credit"),
        ("no-credit", Refused, "credit"),
        ("throttled", EngineBusy, None),
        ("no-app", Refused, "setup"),
        ("no-documents", Refused, "setup"),
        ("bad-request", Rejected, "parameter"),
        ("500", EngineError, None),
        ("502", EngineDown, None),
        ("504", JobLost, None),
        ("drop-submit", JobLost, None),
    ],
)
def test_every_refusal_is_the_error_that_says_what_to_do(server, build, brief, fault, error, kind):
    server.faults.add(fault)

    with pytest.raises(error) as caught:
        build().submit(brief)

    assert getattr(caught.value, "kind", None) == kind
    assert getattr(caught.value, "charged", True)
    assert "/home" not in str(caught.value)


@pytest.mark.parametrize(
    ("fault", "error", "kind"),
    [
        ("policy", Rejected, "moderated"),
        ("nsfw", Rejected, "moderated"),
        ("bad-image", Rejected, "reference"),
        ("invalid", Rejected, "parameter"),
        ("cancelled", Rejected, "failed"),
        ("timeout", EngineBusy, None),
        ("no-runner", EngineBusy, None),
        ("downstream", EngineBusy, None),
        ("disconnected", EngineError, None),
        ("failed-state", EngineError, None),
        ("oom", OutOfMemory, None),
        ("forgets", JobLost, None),
        ("gone-url", JobLost, None),
        ("fewer", BadResult, None),
    ],
)
def test_every_end_of_a_request_is_the_error_that_says_what_to_do(
    server, build, brief, fault, error, kind
):
    server.faults.add(fault)

    with pytest.raises(error) as caught:
        drawn(build(), brief)

    assert getattr(caught.value, "kind", None) == kind
    assert "/home" not in str(caught.value)
    assert getattr(caught.value, "charged", True)


def test_an_input_of_the_operators_that_is_refused_is_the_operators_matter():
    told = {"detail": [{"loc": ["body", "loras"], "type": "list_type", "msg": "no list"}]}

    assert isinstance(failure_of(told, {"loras": 1}), Refused)
    assert isinstance(failure_of(told), Rejected)


def test_cancelling_tells_the_queue_once_for_each_request(server, build, brief):
    server.held.set()
    engine = build(outputs="apart")
    handle = engine.submit(brief)

    engine.cancel(handle)
    engine.cancel(handle)

    assert server.cancelled == [ticket["id"] for ticket in handle["tickets"]]
    with pytest.raises(Rejected):
        drawn(engine, brief, handle)


def test_a_queue_that_is_away_is_down(server, build):
    engine = build()
    assert engine.health().state == "ok"
    server.faults.add("strict")
    assert engine.health().state == "ok"
    server.faults.add("no-key")
    assert "credentials" in engine.health().why
    server.stop()

    assert engine.health().state == "down"

    server.start()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"model": "painter"}, "model"),
        ({"edit_model": "https://fal.ai/acme"}, "edit_model"),
        ({"api_key_env": None}, "api_key_env"),
        ({"start_s": -1}, "start_s"),
        ({"low_prority": True}, "low_priority"),
    ],
)
def test_a_wrong_option_is_refused_by_name(monkeypatch, options, named):
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    with pytest.raises(ConfigError, match=named):
        engines.load(DRIVER.entry(**options))
