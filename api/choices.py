"""Check what a request names of the gateway's own, an engine or a version, and its words; and tell what would be done.

Called by ``api/accept.py`` and the views of ``draw``.
"""

from __future__ import annotations

from typing import Any

from api.access.guard import caller, check_lane
from api.face import face_named
from api.house import house
from api.impossible import check_possible
from limner.applied import asked_of
from limner.brief import size_of_request
from limner.errors import InvalidRequest, JobConflict
from limner.job import needs_of
from limner.prompt import compile_prompt
from limner.refusals import RefusalCode
from limner.request import CELLS, Request
from limner.store.lanes import PlannedJob

#: what an engine has to be able to do for an operation that starts from no job
_ABILITIES = {"blend": "blend pictures", "describe": "describe a picture"}


def _ability(request: Request) -> str | None:
    """Return what an engine has to be able to do for a request that starts from no job."""
    if request.operation == "edit" and request.references:
        # Of a follow-up, the parent's picture stands in for all.
        return "redraw a part of a picture"
    return _ABILITIES.get(request.operation)


def has_choices(request: Request) -> bool:
    """Return whether a request names something of the gateway's own."""
    return bool(request.engine or request.version or _ability(request))


def check_choices(request: Request, *, repeats: bool = False) -> None:
    """Return if there is what the request names: an engine, a version, an operation.

    ``repeats``: it is an earlier job's request, in which the caller named no field.

    Raises:
        InvalidRequest: there is no such engine for this client, or no such version; the error lists those
            that there are.
        JobConflict: no engine can do what is asked, or what an earlier job named is gone.
    """
    ability = _ability(request)
    if ability and _plan(request).engine is None:
        raise JobConflict(f"No engine here can {ability}.", RefusalCode.NO_ENGINE)
    if request.engine is None and request.version is None:
        return
    here = house().store.engines.choices(caller().name)
    errors: dict[str, list[str]] = {}
    if request.engine is not None and request.engine not in here:
        errors["engine"] = [f"Must be one of {', '.join(here)}." if here else "No engine is here."]
    named = [here[request.engine]] if request.engine in here else here.values()
    versions = sorted({version for some in named for version in some})
    if request.version is not None and request.version not in versions:
        listed = f"Must be one of {', '.join(versions)}." if versions else "No version is offered."
        errors["version"] = [listed]
    if errors and repeats:
        gone = " and ".join(f"the {name} {getattr(request, name)}" for name in errors)
        message = f"That job asked for {gone}, which is not here any more."
        raise JobConflict(message, RefusalCode.NO_ENGINE)
    if errors:
        raise InvalidRequest(errors)


def check_words(request: Request) -> None:
    """Return if what a request wants drawn may be drawn here.

    Raises:
        WordsForbidden, ModerationDown, TooManyAtOnce, Crowded: it may not, or nobody can say so now.
    """
    face = face_named(request.face)
    names = face.words if face else ("promptEn", "negative")
    house().words.check(request, caller().name, names)


def plan_of(request: Request) -> dict[str, Any]:
    """Return what would become of a job if the request were accepted now.

    Raises:
        LaneNotAllowed, InvalidRequest: it would be refused.
        ModerationDown: nobody can say whether its words may be drawn.
        StoreDown, ImagesDown: Redis or the image store is down.
    """
    check_lane(caller(), request.lane)
    check_words(request)
    check_choices(request)
    check_possible(request)
    plan = _plan(request)
    width, height = size_of_request(request)
    return {
        "final_prompt": compile_prompt(request),
        "engine": plan.engine,
        "applied": plan.applied,
        "position": plan.position,
        "count": request.count or CELLS,
        "width": width,
        "height": height,
    }


def _plan(request: Request) -> PlannedJob:
    lanes = house().store.lanes
    return lanes.plan(request.lane, needs_of(request), caller().name, asked_of(request))
