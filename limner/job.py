"""The job: its record and its states.

Made by schemas from a request, kept by the store, drawn by workers, shown by schemas again. In
Redis a job is one hash of strings; ``Job.from_record`` reads it and ``new_record`` writes the first.
Every later change is made by a script of the store.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self

from limner.applied import asked_of
from limner.compact_json import compact_json
from limner.prompt import compile_prompt, prompt_of
from limner.ratios import SQUARE, ratio_of
from limner.request import Lane, Request
from limner.tracing import JobTrace
from limner.translation import Translation

#: operations that start from no job
ALONE = ("blend", "describe")


class Status(StrEnum):
    """A job's state; ``limner/moves.py`` says what may follow what."""

    WAITING = "waiting"
    SUBMITTED = "submitted"
    DRAWING = "drawing"
    DONE = "done"
    FAILED = "failed"

    @property
    def running(self) -> bool:
        """An engine has the job, or is about to."""
        return self in (Status.SUBMITTED, Status.DRAWING)

    @property
    def ended(self) -> bool:
        """Whether this state is final."""
        return self in (Status.DONE, Status.FAILED)


@dataclass(frozen=True, slots=True)
class Picture:
    """One stored picture as shown to callers; sizes in pixels."""

    url: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a waiting job stands in its lane."""

    #: 1 = next
    position: int
    #: how many of its client's own jobs go before it; None: not known
    ahead: int | None = None
    #: when it may start, by the pace of the lane's last starts; None: too few to say
    starts_in_s: float | None = None

    @classmethod
    def of(cls, row: Sequence[Any]) -> Self:
        """Read what ``standing`` of lib_turns.lua returns."""
        position, ahead, starts_ms = row
        return cls(int(position), int(ahead), int(starts_ms) / 1000 if starts_ms != "" else None)


@dataclass(frozen=True, slots=True)
class Job:
    """One requested drawing, from acceptance until it is done or failed."""

    id: str
    client: str
    request: Request
    final_prompt: str
    draw_type: str
    #: one a cell: what the engine is asked for
    seeds: tuple[int, ...]
    created_at: datetime
    status: Status = Status.WAITING
    #: 0-100
    progress: int = 0
    #: the number of this job's events
    seq: int = 0
    #: None unless the job waits, and while ``waits_for`` says for what
    standing: Standing | None = None
    #: what operators have halted that alone keeps it waiting: "lane paused" and the like
    waits_for: str | None = None
    #: the newest picture: a preview while drawing, the grid when done
    picture: Picture | None = None
    #: the cells, once done
    cells: tuple[Picture, ...] = ()
    #: the seeds that the engine used, once done; none: it did not say
    drawn_seeds: tuple[int, ...] = ()
    #: the prompts that an engine found for a picture, once done
    prompts: tuple[str, ...] = ()
    #: the parameters that the caller gave, see ``limner.applied``
    asked: tuple[str, ...] = ()
    #: what the engine makes of each of them, once it is known which engine draws
    applied: Mapping[str, str] = field(default_factory=dict)
    #: what the engine can do with this drawing (names in ``Capabilities``); None: not known
    can: tuple[str, ...] | None = None
    #: follow-ups already used: "u1" … "v4", "r"
    marks: frozenset[str] = frozenset()
    engine: str | None = None
    reason: str | None = None
    #: a ``Reason``, or what another version of Limner wrote
    reason_code: str | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)
    started_at: datetime | None = None
    finished_at: datetime | None = None
    #: what the engine returned at submit; the engine it belongs to is ``engine``
    handle: Mapping[str, Any] | None = None
    #: how many times this job was submitted to an engine before
    attempts: int = 0
    #: what its drawings have cost so far, millionths of the operator's currency; None: nothing that is known
    cost: int | None = None
    #: its words in English; None: they were drawn as they stand, or are not drawn yet
    translation: Translation | None = None
    #: the job that this one follows up
    parent: str | None = None
    #: None: no trace was kept when it was accepted
    trace: JobTrace | None = None

    @property
    def lane(self) -> Lane:
        """The lane the job was accepted into."""
        return self.request.lane

    @property
    def tag(self) -> str:
        """The caller's own mark, as sent."""
        return self.request.tag

    @property
    def position(self) -> int | None:
        """1 = next; None unless the job waits."""
        return self.standing.position if self.standing else None

    @property
    def count(self) -> int:
        """How many cells are drawn."""
        # A picked cell of a release before has its parent's four seeds.
        return 1 if self.draw_type in ("u1", "u2", "u3", "u4") else len(self.seeds)

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """What a follow-up can start from: the cells, or the only picture."""
        if self.cells:
            return self.cells
        return (self.picture,) if self.picture and self.status is Status.DONE else ()

    @property
    def ar(self) -> str:
        """The aspect ratio that is drawn."""
        if self.request.size:
            return ratio_of(*self.request.size)
        return self.request.ar or prompt_of(self.request).ar or SQUARE

    @property
    def ar_requested(self) -> str | None:
        """The ratio that the caller asked for, if ``ar`` is only the nearest to it."""
        if self.request.size:
            return None
        if self.request.ar is not None:
            return self.request.ar_requested
        return prompt_of(self.request).ar_requested

    @classmethod
    def from_record(
        cls,
        record: Mapping[str, str],
        position: int | None = None,
        waits_for: str | None = None,
    ) -> Self:
        """Read a job from its Redis hash; an empty text stands for None."""
        width, height = record.get("width"), record.get("height")
        translated, notes = record.get("translation"), json.loads(record.get("notes") or "{}")
        translation = Translation.from_json(translated) if translated else None
        if translation and translation.failed:
            notes |= {"translation": f"drawn as written: {translation.failed}"}
        picture = (
            Picture(record["url"], int(width), int(height))
            if record.get("url") and width and height
            else None
        )
        return cls(
            id=record["id"],
            client=record["client"],
            request=Request.from_json(record["request"]),
            final_prompt=record["final_prompt"],
            draw_type=record["draw_type"],
            seeds=tuple(json.loads(record["seeds"])),
            created_at=from_ms(record["created_ms"]),
            status=Status(record["status"]),
            progress=int(record.get("progress") or 0),
            seq=int(record.get("seq") or 0),
            standing=Standing(position) if position else None,
            waits_for=waits_for,
            picture=picture,
            cells=tuple(Picture(**cell) for cell in json.loads(record.get("cells") or "[]")),
            drawn_seeds=tuple(json.loads(record.get("drawn_seeds") or "[]")),
            prompts=tuple(json.loads(record.get("prompts") or "[]")),
            asked=tuple((record.get("asked") or "").split()),
            applied=json.loads(record.get("applied") or "{}"),
            can=tuple(record["can"].split()) if "can" in record else None,
            marks=frozenset((record.get("marks") or "").split()),
            engine=record.get("engine") or None,
            reason=record.get("reason") or None,
            reason_code=record.get("reason_code") or None,
            notes=notes,
            started_at=from_ms(record["started_ms"]) if record.get("started_ms") else None,
            finished_at=from_ms(record["finished_ms"]) if record.get("finished_ms") else None,
            handle=json.loads(record["handle"]) if record.get("handle") else None,
            attempts=int(record.get("attempts") or 0),
            cost=int(record["spent"]) if record.get("spent") else None,
            translation=translation,
            parent=record.get("parent") or None,
            trace=JobTrace.of(record),
        )


