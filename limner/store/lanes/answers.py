"""What the lanes' operations take and return; used by ``Lanes`` and by who calls it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from limner.job import Job, Picture
from limner.reasons import Reason

#: what came of moving a job to the front
FrontAnswer = Literal["moved", "unknown", "running", "ended"]


@dataclass(frozen=True, slots=True)
class Taken:
    """The result of a worker's attempt to take a job.

    ``granted``: draw ``job`` on its engine. ``wait``: ask again when told, or after ``again_s``.
    ``held``: another worker has it. ``gone``: it has ended or does not exist.
    """

    state: Literal["granted", "wait", "held", "gone"]
    job: Job | None = None
    again_s: float | None = None
    #: how many submissions came before this one, which is counted already; None: call ``begin``
    attempt: int | None = None
    #: whether other jobs need not wait behind it: an engine that does not suit it has room, or a job that came
    #: back has a slot of its own
    choosy: bool = False

    @classmethod
    def of(cls, answer: list[Any]) -> Self:
        """Read what ``take.lua`` returns."""
        state, detail, _unsent, *more = answer
        match state:
            case "granted":
                record = dict(zip(detail[::2], detail[1::2], strict=True))
                attempt = None if more[0] == "" else int(more[0])
                return cls("granted", Job.from_record(record), attempt=attempt)
            case "wait":
                again_s = int(detail) / 1000 if detail else None
                return cls("wait", again_s=again_s, choosy=more == ["1"])
        return cls(state)

    @property
    def engine(self) -> str | None:
        """The engine that the job was granted a slot on."""
        return self.job.engine if self.job else None


@dataclass(frozen=True, slots=True)
class Begun:
    """How many submissions came before this one; None: first wait this long for the lane's gap."""

    attempt: int | None
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a job is given back, how often that may happen, and what it says about the engine.

    What is counted also counts against the engine, once per job: one that fails several in a row is paused
    as ``failing``, and its jobs wait at no cost.
    """

    #: the field of the record that counts it; None: not counted
    counter: str | None = None
    limit: int = 0
    #: the reason for which the job then fails; None: it never fails for this
    reason: Reason | None = None
    #: the engine's new state, in which it is paused; None: it has failed this job, and no more is known
    engine_state: Literal["busy", "down", "refused"] | None = None
    engine_why: str = ""
    pause_s: float = 0.0
    pause_max_s: float = 0.0
    #: a sentence for people, if more is known than the reason's own says
    sentence: str = ""
    #: what the drawing cost all the same, millionths; None: its price, if the engine has it, or had
    cost: int | None = None

    @property
    def told(self) -> tuple[str, str]:
        """The sentence and the code that the job ends with."""
        if self.reason is None:
            return "", ""
        return self.sentence or self.reason.sentence, self.reason.value


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """What would become of a job if it were accepted now."""

    #: None: none of the engines could draw it
    engine: str | None
    #: None: nobody has asked the engine yet what it can do
    applied: Mapping[str, str] | None
    #: 1 = next
    position: int


@dataclass(frozen=True, slots=True)
class Result:
    """What a drawing ends with."""

    #: the grid, or the only cell; None: only prompts
    grid: Picture | None
    cells: Sequence[Picture] = ()
    notes: Mapping[str, Any] = field(default_factory=dict)
    #: what the engine made of each parameter, by ``limner.applied``
    applied: Mapping[str, str] = field(default_factory=dict)
    #: the seeds that it used, if it said so
    seeds: Sequence[int] = ()
    #: of a description
    prompts: Sequence[str] = ()
    #: what the host says that it cost, millionths; None: the engine's price
    cost: int | None = None
    #: what the engine can do with this drawing (names in ``Capabilities``)
    can: Sequence[str] = ("vary",)

    def fields(self) -> dict[str, str | int]:
        """Return what it writes into the job's record."""
        found: dict[str, str | int] = {
            "progress": 100,
            "cells": json.dumps([_picture(cell) for cell in self.cells]),
            "notes": json.dumps(self.notes, ensure_ascii=False),
            "can": " ".join(self.can),
        }
        if self.grid:
            found |= _picture(self.grid)
        if self.applied:
            found["applied"] = json.dumps(self.applied)
        if self.seeds:
            found["drawn_seeds"] = json.dumps(self.seeds)
        if self.prompts:
            found["prompts"] = json.dumps(self.prompts, ensure_ascii=False)
        return found


def _picture(picture: Picture) -> dict[str, str | int]:
    return {"url": picture.url, "width": picture.width, "height": picture.height}
