"""POST ``/mcp``: one JSON-RPC message, or a batch of them from clients of the revision that has batches."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, request

from api.access import guard
from api.answer import answer
from api.body import json_value
from api.cors import allow_browsers
from api.faces.mcp import origins, sessions
from api.faces.mcp.calls import Call, called
from limner.compact_json import sendable_json
from limner.version import version
from schemas.mcp.messages import (
    HTTP_STATUS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    RpcError,
    RpcMessage,
    error_body,
    read_message,
    result_body,
)
from schemas.mcp.results import completed, discovered, initialized, tools_listed
from schemas.mcp.revisions import Revision, revision_of

mcp = Blueprint("mcp", __name__)
# What is registered first is done last: browsers must see the session's header, too.
mcp.after_request(sessions.expose)
allow_browsers(mcp)
mcp.before_request(origins.check)
mcp.before_request(guard.let_in)

BATCH_MOST = 16
#: the calls of a batch wait together for at most this long
BATCH_S = 50.0


@mcp.route("/mcp", methods=["POST", "OPTIONS"])
def endpoint() -> Response:
    """Answer what the body asks; a notification gets no answer but a 202."""
    body = json_value()
    return _batch(body) if isinstance(body, list) else _single(body)


def _single(body: Any) -> Response:
    message_id = None
    try:
        message = read_message(body)
        if message is None:
            return _taken()
        message_id = message.id
        revision = revision_of(message, request.headers.get)
    except RpcError as error:
        return answer(error_body(message_id, error), HTTP_STATUS[error.code])
    if not message.expects_answer:
        _notified(message, revision)
        return _taken()
    try:
        return _answered(message, revision)
    except RpcError as error:
        # Clients of the handshake revisions take another status for a broken connection.
        status = HTTP_STATUS[error.code] if revision.stateless else HTTPStatus.OK
        return answer(error_body(message_id, error), status)


def _answered(message: RpcMessage, revision: Revision) -> Response:
    if message.method == "tools/call":
        call = called(message, revision)
        return call.stream() or answer(call.answer())
    response = _shown(message, revision, _result(message, revision))
    if message.method == "initialize":
        sessions.begin(response)
    return response


def _shown(message: RpcMessage, revision: Revision, result: dict[str, Any]) -> Response:
    return answer(result_body(message.id, completed(result, revision, version())))


def _result(message: RpcMessage, revision: Revision) -> dict[str, Any]:
    """Return the result of what calls no tool.

    Raises:
        RpcError: there is no such method in that revision.
    """
    match message.method:
        case "tools/list":
            return tools_listed(revision)
        case "ping":
            return {}
        case "server/discover" if revision.stateless:
            return discovered()
        case "initialize" if not revision.stateless:
            return initialized(message.params.get("protocolVersion"), version())
    raise RpcError(METHOD_NOT_FOUND, f"There is no method {message.method[:64]}.")


def _notified(message: RpcMessage, revision: Revision) -> None:
    # In the stateless revisions, hanging up is how a call is cancelled.
    if message.method == "notifications/cancelled" and not revision.stateless:
        sessions.cancel(message.params.get("requestId"))


def _batch(bodies: list[Any]) -> Response:
    ends = time.monotonic() + BATCH_S
    if not 1 <= len(bodies) <= BATCH_MOST:
        error = RpcError(INVALID_REQUEST, f"A batch has 1 to {BATCH_MOST} messages.")
        return answer(error_body(None, error), HTTPStatus.BAD_REQUEST)
    answers = [found for body in bodies if (found := _one_of_batch(body)) is not None]
    # Each has been accepted before any is waited for.
    told = [one(ends) if callable(one) else one for one in answers]
    return Response(sendable_json(told), mimetype="application/json") if told else _taken()


def _one_of_batch(body: Any) -> Any:
    """Return the answer to one message, or what waits until a time and returns it; None: it has none."""
    message_id = None
    try:
        message = read_message(body)
        if message is None:
            return None
        message_id = message.id
        revision = revision_of(message, request.headers.get)
        if not revision.batches or message.method == "initialize":
            raise RpcError(INVALID_REQUEST, "This message must be sent by itself.")
        if not message.expects_answer:
            _notified(message, revision)
            return None
        if message.method != "tools/call":
            return result_body(message_id, _result(message, revision))
        return _later(called(message, revision))
    except RpcError as error:
        return error_body(message_id, error)


def _later(call: Call) -> Any:
    def waited(ends: float) -> dict[str, Any]:
        return call.answer(max(0.0, ends - time.monotonic()))

    return waited


def _taken() -> Response:
    return Response(status=HTTPStatus.ACCEPTED)
