"""What every face that is not the gateway's own has to settle for its callers: their lane, and a tag."""

from __future__ import annotations

from api.access.guard import caller
from api.house import house
from limner.ids import new_id
from limner.request import Lane


def lane_for(face: str, wanted: Lane | None = None) -> Lane:
    """Return the lane that is asked for, else the face's, else fast if the caller may use it.

    One that is asked for is checked when the job is accepted.
    """
    lane = wanted or house().settings.face(face).lane
    if lane:
        return lane
    return Lane.FAST if Lane.FAST in caller().lanes else Lane.RELAXED


def new_tag() -> str:
    """Return a tag for a caller whose protocol has none."""
    return new_id()
