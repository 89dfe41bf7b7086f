"""Submitting: what a body asks for, whichever of the field's servers its client was written for."""

from __future__ import annotations

import json

import pytest

from limner.request import Lane
from tests.api.faces.mjproxy.speaking import DATA_URL, HOOK, PICTURE


def stored(store, task_id):
    return store.jobs.get(task_id).request


def test_an_imagine_request_makes_a_job_that_tells_its_hook(speaker, store):
    found = speaker.submit(
        "imagine", prompt="a lighthouse --ar 2:3", state="a:1:b", notifyHook=HOOK
    )
    request = stored(store, found["result"])

    assert (request.prompt_en, request.extra, request.callback_url) == (
        "a lighthouse --ar 2:3",
        "a:1:b",
        HOOK,
    )
    assert request.callback_statuses == ("submitted", "drawing")
    assert request.face == "mjproxy"


def test_the_second_of_two_is_told_how_many_are_ahead(speaker):
    speaker.imagine()
    found = speaker.asked("POST", "/mj/submit/imagine", {"prompt": "a cat"})

    assert found["code"] == 22
    assert found["properties"]["numberOfQueues"] == 1
    assert found["description"] == "Queued, 1 job ahead."


def test_a_relay_that_replaces_the_code_in_the_text_finds_it(speaker):
    speaker.imagine()
    text = speaker("POST", "/mj/submit/imagine", {"prompt": "a cat"}).text

    assert json.loads(text.replace('"code":22', '"code":1'))["code"] == 1


def test_what_clients_send_of_other_servers_is_ignored(speaker, store):
    task = speaker.imagine(
        notifyHook="",
        base64Array=None,
        chooseSameChannel=True,
        accountFilter={"modes": [], "instanceId": ""},
        mode="Whatever",
        botType="MID_JOURNEY",
        state=None,
        remark=[1, {"a": 2}],
    )
    request = stored(store, task)

    assert (request.callback_url, request.references, request.extra) == (None, (), None)


@pytest.mark.parametrize(
    "pictures",
    [
        {"base64Array": [DATA_URL]},
        {"base64Array": [PICTURE, None, ""]},
        {"base64": PICTURE},
        {"base64": DATA_URL, "base64Array": []},
        {"base64": DATA_URL, "base64Array": [DATA_URL]},
        {"base64Array": ["https://pictures.example/a.png"]},
    ],
)
def test_pictures_come_in_every_form_that_clients_send(speaker, store, pictures):
    assert len(stored(store, speaker.imagine(**pictures)).references) == 1


@pytest.mark.parametrize(
    ("path", "body", "lane"),
    [
        ("/mj", {}, Lane.FAST),
        ("/mj-relax/mj", {"accountFilter": {"modes": ["FAST"]}}, Lane.RELAXED),
        ("/mj-turbo/mj", {"prompt": "a cat --relax"}, Lane.FAST),
        ("/mj-fast/mj", {"prompt": "a cat --relax"}, Lane.FAST),
        ("/mj", {"accountFilter": {"modes": ["RELAX"]}, "prompt": "a cat --fast"}, Lane.RELAXED),
        ("/mj", {"accountFilter": {"modes": ["turbo"]}, "prompt": "a cat --relax"}, Lane.FAST),
        ("/mj", {"accountFilter": None, "prompt": "a cat --RELAX"}, Lane.RELAXED),
        ("/mj", {"mode": "Relax"}, Lane.RELAXED),
    ],
)
def test_the_speed_is_the_paths_then_the_filters_then_the_flags(speaker, store, path, body, lane):
    found = speaker.asked("POST", f"{path}/submit/imagine", {"prompt": "a cat"} | body)
    request = stored(store, found["result"])

    assert request.lane is lane
    assert request.prompt_en == "a cat"


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("a cat --turbo --ar 2:3", "a cat --ar 2:3"),
        ("--fast a cat", "--fast a cat"),
        ("a cat, --v 6 --Fast", "a cat, --v 6"),
        ("a sign that reads --fast food", "a sign that reads --fast food"),
    ],
)
def test_a_speed_flag_is_taken_out_and_nothing_else_is(speaker, store, prompt, words):
    assert stored(store, speaker.imagine(prompt=prompt)).prompt_en == words


@pytest.mark.parametrize("bot", ["NIJI_JOURNEY", "niji"])
def test_the_other_bot_draws_niji_once(speaker, store, bot):
    assert stored(store, speaker.imagine(botType=bot)).niji is True
    task = speaker.imagine(botType=bot, prompt="a cat --niji 5")
    assert store.jobs.get(task).final_prompt == "a cat --niji 5"


@pytest.mark.parametrize(
    ("dimensions", "ar"),
    [({"dimensions": "PORTRAIT"}, "2:3"), ({"dimensions": "LANDSCAPE"}, "3:2"), ({}, "1:1")],
)
def test_a_blend_takes_its_shape_by_name(speaker, store, able, dimensions, ar):
    found = speaker.submit("blend", base64Array=[DATA_URL, PICTURE], **dimensions)
    request = stored(store, found["result"])

    assert (request.operation, request.ar, len(request.references)) == ("blend", ar, 2)


@pytest.mark.parametrize(
    "picture", [{"base64": DATA_URL}, {"link": "https://pictures.example/a.png"}]
)
def test_a_picture_to_describe_comes_inline_or_by_link(speaker, store, able, picture):
    found = speaker.submit("describe", language="zh", **picture)

    assert stored(store, found["result"]).operation == "describe"


@pytest.mark.parametrize(
    ("what", "body", "named"),
    [
        ("imagine", {}, "prompt"),
        ("imagine", {"prompt": ""}, "prompt"),
        ("imagine", {"prompt": "--fast"}, "prompt"),
        ("imagine", {"prompt": "a cat", "base64Array": ["%"]}, "base64Array"),
        ("imagine", {"prompt": "a cat", "base64Array": "text"}, "base64Array"),
        ("imagine", {"prompt": "a cat", "notifyHook": "nowhere"}, "notifyHook"),
        ("imagine", {"prompt": "a cat", "state": {}}, "state"),
        ("blend", {"base64Array": [DATA_URL]}, "base64Array"),
        ("blend", {"base64Array": [DATA_URL] * 6}, "base64Array"),
        ("blend", {"base64Array": [DATA_URL] * 2, "dimensions": "ROUND"}, "dimensions"),
        ("describe", {}, "base64"),
        ("change", {"taskId": "1", "action": "UPSCALE"}, "index"),
        ("change", {"taskId": "1", "action": "SHRINK", "index": 1}, "action"),
        ("simple-change", {"content": "1 U9"}, "content"),
        ("simple-change", {"content": ""}, "content"),
        ("action", {"taskId": "1"}, "customId"),
        ("modal", {}, "taskId"),
    ],
)
def test_a_wrong_field_is_named_in_the_sentence_that_clients_show(speaker, what, body, named):
    assert named in speaker.submit(what, 4, **body)["description"]


def test_a_key_makes_one_job_of_two_requests(speaker):
    ask = {"Idempotency-Key": "a"}
    first = speaker("POST", "/mj/submit/imagine", {"prompt": "a cat"}, **ask).json
    again = speaker("POST", "/mj/submit/imagine", {"prompt": "a cat"}, **ask).json

    assert first["result"] == again["result"]
