"""Hooks: the task, at every change but the first, in a body that stays within its bound."""

from __future__ import annotations

import json

from tests.api.faces.mjproxy.speaking import HOOK, drawn
from workers.posting.letters import BODY_MAX_BYTES, job_bytes


def told(store, task_id):
    """The bodies of a job's events, as letters have them."""
    return [
        json.loads(job_bytes(job, "https://draw.example"))
        for job in store.stories.after(task_id, 0).events
    ]


def test_a_hook_is_told_the_task_as_a_look_up_shows_it(app, speaker, store):
    task_id = drawn(app, store, speaker.imagine(notifyHook=HOOK, state="a:b"))
    bodies = told(store, task_id)

    assert bodies[-1] == speaker.task(task_id)
    assert bodies[0]["status"] == "SUBMITTED"
    assert {body["state"] for body in bodies} == {"a:b"}
    assert {body["id"] for body in bodies} == {task_id}


def test_a_hook_is_not_told_that_a_task_waits(speaker, store):
    request = store.jobs.get(speaker.imagine(notifyHook=HOOK)).request

    assert set(request.callback_statuses) == {"submitted", "drawing"}


def test_a_body_that_would_be_too_long_keeps_the_state(app, speaker, store):
    task_id = drawn(app, store, speaker.imagine(prompt="狐" * 5900, state="\n" * 4000))
    (last,) = store.stories.after(task_id, 0).events[-1:]
    encoded = job_bytes(last, "https://draw.example")
    body = json.loads(encoded)

    assert len(encoded) <= BODY_MAX_BYTES
    assert body["state"] == "\n" * 4000
    assert body["prompt"] is None
    assert body["status"] == "SUCCESS"
