"""Who may enter ``/ops``: every request needs an operator's token, and changes need the role ``steer``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any, cast

from flask import Blueprint, Response, g, request

from api.access.guard import bearer, sends_token
from api.access.session import session_of_call
from api.house import house
from api.refusal import refusal
from limner.errors import ConfigError, RoleTooLow, TokenRejected
from limner.peer import source_of
from limner.refusals import RefusalCode
from limner.store.operators import Operator, Role
from limner.store.sessions import ConsoleSession

LOOKS = ("GET", "HEAD")


def a_room(name: str) -> Blueprint:
    """Return a blueprint under ``/ops`` whose views only operators reach."""
    room = Blueprint(name, __name__, url_prefix="/ops")
    room.before_request(_let_in)
    room.after_request(_seen_at_once)
    room.register_error_handler(ConfigError, _misnamed)
    return room


def actor() -> str:
    """Return who changes something, for the audit trail: `operator:NAME`."""
    return f"operator:{cast('Operator', g.operator).name}"


def as_options(filters: Mapping[str, Any]) -> argparse.Namespace:
    """Return filters as the command line's options, which ``cli`` works with."""
    return argparse.Namespace(**filters)


def _let_in() -> None:
    """Identify the operator, by a token or by a session of the console.

    Raises:
        TokenRejected, TokensSlowed: the token or the session is missing or no operator's.
        RoleTooLow: this changes something, and the operator may only look.
    """
    session = None if sends_token() else session_of_call()
    operator = _by_token() if session is None else _of_session(session)
    if request.method not in LOOKS and operator.role is not Role.STEER:
        raise RoleTooLow
    g.operator = operator


def _seen_at_once(response: Response) -> Response:
    """Let whoever changed something see it."""
    if request.method not in LOOKS:
        house().overview.forget()
    return response


def _by_token() -> Operator:
    here = house()
    token = request.headers.get("token", "").strip() or bearer()
    if not token:
        raise TokenRejected("Send an operator's token in the header `token` or as a bearer token.")
    operator = here.store.operators.by_token(token)
    if operator is None:
        raise here.door.wrong_token_of_operators(source_of(request.remote_addr))
    return operator


def _of_session(session: ConsoleSession) -> Operator:
    if session.role is None:
        raise TokenRejected("This session is a client's: enter with an operator's token.")
    return Operator(session.name, session.role)


def _misnamed(error: ConfigError) -> Response:
    """Refuse a wrong filter, or a name that nothing has."""
    if error.setting.startswith("--"):
        field, _, why = error.message.removeprefix("--").partition(": ")
        return refusal(
            422, RefusalCode.INVALID_REQUEST, "One or more fields are wrong.", {field: [why]}
        )
    return refusal(404, RefusalCode.NOT_FOUND, f"{error.message}.")
