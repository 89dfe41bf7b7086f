"""How the tests of this face speak: an agent of each era over Flask's test client."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from werkzeug.test import TestResponse

from schemas.mcp.revisions import REVISIONS
from tests.api.asking import Caller

STATELESS = "2026-07-28"
HANDSHAKES = tuple(name for name in REVISIONS if name != STATELESS)
BOTH = "application/json, text/event-stream"


def meta(**more: Any) -> dict[str, Any]:
    return {
        "io.modelcontextprotocol/protocolVersion": STATELESS,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    } | more


@dataclass
class Agent:
    """A client of the stateless revision; with another ``revision``, of a handshake one."""

    caller: Caller
    revision: str = STATELESS
    headers: dict[str, str] = field(default_factory=dict)
    accepts: str = "application/json"

    def post(self, body: Any, headers: dict[str, str] | None = None) -> TestResponse:
        sent = {"Accept": self.accepts, "Authorization": f"Bearer {self.caller.token}"}
        given = sent | self.headers | (headers or {})
        return self.caller.app.test_client().post("/mcp", json=body, headers=given)

    def ask(self, method: str, params: dict[str, Any] | None = None, **more: Any) -> TestResponse:
        """Send a request as a client of this revision does."""
        params, headers = dict(params or {}), {}
        token = more.pop("progress_token", None)
        extra = {} if token is None else {"progressToken": token}
        if self.revision == STATELESS:
            params["_meta"] = meta(**extra)
            headers = {"mcp-protocol-version": STATELESS, "mcp-method": method}
            if "name" in params:
                headers["mcp-name"] = params["name"]
        elif extra:
            params["_meta"] = extra
        if self.revision in ("2025-06-18", "2025-11-25"):
            headers["mcp-protocol-version"] = self.revision
        body = {"jsonrpc": "2.0", "id": more.pop("id", 1), "method": method, "params": params}
        return self.post(body, headers | more.pop("headers", {}))

    def call(self, tool: str, progress_token: Any = None, **arguments: Any) -> dict[str, Any]:
        """Call a tool; return its result, whether it came as JSON or at the end of a stream."""
        response = self.ask(
            "tools/call", {"name": tool, "arguments": arguments}, progress_token=progress_token
        )
        assert response.status_code == 200, response.text
        if response.mimetype == "text/event-stream":
            return messages(response.text)[-1]["result"]
        return response.json["result"]


def messages(text: str) -> list[dict[str, Any]]:
    """The JSON-RPC messages of a stream, in order."""
    found = []
    for event in text.split("\n\n"):
        lines = event.splitlines()
        if lines and lines[0] == "event: message":
            found.append(json.loads(lines[1].removeprefix("data: ")))
    return found


def error_of(response: TestResponse, status: int, code: int) -> dict[str, Any]:
    """Check that a response is an error in the protocol's shape."""
    assert response.status_code == status, response.text
    assert response.mimetype == "application/json"
    body = response.json
    assert body["jsonrpc"] == "2.0"
    assert "id" in body
    assert body["error"]["code"] == code, body
    assert isinstance(body["error"]["message"], str)
    assert "Traceback" not in response.text
    return body["error"]
