"""A refusal says for programs why it is one: what differs in what a caller does differs in its code."""

from __future__ import annotations

import pytest

from api.errors import STATUS_CODES
from limner.refusals import RefusalCode
from tests.api.asking import a_caller
from tests.api.drawing import done


def code(response, status: int) -> str:
    assert response.status_code == status, response.text
    return response.json["code"]


def press(caller, job: str, button: str):
    body = {"messageId": job, "buttonType": button, "fast": True, "tag": "0" * 32}
    return caller("POST", "/draw/midjourney/button", json=body)


def test_every_error_of_a_caller_has_a_code_of_its_own():
    codes = [kind.code for kind in STATUS_CODES]

    assert len(set(codes)) == len(codes)


def test_what_a_jobs_state_does_not_allow_is_told_apart(app, caller, store):
    ended = done(app, store, caller.drawn())["id"]
    waiting = caller.drawn(tag="1" * 32)["id"]
    refresh = caller("POST", "/draw/midjourney/refresh", json={"tag": "1" * 32})
    assert press(caller, ended, "u1").status_code == 200

    assert code(press(caller, waiting, "u1"), 409) == "not_done"
    assert code(refresh, 409) == "not_failed"
    assert code(press(caller, ended, "u1"), 409) == "already_used"
    assert code(caller("DELETE", f"/draw/midjourney/jobs/{ended}"), 409) == "already_ended"
    caller.imagine(headers={"Idempotency-Key": "k"})
    again = caller.imagine(headers={"Idempotency-Key": "k"}, chaos=5)
    assert code(again, 409) == "idempotency_conflict"


def test_the_kinds_of_too_much_are_told_apart(app, store):
    full = a_caller(app, store, "full", waiting_cap=1)
    full.drawn()

    assert code(full.imagine(), 429) == "waiting_full"
    hasty = a_caller(app, store, "hasty", rate_per_s=1)
    answers = [hasty("POST", "/draw/midjourney/waiting") for _ in range(5)]
    assert code(answers[-1], 429) == "too_fast"


@pytest.mark.parametrize(
    ("method", "path", "status", "expected"),
    [
        ("GET", "/nowhere", 404, RefusalCode.NOT_FOUND),
        ("PUT", "/draw/midjourney/imagine", 405, RefusalCode.METHOD_NOT_ALLOWED),
        ("GET", f"/draw/midjourney/jobs/{'0' * 32}", 404, RefusalCode.JOB_NOT_FOUND),
    ],
)
def test_what_http_itself_asks_for_has_a_code(caller, method, path, status, expected):
    assert code(caller(method, path), status) == expected
