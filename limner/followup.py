"""Follow-ups on a done job: pick a cell, vary one, draw again, upscale, redraw a region, zoom, pan, remix.

Made by the API from a button, stored in the job's record, turned into a brief by the worker. Which
buttons are open depends on what the engine can do (``limner.engine.Capabilities``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from limner.canvas import UPSCALES_BY, Size, grown, panned, zoomed
from limner.engine import Operation
from limner.errors import JobConflict
from limner.faces import LIMNER
from limner.job import ALONE, Job, Picture
from limner.refusals import RefusalCode
from limner.request import Change, Lane, Request

#: the buttons whose name says which cell they are about
PICKS = ("u1", "u2", "u3", "u4")
VARIATIONS = ("v1", "v2", "v3", "v4")
STRONG_VARIATIONS = ("vs1", "vs2", "vs3", "vs4")
REDRAW = "r"
#: the buttons that say more in fields of their own
UPSCALE, REGION, ZOOM, PAN, REMIX = "upscale", "region", "zoom", "pan", "remix"
BUTTONS = (
    *PICKS,
    *VARIATIONS,
    REDRAW,
    *STRONG_VARIATIONS,
    UPSCALE,
    REGION,
    ZOOM,
    PAN,
    REMIX,
)
UPSCALE_KINDS = ("subtle", "creative")
#: how far a variation departs from its cell, 0-1
VARIATION_STRENGTH = 0.45
STRONG_STRENGTH = 0.7
REMIX_STRENGTH = 0.6
#: what the engine must be able to do for a button; any of them will do
_NEEDS = {
    **dict.fromkeys((*VARIATIONS, *STRONG_VARIATIONS, REMIX), ("vary",)),
    UPSCALE: tuple(f"upscale_{kind}" for kind in UPSCALE_KINDS),
    **dict.fromkeys((REGION, ZOOM, PAN), ("edit",)),
}
#: what every engine was able to do before engines said so
_FORMERLY = ("vary",)


@dataclass(frozen=True, slots=True)
class Press:
    """A button pressed on a job that is done, with what its fields say; None: left out."""

    button: str
    message_id: str
    lane: Lane
    tag: str
    callback_url: str | None = None
    extra: str | None = None
    #: of the parent's pictures, from 1
    cell: int | None = None
    kind: str | None = None
    scale: float | None = None
    direction: str | None = None
    mask: str | None = None
    prompt_en: str | None = None
    deadline_s: float | None = None
    callback_statuses: tuple[str, ...] | None = None
    previews: bool = True
    #: as in ``Request``
    face: str = LIMNER
    echo: str | None = None


@dataclass(frozen=True, slots=True)
class FollowUp:
    """Which button was pressed on which job, and the engine that drew it."""

    parent: str
    button: str
    engine: str | None = None
    #: of a picked cell: the parent's ``can``, and the cell's own seed
    can: tuple[str, ...] | None = None
    drawn_seeds: tuple[int, ...] = ()
    #: where the parent's callbacks went, for a child that has nowhere else to tell; None: in another face's shape
    callback_url: str | None = None

    @property
    def once(self) -> bool:
        """Whether the button works only once: a cell can be picked once, varied or redrawn any number of times."""
        return self.button in PICKS


def buttons_of(job: Job) -> tuple[str, ...]:
    """Return the follow-ups that are open on a job."""
    return tuple(button for button in BUTTONS if closed(job, button) is None)


def closed(job: Job, button: str) -> JobConflict | None:
    """Return why a follow-up is not open on a job, as what may be raised; None: it is."""
    if job.status != "done":
        message = f"The job is {job.status}: only one that is done can be followed up."
        return JobConflict(message, RefusalCode.NOT_DONE)
    pictures, cell = job.pictures, cell_of(button)
    if not pictures:
        return JobConflict("That job has no pictures.")
    # Callers of old know a picked cell as an end; a job of one cell they do not know.
    of_a_grid = PICKS if job.cells else (*PICKS, *VARIATIONS, REDRAW)
    if len(pictures) == 1 and button in of_a_grid:
        return JobConflict("That job is one picture, not a grid.")
    if cell is not None and cell >= len(pictures):
        return _no_picture(cell)
    if button in PICKS and button in job.marks:
        return JobConflict(f"{button} was used on this job before.", RefusalCode.ALREADY_USED)
    if button == REDRAW and job.parent is None and job.request.operation == "edit":
        # Its picture and mask may be gone, and without them it would be another drawing.
        message = "That job redrew a part of a picture: send the picture and its mask again."
        return JobConflict(message)
    needed, can = _NEEDS.get(button, ()), _FORMERLY if job.can is None else job.can
    if needed and not set(needed) & set(can):
        return JobConflict(f"The engine {job.engine} cannot do that.", RefusalCode.NO_ENGINE)
    return None


def _no_picture(cell: int) -> JobConflict:
    return JobConflict(f"That job has no picture {cell + 1}.", RefusalCode.NO_SUCH_CELL)


def cell_of(button: str) -> int | None:
    """Return the cell, 0-3, that a button's name refers to; None if it refers to none."""
    return int(button[-1]) - 1 if button[-1:].isdigit() else None


