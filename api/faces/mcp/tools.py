"""The tools: what each of them does at once; ``calls.py`` then waits for the job."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from api import followups
from api.accept import accept
from api.access.own import cancelled, own_job
from api.asking import lane_for
from api.faces.mcp import sessions
from limner.job import Job
from schemas.mcp.arguments import (
    FACE,
    CancelArguments,
    ImagineArguments,
    JobArguments,
    PressArguments,
    press_of,
    request_of,
)
from schemas.mcp.messages import INVALID_PARAMS, RpcError, RpcMessage

_IMAGINE = ImagineArguments()
_JOB = JobArguments()
_PRESS = PressArguments()
_CANCEL = CancelArguments()


@dataclass(frozen=True, slots=True)
class ToolJob:
    """What a tool has done so far."""

    job: Job
    #: how long the call may wait for the job's end
    wait_s: float = 0.0
    #: the call made the job: who gives up the call gives up the job
    made: bool = False
    #: the call was to end the job
    cancels: bool = False


def _imagine(arguments: Mapping[str, Any], tag: str) -> ToolJob:
    wanted = _IMAGINE.read(arguments)
    asked = request_of(wanted, lane_for(FACE, wanted.lane), tag)
    return ToolJob(accept(asked, None), wanted.wait_s, made=True)


def _press(arguments: Mapping[str, Any], tag: str) -> ToolJob:
    wanted = _PRESS.read(arguments)
    asked = press_of(wanted, lane_for(FACE, wanted.lane), tag)
    return ToolJob(followups.press(asked, None), wanted.wait_s, made=True)


def _job(arguments: Mapping[str, Any], tag: str) -> ToolJob:
    wanted = _JOB.read(arguments)
    return ToolJob(own_job(wanted.found["id"]), wanted.wait_s)


def _cancel(arguments: Mapping[str, Any], tag: str) -> ToolJob:
    return ToolJob(cancelled(_CANCEL.read(arguments)), cancels=True)


_TOOLS: Mapping[str, Callable[[Mapping[str, Any], str], ToolJob]] = {
    "imagine": _imagine,
    "job": _job,
    "press": _press,
    "cancel": _cancel,
}


def begin(message: RpcMessage) -> ToolJob:
    """Do at once what a ``tools/call`` asks for.

    Raises:
        RpcError: there is no such tool, or this is no call of one.
        RequestError: the tool refuses.
        StoreDown, ImagesDown: the gateway cannot serve now.
    """
    name, arguments = message.params.get("name"), message.params.get("arguments")
    tool = _TOOLS.get(name) if isinstance(name, str) else None
    if tool is None:
        raise RpcError(INVALID_PARAMS, f"There is no such tool. There are {', '.join(_TOOLS)}.")
    if not isinstance(arguments, Mapping | None):
        raise RpcError(INVALID_PARAMS, "The arguments must be an object.")
    return tool(arguments or {}, sessions.tag_of(message.id))
