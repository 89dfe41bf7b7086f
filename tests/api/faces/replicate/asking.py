"""How the tests of this face ask: a client that sends what Replicate's libraries send."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from limner.store import Store
from tests.api.drawing import done, failed, submitted

MODEL = "/v1/models/black-forest-labs/flux-schnell/predictions"


@dataclass
class Client:
    """One client of the gateway, over Flask's test client."""

    app: Flask
    store: Store
    token: str
    name: str

    def __call__(self, method: str, path: str, **options: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.token}"} | options.pop("headers", {})
        return self.app.test_client().open(path, method=method, headers=headers, **options)

    def ask(
        self, path: str = MODEL, headers: dict[str, str] | None = None, **input_: Any
    ) -> TestResponse:
        body = {"input": {"prompt": "a lighthouse at dusk"} | input_}
        return self("POST", path, json=body, headers=headers or {})

    def made(self, **input_: Any) -> dict[str, Any]:
        """The prediction of a request that must be taken."""
        response = self.ask(**input_)
        assert response.status_code == 201, response.text
        return response.json

    def request_of(self, prediction: dict[str, Any]) -> Any:
        """What the gateway understood."""
        return self.store.jobs.get(prediction["id"]).request

    def seen(self, prediction: dict[str, Any]) -> dict[str, Any]:
        response = self("GET", f"/v1/predictions/{prediction['id']}")
        assert response.status_code == 200, response.text
        return response.json

    def drawn(self, **input_: Any) -> dict[str, Any]:
        return self.seen(done(self.app, self.store, self.made(**input_)))

    def failed(self, code: str = "engine_failed") -> dict[str, Any]:
        return self.seen(failed(self.store, self.made(), code))

    def begun(self, percent: int = 40) -> dict[str, Any]:
        prediction = self.made()
        self.store.lanes.progress(
            prediction["id"], submitted(self.store, prediction), percent, None
        )
        return self.seen(prediction)


def problem(response: TestResponse, status: int) -> dict[str, Any]:
    """Check that a response refuses as Replicate does, and return the problem."""
    assert response.status_code == status, response.text
    assert response.mimetype == "application/problem+json"
    body = json.loads(response.text)
    assert {"title", "detail", "status"} <= body.keys()
    assert body["status"] == status
    assert all(isinstance(body[name], str) and body[name] for name in ("title", "detail"))
    assert "Traceback" not in response.text
    return body


def data_url(picture: bytes) -> str:
    """A picture as libraries send it inline."""
    return "data:image/png;base64," + base64.b64encode(picture).decode()
