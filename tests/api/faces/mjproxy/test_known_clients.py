"""Each known client of the protocol, reduced to how it reads what it gets.

They are repositories that no registry has; what is asserted here was read in their code.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.api.drawing import failed, kept, submitted
from tests.api.faces.mjproxy.speaking import DATA_URL, PICTURE, Speaker, drawn

ENDS = ("SUCCESS", "FAILURE")


class Relay:
    """new-api: replaces codes in the text, decodes strictly, refunds what failed or took an hour."""

    HOUR_MS = 3_600_000

    def __init__(self, speaker: Speaker) -> None:
        self.speaker = speaker
        self.open: dict[str, dict[str, Any]] = {}
        self.refunded: set[str] = set()

    def submit(self, path: str, body: Any) -> dict[str, Any]:
        authorization = {"Authorization": "midjourney-proxy"}
        response = self.speaker("POST", path, body, **authorization)
        found = json.loads(response.text)
        assert type(found["code"]) is int
        assert isinstance(found["description"], str)
        assert found["result"] is None or isinstance(found["result"], str)
        assert isinstance(found["properties"].get("finalPrompt", ""), str)
        assert found["code"] != 3, "the relay would switch its channel off"
        text = re.sub('"code":2[12]', '"code":1', response.text)
        if found["code"] in (1, 21, 22):
            assert json.loads(text)["code"] == 1, "the caller of the relay sees no success"
            self.open[found["result"]] = {"submitTime": None}
        return found

    def poll(self, now_ms: int) -> None:
        """Ask for all open tasks at once, as it does every 15 s."""
        response = self.speaker("POST", "/mj/task/list-by-condition", {"ids": [*self.open]})
        assert response.status_code == 200
        tasks = json.loads(response.text)
        assert isinstance(tasks, list)
        for task in tasks:
            self._decode(task)
            late = now_ms - task["submitTime"] > self.HOUR_MS and task["progress"] != "100%"
            gave_up = task["failReason"] and task["progress"] != "100%"
            if late or gave_up or task["status"] == "FAILURE":
                self.refunded.add(task["id"])
            if task["progress"] == "100%" or late or gave_up:
                del self.open[task["id"]]

    @staticmethod
    def _decode(task: dict[str, Any]) -> None:
        for name in ("submitTime", "startTime", "finishTime"):
            assert task[name] is None or type(task[name]) is int, name
        for name in ("prompt", "promptEn", "description", "state", "imageUrl", "failReason"):
            assert task[name] is None or isinstance(task[name], str), name
        for button in task["buttons"] or ():
            parts = button["customId"].split("::")
            assert parts[0] == "MJ"
            if parts[1] == "JOB":
                assert parts[2]
                assert parts[3].isdigit()
            else:
                assert parts[1] in ("Inpaint", "Outpaint", "CustomZoom")


@pytest.fixture
def relay(speaker) -> Relay:
    return Relay(speaker)


def test_a_relay_follows_many_tasks_to_their_ends_and_refunds_what_failed(app, relay, store):
    ids = [relay.submit("/mj/submit/imagine", {"prompt": "a cat"})["result"] for _ in range(3)]
    now_ms = relay.speaker.task(ids[0])["submitTime"]
    relay.poll(now_ms)
    assert [*relay.open] == ids

    drawn(app, store, ids[0])
    failed(store, {"id": ids[1]})
    relay.poll(now_ms)
    assert ([*relay.open], relay.refunded) == ([ids[2]], {ids[1]})

    relay.poll(now_ms + Relay.HOUR_MS + 60_000)
    assert (relay.open, relay.refunded) == ({}, {ids[1], ids[2]})


def test_a_relay_sends_every_refusal_on(relay):
    for path in ("imagine", "change", "simple-change", "action", "modal", "blend", "describe"):
        assert relay.submit(f"/mj/submit/{path}", {})["code"] == 4
    assert relay.open == {}


class Page:
    """Dooy's page: parses all as JSON, draws what is truthy, confirms every window at once."""

    def __init__(self, speaker: Speaker) -> None:
        self.speaker = speaker

    def submit(self, path: str, body: dict[str, Any]) -> str:
        response = self.speaker("POST", path, body | {"notifyHook": ""})
        found = json.loads(response.text)
        if found["code"] == 21:
            response = self.speaker("POST", "/mj/submit/modal", {"taskId": found["result"]})
            found = json.loads(response.text)
        assert found["code"] in (1, 22), found["description"]
        return str(found["result"])

    def look(self, task_id: str) -> dict[str, Any]:
        return dict(json.loads(self.speaker("GET", f"/mj/task/{task_id}/fetch").text))

    def drawn(self, task: dict[str, Any]) -> tuple[int, list[str]]:
        """How many pictures the page draws, and the words on its buttons."""
        urls = task["imageUrls"]
        # In JavaScript an empty list is true.
        pictures = len(urls) if urls is not None else int(bool(task["imageUrl"]))
        buttons = task["buttons"]
        words = [one["emoji"] + one["label"] for one in buttons] if buttons is not None else []
        return pictures, words