def chosen(job: Job, asked: Press) -> int:
    """Return which of the job's pictures, 0-3, a button with fields is about.

    Raises:
        JobConflict: it does not say which, or there is no such picture.
    """
    if asked.cell is None and len(job.pictures) > 1:
        message = "That job has several pictures: say which, as cell."
        raise JobConflict(message, RefusalCode.NO_SUCH_CELL)
    cell = (asked.cell or 1) - 1
    if cell >= len(job.pictures):
        raise _no_picture(cell)
    return cell


def follow_up(parent: Job, button: str, kind: str | None = None) -> FollowUp:
    """Return the follow-up that ``button`` stands for on ``parent``; ``kind``: of ``upscale``.

    Raises:
        JobConflict: it is not open on that job.
    """
    why = closed(parent, button)
    if why is None and kind and f"upscale_{kind}" not in (parent.can or ()):
        message = f"The engine {parent.engine} cannot upscale that way."
        why = JobConflict(message, RefusalCode.NO_ENGINE)
    if why:
        raise why
    cell = cell_of(button)
    seeds = parent.drawn_seeds[cell : cell + 1] if cell is not None else ()
    url = parent.request.callback_url if parent.request.face == LIMNER else None
    return FollowUp(parent.id, button, parent.engine, parent.can, seeds, url)


def request_of(parent: Job, asked: Press) -> Request:
    """Return the parent's request as a new request, with what the button asks for."""
    again = asked.button == REDRAW and parent.request.operation in ALONE
    request = replace(
        parent.request,
        lane=asked.lane,
        tag=asked.tag,
        callback_url=asked.callback_url,
        extra=asked.extra,
        deadline_s=asked.deadline_s,
        callback_statuses=asked.callback_statuses,
        previews=asked.previews,
        face=asked.face,
        echo=asked.echo,
        operation=parent.request.operation if again else "draw",
        change=None,
        # Of the same seed, an engine would draw the same again.
        seed=None,
    )
    return request if asked.button in _PLAIN else _changed(request, parent, asked)


_PLAIN = frozenset((*PICKS, *VARIATIONS, *STRONG_VARIATIONS, REDRAW))


def _changed(request: Request, parent: Job, asked: Press) -> Request:
    cell = chosen(parent, asked)
    change = Change(cell, asked.kind, asked.scale, asked.direction, asked.mask)
    words = asked.prompt_en or request.prompt_en
    if asked.button == REMIX:
        return replace(request, prompt_en=words, change=change)
    operation: Operation = "upscale" if asked.button == UPSCALE else "edit"
    return replace(
        request,
        prompt_en=words,
        operation=operation,
        change=change,
        # The parent's picture stands in for what it was made from.
        references=(),
        iw=None,
        style_references=(),
        object_references=(),
        count=1 if operation == "upscale" else request.count,
        size=size_after(parent.pictures[cell], change, operation),
        tile=False,
    )


def size_after(picture: Picture, change: Change, operation: Operation) -> Size:
    """Return the size of a picture once it is upscaled, zoomed, panned or redrawn in part."""
    size = picture.width, picture.height
    if operation == "upscale":
        return grown(size, UPSCALES_BY, UPSCALES_BY)
    if change.scale:
        return zoomed(size, change.scale)[0]
    if change.direction:
        return panned(size, change.direction)[0]
    return size


def strength_of(button: str) -> float:
    """Return how far the result of a button may depart from the picture it starts from, 0-1."""
    if button in STRONG_VARIATIONS:
        return STRONG_STRENGTH
    return REMIX_STRENGTH if button == REMIX else VARIATION_STRENGTH
