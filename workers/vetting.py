"""Decide which messages on our queues are ours, before Celery sees them.

Whoever can reach Redis can push anything onto ``fast``, ``relaxed`` or ``callbacks``: another app that
shares the database, a script, a person using Flower. Celery takes whatever it finds there for one of
its own messages, and much of what is not ends the worker. So only what Celery itself would write for a
task of that queue is let in (``workers/transport.py``); the rest is set aside for an operator to read.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from celery.app.task import Context
from kombu.utils.json import loads

from limner.json_depth import is_deep
from limner.message import TASK
from limner.store.aside import Why

TICK = "tick"
#: ours are of about 1 KB
MESSAGE_MAX_BYTES = 64 * 1024
#: ours nest half a dozen levels deep
DEPTH_MAX = 64
ID_MAX = 255
#: times beyond these overflow when converted between time zones
YEARS = range(1970, 9000)

#: headers that must be a string or null, an integer or null, and empty
_TEXTS = ("lang", "group", "root_id", "parent_id", "argsrepr", "kwargsrepr", "origin")
_NUMBERS = ("group_index", "retries", "replaced_task_nesting")
_EMPTY = ("shadow", "stamped_headers", "stamps")
_OTHERS = ("task", "id", "eta", "expires", "timelimit", "ignore_result", "headers")
#: headers that would change how Celery treats a message. It does not read any others: tracing libraries
#: add theirs to every message, and again to one named ``headers``.
_RESERVED = {*dir(Context), "compression"}.difference(_TEXTS, _NUMBERS, _EMPTY, _OTHERS)
#: fields that name messages to be sent after the task
_LINKS = frozenset({"callbacks", "errbacks", "chain", "chord"})
#: fields that consumers of events do arithmetic with, if present
_EVENT_NUMBERS = ("clock", "timestamp", "utcoffset", "local_received")


class Strange(Exception):
    """The message is not one of ours."""

    def __init__(self, why: Why) -> None:
        super().__init__(why.value)
        self.why = why


@dataclass(frozen=True, slots=True)
class _Door:
    """What one queue accepts."""

    task: str
    #: what the task can be called with
    takes: Callable[[list[Any], Mapping[str, Any]], bool]
    #: the task is pointless later: its messages may expire
    lapses: bool = False


def _one_job(args: list[Any], kwargs: Mapping[str, Any]) -> bool:
    return set(kwargs) <= {"job_id"} and [*map(_is_id, (*args, *kwargs.values()))] == [True]


def _nothing(args: list[Any], kwargs: Mapping[str, Any]) -> bool:
    return not args and not kwargs


_LANE = _Door(TASK, _one_job)
_DOORS = {"fast": _LANE, "relaxed": _LANE, "callbacks": _Door(TICK, _nothing, lapses=True)}
QUEUES = frozenset(_DOORS)


def vet(raw: bytes, queue: str) -> None:
    """Return if ``raw`` is a message for a task of ``queue``.

    Raises:
        Strange: it is not.
    """
    if len(raw) > MESSAGE_MAX_BYTES:
        raise Strange(Why.TOO_LARGE)
    door, message = _DOORS.get(queue), _parsed(raw)
    _frame(message)
    if door is None:
        # An operator made a worker consume some other queue.
        raise Strange(Why.OTHER_QUEUE)
    headers = message["headers"]
    task = headers.get("task")
    if task != door.task:
        elsewhere = task in [other.task for other in _DOORS.values()]
        raise Strange(Why.OTHER_QUEUE if elsewhere else Why.UNKNOWN_TASK)
    _need(_names_its_task(headers), Why.NO_MESSAGE)
    args, kwargs, embed = _body(message)
    _need(_is_for_now(headers, lapses=door.lapses), Why.BAD_OPTIONS)
    _need(_LINKS.issuperset(embed) and not any(embed.values()), Why.BAD_OPTIONS)
    _need(door.takes(args, kwargs), Why.BAD_ARGUMENTS)


def vet_broadcast(raw: bytes) -> None:
    """Return if ``raw`` is a message that Celery's processes broadcast: a command or an event.

    Raises:
        Strange: it is not.
    """
    message = _parsed(raw)
    _frame(message)
    payload = _payload(message)
    # Events may also come in batches.
    told = payload if isinstance(payload, list) else [payload]
    _need(_is_command(payload) or all(map(_is_event, told)), Why.NO_MESSAGE)


def _frame(message: Any) -> None:
    """Return if a message has the parts that kombu needs, whatever they contain.

    Raises:
        Strange: it does not.
    """
    try:
        properties = message["properties"]
        info = properties["delivery_info"]
        whole = (
            isinstance(message["headers"], dict)
            and not message["headers"].get("compression")
            and isinstance(properties["delivery_tag"], str)
            and isinstance(info["exchange"], str)
            and isinstance(info["routing_key"], str)
            and isinstance(message["body"], str)
            and message["content-type"] == "application/json"
            and message["content-encoding"] == "utf-8"
            and properties["body_encoding"] == "base64"
        )
    except (LookupError, TypeError):
        whole = False
    _need(whole, Why.NO_MESSAGE)


def _body(message: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any], dict[str, Any]]:
    """Return positional arguments, keyword arguments and what is to be sent afterwards."""
    match _payload(message):
        case [list() as args, dict() as kwargs, dict() as embed]:
            return args, kwargs, embed
        case [list() as args, dict() as kwargs, None]:
            return args, kwargs, {}
    raise Strange(Why.NO_MESSAGE)


def _payload(message: Mapping[str, Any]) -> Any:
    try:
        return _parsed(base64.b64decode(message["body"], validate=True))
    except ValueError:
        raise Strange(Why.NO_MESSAGE) from None


def _is_command(payload: Any) -> bool:
    return isinstance(payload, dict) and isinstance(payload.get("method"), str)


def _is_event(payload: Any) -> bool:
    return (
        isinstance(payload, dict)
        and isinstance(payload.get("type"), str)
        and all(type(payload.get(name, 0)) in (int, float) for name in _EVENT_NUMBERS)
    )


def _parsed(raw: bytes) -> Any:
    if is_deep(raw, DEPTH_MAX):
        raise Strange(Why.NO_MESSAGE)
    try:
        return loads(raw)
    # kombu's JSON turns some pairs into objects (dates, numbers), and does not catch what these raise.
    except Exception:  # noqa: BLE001
        raise Strange(Why.NO_MESSAGE) from None


def _names_its_task(headers: Mapping[str, Any]) -> bool:
    """Return whether Celery can identify the task by these headers."""
    return (
        _is_id(headers.get("id"))
        and all(isinstance(headers.get(name), str | None) for name in _TEXTS)
        and all(type(headers.get(name)) in (int, type(None)) for name in _NUMBERS)
        and isinstance(headers.get("ignore_result"), bool | None)
        and isinstance(headers.get("headers"), dict | None)
        and _RESERVED.isdisjoint(headers)
    )


def _is_for_now(headers: Mapping[str, Any], *, lapses: bool) -> bool:
    """Return whether the message asks for nothing but the task: no ETA, no time limit, no shadow name.

    A job's own record decides when it is drawn and when it has waited too long; a delayed message would
    only take a place from others, and an expired one would strand its job.
    """
    expires = headers.get("expires")
    return (
        headers.get("eta") is None
        and not any(headers.get(name) for name in _EMPTY)
        and headers.get("timelimit") in (None, [None, None])
        and (expires is None or (lapses and _is_moment(expires)))
    )


def _is_moment(value: Any) -> bool:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return False
    return moment.tzinfo is not None and moment.year in YEARS


def _is_id(value: Any) -> bool:
    return (
        isinstance(value, str)
        and 0 < len(value) <= ID_MAX
        and value.isascii()
        and value.isprintable()
    )


def _need(holds: bool, why: Why) -> None:
    if not holds:
        raise Strange(why)
