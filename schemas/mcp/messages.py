"""JSON-RPC 2.0: one message in, one answer out, and the protocol's error codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
HEADER_MISMATCH = -32020
UNSUPPORTED_VERSION = -32022

#: of an error that is the only answer; of the handshake revisions, only those before a method is looked up
HTTP_STATUS = {
    PARSE_ERROR: 400,
    INVALID_REQUEST: 400,
    METHOD_NOT_FOUND: 404,
    INVALID_PARAMS: 400,
    HEADER_MISMATCH: 400,
    UNSUPPORTED_VERSION: 400,
}
#: longer ids, and tokens of progress, are refused: they are repeated in each notification
ID_LENGTH = 256
_Id = str | int | float


class RpcError(Exception):
    """A message that is answered with an error, not with a result."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        self.code = code
        self.message = message
        self.data = data
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class RpcMessage:
    """A request, or a notification."""

    method: str
    #: None: a notification
    id: _Id | None = None
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def expects_answer(self) -> bool:
        """Whether it is a request."""
        return self.id is not None

    @property
    def progress_token(self) -> _Id | None:
        """What notifications of progress must repeat; None: none are wanted.

        Raises:
            RpcError: it is no token.
        """
        meta = self.params.get("_meta")
        token = meta.get("progressToken") if isinstance(meta, Mapping) else None
        if token is None:
            return None
        if not _is_id(token):
            raise RpcError(INVALID_PARAMS, "The progressToken must be a string or a number.")
        return token  # type: ignore[no-any-return]


def read_message(value: Any) -> RpcMessage | None:
    """Return a message; None: it is an answer to a question that was never asked.

    Raises:
        RpcError: it is no message.
    """
    if not isinstance(value, dict) or value.get("jsonrpc") != "2.0":
        raise RpcError(INVALID_REQUEST, "The body must be a JSON-RPC 2.0 message.")
    if "method" not in value and ("result" in value or "error" in value):
        return None
    method, params = value.get("method"), value.get("params", {})
    if not isinstance(method, str):
        raise RpcError(INVALID_REQUEST, "The method must be a string.")
    if "id" in value and not _is_id(value["id"]):
        raise RpcError(INVALID_REQUEST, "The id must be a string or a number.")
    if not isinstance(params, dict):
        raise RpcError(INVALID_PARAMS, "The params must be an object.")
    return RpcMessage(method, value.get("id"), params)


def result_body(message_id: Any, result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer to a request."""
    return {"jsonrpc": "2.0", "id": message_id, "result": result}


def error_body(message_id: Any, error: RpcError) -> dict[str, Any]:
    """Return the answer to a request that cannot be served; ``message_id``: None if it is not known."""
    told: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.data is not None:
        told["data"] = error.data
    return {"jsonrpc": "2.0", "id": message_id, "error": told}


def notification_body(method: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return a notification."""
    return {"jsonrpc": "2.0", "method": method, "params": params}


def _is_id(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= ID_LENGTH
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 2**63
