"""How the tests of this room ask: a caller that speaks midjourney-proxy's protocol."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from limner.store import Store
from limner.store.lanes import Result
from tests.api.drawing import a_picture, kept, submitted

PICTURE = base64.b64encode(a_picture(7)).decode()
DATA_URL = f"data:image/png;base64,{PICTURE}"
CAN = ("vary", "upscale_subtle", "upscale_creative", "edit")
HOOK = "https://receiver.example/hook"


@dataclass
class Speaker:
    """One client of the gateway, over Flask's test client."""

    app: Flask
    token: str
    name: str

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
        sent = {"mj-api-secret": self.token} | headers
        return self.app.test_client().open(path, method=method, json=body, headers=sent)

    def asked(self, method: str, path: str, body: Any = None) -> Any:
        """The parsed answer, which must come with 200."""
        response = self(method, path, body)
        assert response.status_code == 200, response.text
        assert '": ' not in response.text
        return json.loads(response.text)

    def submit(self, what: str, code: int = 1, **body: Any) -> dict[str, Any]:
        found = self.asked("POST", f"/mj/submit/{what}", body)
        assert found["code"] == code, found
        assert isinstance(found["properties"], dict)
        assert (found["result"] is None) == (code in (4, 9, 23))
        return found

    def imagine(self, **body: Any) -> str:
        """The id of a new task."""
        found = self.asked("POST", "/mj/submit/imagine", {"prompt": "a lighthouse"} | body)
        assert found["code"] in (1, 22), found
        return found["result"]

    def task(self, task_id: str) -> dict[str, Any]:
        return self.asked("GET", f"/mj/task/{task_id}/fetch")

    def button(self, task_id: str, part: str) -> str:
        """The customId of the task's button that has this in it."""
        (found,) = [
            button["customId"]
            for button in self.task(task_id)["buttons"]
            if part in button["customId"]
        ]
        return found


def drawn(app: Flask, store: Store, task_id: str, count: int = 4, can: Iterable[str] = CAN) -> str:
    """End a task with a grid and so many cells, drawn by an engine that can do so much more."""
    token = submitted(store, {"id": task_id}, f"lease-{task_id}")
    store.lanes.progress(task_id, token, 40, kept(app, 9))
    cells = [kept(app, 50 * cell) for cell in range(count)]
    seeds = [11, 12, 13, 14][:count]
    store.lanes.done(task_id, token, Result(kept(app, 250), cells, seeds=seeds, can=tuple(can)))
    return task_id
