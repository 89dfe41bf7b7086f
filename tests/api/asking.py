"""How the tests of this room ask: a caller over Flask's test client, and the smallest body."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from limner.refusals import RefusalCode
from limner.store import Store

IMAGINE = "/draw/midjourney/imagine"
ORIGIN = "/draw/midjourney/origin/imagine"
TAG = "0123456789abcdef0123456789abcdef"
DASHED_TAG = "01234567-89ab-cdef-0123-456789abcdef"


def a_body(**changes: Any) -> dict[str, Any]:
    """The smallest body that imagine takes, with changes; a field set to ``...`` is left out."""
    body = {"promptEn": "a lighthouse at dusk", "fast": True, "tag": TAG} | changes
    return {name: value for name, value in body.items() if value is not ...}


@dataclass
class Caller:
    """One client of the gateway, over Flask's test client."""

    app: Flask
    token: str
    name: str

    def __call__(self, method: str, path: str, **options: Any) -> TestResponse:
        headers = {"token": self.token} | options.pop("headers", {})
        return self.app.test_client().open(path, method=method, headers=headers, **options)

    def imagine(self, headers: dict[str, str] | None = None, **changes: Any) -> TestResponse:
        return self("POST", IMAGINE, json=a_body(**changes), headers=headers or {})

    def origin(self, headers: dict[str, str] | None = None, **changes: Any) -> TestResponse:
        return self("POST", ORIGIN, json=a_body(**changes), headers=headers or {})

    def drawn(self, **changes: Any) -> dict[str, Any]:
        """The job of an imagine request that must be taken."""
        response = self.imagine(**changes)
        assert response.status_code == 202, response.text
        return response.json

    def wrong(self, **changes: Any) -> dict[str, list[str]]:
        """The errors of an imagine request that must be refused as wrong in a field."""
        return refused(self.imagine(**changes), 422)


def refused(response: TestResponse, status: int, code: str | None = None) -> dict[str, list[str]]:
    """Check that ``response`` refuses in the one shape, for that reason; return what it says of fields."""
    assert response.status_code == status, response.text
    assert response.mimetype == "application/json"
    body = json.loads(response.text)
    assert set(body) == {"statusCode", "code", "message", "errors"}
    assert body["code"] in ({code} if code else set(RefusalCode))
    assert body["statusCode"] == status
    assert body["message"].endswith(".")
    assert "Traceback" not in response.text
    assert "<" not in response.text
    for sentences in body["errors"].values():
        assert sentences
        assert all(isinstance(sentence, str) for sentence in sentences)
    return body["errors"]


def a_caller(app: Flask, store: Store, name: str, **limits: Any) -> Caller:
    """A client with limits of its own."""
    return Caller(app, store.clients.add(name, **limits).token, name)