def test_a_page_draws_previews_then_four_pictures_and_real_buttons(app, speaker, store):
    page = Page(speaker)
    task_id = page.submit("/mj/submit/imagine", {"prompt": "a fox", "base64Array": [DATA_URL]})
    assert page.drawn(page.look(task_id)) == (0, [])

    token = submitted(store, {"id": task_id})
    store.lanes.progress(task_id, token, 40, kept(app, 9))
    assert page.drawn(page.look(task_id)) == (1, [])


def test_a_page_that_confirms_windows_at_once_gets_what_it_asked_for(app, speaker, store):
    page = Page(speaker)
    grid = drawn(app, store, page.submit("/mj/submit/imagine", {"prompt": "a fox"}))
    pictures, words = page.drawn(page.look(grid))
    assert (pictures, words[:2]) == (4, ["U1", "U2"])

    press = {"taskId": grid, "customId": speaker.button(grid, "upsample::1")}
    first = page.submit("/mj/submit/action", press)
    assert page.submit("/mj/submit/action", press) == first

    zoom = {"taskId": first, "customId": speaker.button(first, "CustomZoom")}
    task_id = page.submit("/mj/submit/action", zoom)
    assert page.look(task_id)["action"] == "ZOOM"
    vary = {"taskId": grid, "customId": speaker.button(grid, "variation::1"), "enableRemix": True}
    assert page.look(page.submit("/mj/submit/action", vary))["action"] == "VARIATION"


def test_a_page_shows_why_its_secret_is_refused(app):
    response = app.test_client().post("/mj/submit/imagine", json={}, headers={"mj-api-secret": "x"})

    assert json.loads(response.text)["error"]


class Plugin:
    """The Python plugins: concatenate, split and index what they get, without looking."""

    def __init__(self, speaker: Speaker) -> None:
        self.speaker = speaker

    def imagine(self, prompt: str, user: str, picture: str = "") -> str:
        body = {"prompt": prompt, "base64": picture, "state": f"{user}:group", "notifyHook": None}
        found = self.speaker("POST", "/mj/submit/imagine", body).json
        assert found["code"] in (1, 22)
        assert "" + found["description"]
        return str(found["result"])

    def said(self, ids: list[str]) -> list[str]:
        """What it tells its users of these tasks."""
        found = self.speaker("POST", "/mj/task/list-by-condition", {"ids": ids}).json
        lines = []
        for task in found:
            user, group = task["state"].split(":")
            task["description"].index("/imagine")
            assert isinstance(task["submitTime"], int)
            if task["status"] == "SUCCESS":
                words = " ".join(one["emoji"] + one["label"] for one in task["buttons"])
                lines.append(f"{user}/{group} {task['action']} {task['imageUrl'][:5]} {words}")
            elif task["status"] == "FAILURE":
                lines.append(f"{user}/{group} {task['failReason']}")
            else:
                lines.append(f"{user}/{group} {task['status']} {task['progress']}")
        return lines


def test_a_plugin_tells_its_users_by_their_state(app, speaker, store):
    plugin = Plugin(speaker)
    ids = [plugin.imagine("a fox", "ann"), plugin.imagine("a cat", "bob", PICTURE)]
    assert plugin.said(ids) == ["ann/group NOT_START 0%", "bob/group NOT_START 0%"]

    drawn(app, store, ids[0])
    failed(store, {"id": ids[1]})
    assert plugin.said(ids) == [
        "ann/group IMAGINE https U1 U2 U3 U4 V1 V2 V3 V4 🔄",
        "bob/group It broke.",
    ]


def test_a_server_that_takes_any_result_for_accepted_is_refused_with_none(app, speaker):
    """Licoy's route sends the secret alone, and looks at nothing but the result."""
    headers = {"Authorization": speaker.token}

    def submit(body: Any) -> Any:
        return app.test_client().post("/mj/submit/imagine", json=body, headers=headers).json

    assert submit({"prompt": "a cat"})["result"]
    assert submit({"prompt": ""})["result"] is None
    assert app.test_client().post("/mj/submit/imagine", json={}).json["result"] is None


def test_a_client_that_polls_without_end_meets_an_end(app, speaker, store):
    for end in (drawn, lambda _app, _store, task_id: failed(store, {"id": task_id})):
        task_id = speaker.imagine()
        assert speaker.task(task_id)["status"] not in ENDS
        end(app, store, task_id)
        assert speaker.task(task_id)["status"] in ENDS
