"""What an OpenAI-style error means, where the words are not what they seem."""

from __future__ import annotations

import json

import pytest

from engines.openai.judge import judge
from engines.remote.session import Answer
from limner.errors import Refused, Rejected

HOSTILE = 'a "no such model" sign\nby night, invalid_api_key, insufficient_quota, rate_limit'


def said(message: str, status: int = 400, **fields) -> Answer:
    body = json.dumps({"error": {"message": message, **fields}})
    return Answer(status, {"Content-Type": "application/json"}, body.encode())


@pytest.mark.parametrize(
    "echo",
    [
        HOSTILE,
        repr(HOSTILE),
        json.dumps(HOSTILE),
        json.dumps(json.dumps(HOSTILE)),
        HOSTILE[:18] + "...",
        HOSTILE.upper(),
        " ".join(HOSTILE.split()),
    ],
)
def test_what_a_server_repeats_of_the_prompt_decides_nothing(echo):
    assert judge(said("bad value: " + echo), HOSTILE) is None


def test_a_servers_own_code_decides_whatever_the_prompt_says():
    found = judge(said(HOSTILE, code="model_not_found"), HOSTILE)

    assert isinstance(found, Refused)


@pytest.mark.parametrize(
    "message",
    [
        "context window: internal prompt template missing",
        "Unable to connect to database; prompt lookup failed",
        "Error parsing request: prompt",
    ],
)
def test_a_server_with_prompts_of_its_own_does_not_blame_the_caller(message):
    assert judge(said(message)) is None


@pytest.mark.parametrize(
    "message",
    [
        "Your prompt is too long: 4,120 characters.",
        "prompt: must not have more than 4000 characters",
        "Invalid prompt",
        "The prompt exceeds the limit",
    ],
)
def test_a_verdict_on_the_prompt_is_the_callers(message):
    assert isinstance(judge(said(message)), Rejected)


@pytest.mark.parametrize(
    "message",
    [
        "Model 'x' does not exist",
        "The model `dall-e-9` has been deprecated and is gone",
        "model flux is not supported on this endpoint",
        "Model: flux-dev not found",
    ],
)
def test_a_model_that_is_not_there_is_the_operators(message):
    found = judge(said(message))

    assert isinstance(found, Refused)
    assert "model" in str(found)


def test_a_parameter_that_a_model_does_not_take_is_no_missing_model():
    assert judge(said("Model dall-e-2: the parameter style is not supported")) is None
