"""How the tests of this room browse: Flask's client as a browser would send, with its session and its page's key."""

from __future__ import annotations

import json
import re
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

OURS = {"Sec-Fetch-Site": "same-origin"}


class Browser:
    """One person's browser, with its cookies."""

    def __init__(self, app: Flask, base_url: str = "http://localhost") -> None:
        self._client = app.test_client()
        self._base_url = base_url

    def get(self, path: str, **options: Any) -> TestResponse:
        return self._client.get(path, base_url=self._base_url, **options)

    def post(self, path: str, headers: dict[str, str] | None = None, **fields: str) -> TestResponse:
        """Send a form of ours, unless ``headers`` say that it is another site's."""
        sent = OURS if headers is None else headers
        return self._client.post(path, data=fields, headers=sent, base_url=self._base_url)

    def enter(self, token: str) -> TestResponse:
        return self.post("/console/enter", token=token)

    def key(self, path: str = "/console/nothing") -> str:
        """The key that a page carries for its calls."""
        found = re.search(r'data-csrf="([0-9a-f]*)"', self.get(path).text)
        assert found
        return found[1]

    def call(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> TestResponse:
        """Call the API as a page of ours does, unless ``headers`` say otherwise."""
        sent = OURS | {"X-Limner-Csrf": self.key()} if headers is None else headers
        return self._client.open(
            path,
            method=method,
            headers=sent,
            json=body,
            base_url=self._base_url,
            buffered=False,
        )


def frames(text: str) -> list[tuple[str, Any]]:
    """The events of a stream: name and data."""
    found = []
    for block in text.split("\n\n"):
        rows = dict(row.split(": ", 1) for row in block.splitlines() if not row.startswith(":"))
        if "data" in rows:
            found.append((rows.get("event", "message"), json.loads(rows["data"])))
    return found
