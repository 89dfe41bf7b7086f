"""The bytes that tell of an event, within their bound, and the line that an attempt leaves behind."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from limner.callback.policy import Outcome
from tests.callback_doubles import a_job, emit, take_one
from workers.posting.letters import BODY_MAX_BYTES, attempt_record, event_body


@pytest.fixture
def taken(store):
    """An event in a poster's hands."""
    emit(store, a_job(store, "j"), "X")
    return take_one(store)


def a_body(taken, **request):
    record = dict(taken.record)
    record["final_prompt"] = request.pop("final_prompt", record["final_prompt"])
    record["request"] = json.dumps(json.loads(record["request"]) | request)
    return event_body(record, taken.event, "http://gateway")


@pytest.mark.parametrize(
    ("long", "left_out"),
    [
        ({"prompt": 70_000}, {"prompt"}),
        ({"prompt": 40_000, "final_prompt": 40_000}, {"prompt"}),
        ({"prompt": 70_000, "final_prompt": 70_000}, {"prompt", "finalPrompt"}),
        ({"final_prompt": 70_000}, {"prompt", "finalPrompt"}),
        ({"extra": 70_000}, {"prompt", "finalPrompt", "extra"}),
    ],
)
def test_a_body_leaves_out_what_can_best_be_spared_and_no_more(taken, long, left_out):
    texts = {"prompt": "a", "final_prompt": "b", "extra": "c"}
    texts = {name: text * long.get(name, 1) for name, text in texts.items()}
    body = a_body(taken, **texts)

    assert len(body) <= BODY_MAX_BYTES
    told = json.loads(body)
    given = {"prompt", "finalPrompt", "extra"}
    assert {name for name in given if told[name] is None} == left_out
    assert told["promptEn"] == "a cat"


@pytest.mark.parametrize(("spare", "whole"), [(0, True), (-1, False)])
def test_a_body_of_64_kb_is_whole_and_one_byte_more_is_not(taken, spare, whole):
    rest = len(a_body(taken, prompt=""))
    body = a_body(taken, prompt="x" * (64 * 1024 - rest - spare))

    assert (json.loads(body)["prompt"] is not None) is whole
    assert (len(body) == 64 * 1024) is whole


def test_the_log_keeps_what_came_of_an_attempt(taken):
    taken = replace(taken, tried=2)
    outcome = Outcome(
        status=302,
        location="https://elsewhere/" + "x" * 300 + "?token=s3cret",
        answer=b"caf\xe9",
        took_ms=12,
        address="203.0.113.9",
    )

    assert attempt_record(taken, outcome) == {
        "seq": 1,
        "kind": "X",
        "id": taken.event.id,
        "attempt": 3,
        "status": 302,
        "error": "redirect",
        "ms": 12,
        "address": "203.0.113.9",
        "answer": "caf\ufffd",
        "location": ("https://elsewhere/" + "x" * 300)[:256],
    }
    resent = replace(taken, event=replace(taken.event, resent=True))
    kept = attempt_record(resent, Outcome(error="timeout"))
    assert (kept["resent"], kept["error"]) == (True, "timeout")
    assert not {"status", "answer", "location", "address"} & set(kept)
