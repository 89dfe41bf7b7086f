"""OpenAI's own libraries, LiteLLM and the AI SDK, unchanged, against real processes of a gateway."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from limner.request import Lane
from tests.acceptance.house import House
from tests.clients.running import run

pytestmark = pytest.mark.slow

ENGINE = """
[[engine]]
name = "stage"
driver = "rehearsal"
seconds = 0.5
steps = 6
ledger = "LEDGER"
fast = { slots = 4 }
relaxed = { slots = 2 }
"""


@pytest.fixture(scope="module")
def gateway() -> Iterator[House]:
    with House(ENGINE) as house:
        house.start_all()
        house.wait_for_engines()
        # No budget, and not the fast lane.
        house.poor = house.store.clients.add("poor", lanes=[Lane.RELAXED], per_day=0).token
        yield house


def said(gateway: House, script: str) -> dict[str, Any]:
    """Run a client with the gateway's address and tokens, and return what it printed."""
    found: dict[str, Any] = run(
        script, f"{gateway.settings.base_url}/v1", gateway.token, gateway.poor
    )
    return found


def starts(gateway: House) -> Counter[str]:
    """How often each job was begun to be drawn."""
    return Counter(line["job"] for line in gateway.drawn() if line["what"] == "start")


def check_stream(events: list[list[Any]]) -> None:
    *partial, last = events
    assert last == ["image_generation.completed", "512x512", None]
    assert [one[0] for one in partial] == ["image_generation.partial_image"] * len(partial)
    assert [one[2] for one in partial] == list(range(len(partial)))
    assert 1 <= len(partial) <= 2


FAILURES = {
    "field": ("BadRequestError", None),
    "key": ("AuthenticationError", "invalid_api_key"),
    "address": ("NotFoundError", "unknown_url"),
    "lane": ("PermissionDeniedError", "lane_not_allowed"),
    "quota": ("RateLimitError", "insufficient_quota"),
    "conflict": ("ConflictError", "idempotency_conflict"),
    "moderated": ("BadRequestError", "content_policy_violation"),
    "failed": ("InternalServerError", "server_error"),
    "stream": ("APIError", "content_policy_violation"),
}


def check_failures(gateway: House, found: dict[str, dict[str, Any]]) -> None:
    assert {name: (one["class"], one["code"]) for name, one in found.items()} == FAILURES
    assert found["field"]["param"] == "size"
    for name in ("moderated", "failed"):
        assert gateway.store.jobs.get(found[name]["request_id"]).status == "failed"


def check_one_job_for_all_tries(gateway: House, job_id: str, before: set[str]) -> None:
    job = gateway.store.jobs.get(job_id)
    same = [
        one
        for one in gateway.store.jobs.page(job.client, limit=50).jobs
        if one.request.prompt_en == job.request.prompt_en and one.id not in before
    ]
    assert [one.id for one in same] == [job_id]
    assert starts(gateway)[job_id] == 1
    assert job.status == "done"


def jobs_of(gateway: House) -> set[str]:
    return {job.id for job in gateway.store.jobs.page("ann", limit=50).jobs}


def test_openais_library_for_python(gateway):
    before = jobs_of(gateway)

    seen = said(gateway, "openai_python.py")

    assert {"gpt-image-1", "dall-e-3"} <= set(seen["models"])
    assert seen["drawn"]["sizes"] == [[1024, 1024]] * 2
    assert (seen["drawn"]["size"], seen["drawn"]["tokens"]) == ("1024x1024", 0)
    assert gateway.store.jobs.get(seen["drawn"]["id"]).count == 2
    assert gateway.store.jobs.get(seen["relaxed"]["id"]).lane == "relaxed"
    assert all("/images/drawings/" in url for url in seen["relaxed"]["urls"])
    check_stream(seen["stream"])
    edits = {name: gateway.store.jobs.get(one[0]).request for name, one in seen["edits"].items()}
    assert [len(edits[name].references) for name in ("one", "two", "mask")] == [1, 2, 1]
    assert edits["mask"].operation == "edit"
    check_failures(gateway, seen["failures"])
    check_one_job_for_all_tries(gateway, seen["retried"], before)


def test_openais_library_for_node(gateway):
    before = jobs_of(gateway)

    seen = said(gateway, "openai_node.mjs")

    assert {"gpt-image-1", "dall-e-3"} <= set(seen["models"])
    assert seen["drawn"]["inline"] == [True]
    assert seen["drawn"]["size"] == "512x512"
    check_stream(seen["stream"])
    edits = {name: gateway.store.jobs.get(one[0]).request for name, one in seen["edits"].items()}
    assert [len(edits[name].references) for name in ("one", "two")] == [1, 2]
    check_failures(gateway, seen["failures"])
    check_one_job_for_all_tries(gateway, seen["retried"], before)


def test_litellm(gateway):
    seen = said(gateway, "openai_litellm.py")

    assert seen["inline"] == [True, True]
    assert [url.split("/")[3] for url in seen["linked"]] == ["images"]
    assert seen["failures"] == {
        "moderated": ["BadRequestError", 400],
        "failed": ["InternalServerError", 500],
    }


def test_the_ai_sdk(gateway):
    seen = said(gateway, "openai_ai_sdk.mjs")

    assert seen == {
        "drawn": ["image/png"] * 2,
        "edited": ["image/png"],
        "failure": {
            "message": "The prompt was refused by moderation.",
            "status": 400,
            "retryable": False,
        },
    }
