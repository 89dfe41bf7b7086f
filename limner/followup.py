"""Follow-ups on a done job: pick a cell (u1-u4), vary one (v1-v4), draw again (r).

Made by the API from a button, stored in the job's record, turned into a brief by the worker.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from limner.errors import JobConflict
from limner.job import Job
from limner.request import Lane, Request

BUTTONS = ("u1", "u2", "u3", "u4", "v1", "v2", "v3", "v4", "r")
#: how far a variation departs from its cell, 0-1
VARIATION_STRENGTH = 0.45


@dataclass(frozen=True, slots=True)
class Press:
    """A button pressed on a job that is done."""

    button: str
    message_id: str
    lane: Lane
    tag: str
    callback_url: str | None
    extra: str | None


@dataclass(frozen=True, slots=True)
class FollowUp:
    """Which button was pressed on which job, and the engine that drew it."""

    parent: str
    button: str
    engine: str | None = None

    @property
    def once(self) -> bool:
        """Whether the button works only once: a cell can be picked once, varied or redrawn any number of times."""
        return self.button.startswith("u")


def cell_of(button: str) -> int | None:
    """Return the cell, 0-3, that a button refers to; None for r."""
    return int(button[1]) - 1 if button[1:] else None


def follow_up(parent: Job, button: str) -> FollowUp:
    """Return the follow-up that ``button`` stands for on ``parent``.

    Raises:
        JobConflict: the parent is not done, or has no grid.
    """
    if parent.status != "done":
        raise JobConflict(f"The job is {parent.status}: only one that is done can be followed up.")
    if len(parent.cells) != 4:
        raise JobConflict("That job is one picture, not a grid.")
    return FollowUp(parent.id, button, parent.engine)


def request_of(parent: Job, asked: Press) -> Request:
    """Return the parent's request as a new request."""
    return replace(
        parent.request,
        lane=asked.lane,
        tag=asked.tag,
        callback_url=asked.callback_url,
        extra=asked.extra,
    )