def new_record(job_id: str, client: str, request: Request, seeds: Sequence[int]) -> dict[str, str]:
    """Return the hash fields of a newly accepted job; the store adds its time and place."""
    record = {
        "id": job_id,
        "client": client,
        "lane": request.lane.value,
        "tag": tag_key(request.tag),
        "request": request.to_json(),
        "final_prompt": compile_prompt(request),
        "draw_type": request.operation if request.operation in ALONE else "draw",
        "seeds": compact_json(seeds),
        "needs": " ".join(needs_of(request)),
    }
    if asked := asked_of(request, seeds[0]):
        record["asked"] = " ".join(asked)
    if request.callback_statuses is not None:
        record["tells"] = " ".join(request.callback_statuses)
    return record


def needs_of(request: Request) -> Iterator[str]:
    """Yield what an engine must support, at least approximately, to get this job.

    ``engine:<name>`` and ``version:<name>`` name the only engine, or one that has a model for the version.
    The other parameters only influence a picture: an engine that ignores one says so.
    """
    # Parsing a prompt costs more than the rest of our work on an accept: do it only if it may matter.
    if request.tile or ("tile" in request.prompt_en.lower() and prompt_of(request).tile):
        yield "tile"
    if request.operation == "upscale" and request.change:
        yield f"upscale_{request.change.kind}"
    elif request.operation != "draw":
        yield request.operation
    elif request.references:
        yield "references"
    if request.engine:
        yield f"engine:{request.engine}"
    if request.version:
        yield f"version:{request.version}"


def tag_key(tag: str) -> str:
    """Return the canonical form of a tag: with and without dashes, it is the same tag."""
    return tag.replace("-", "").lower()


def from_ms(milliseconds: str | int | float) -> datetime:
    """Return the time that Redis stores as milliseconds since 1970."""
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)


def rfc3339(moment: datetime) -> str:
    """Return an aware UTC time in RFC 3339, with milliseconds and a ``Z``."""
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
