"""The object that every step after the first works on: a job that has a slot."""

from __future__ import annotations

from dataclasses import dataclass

from limner.engine import Engine
from limner.job import Job
from workers.drawing.keeper import Drawing


@dataclass(frozen=True)
class Grant:
    """A job, the engine granted to it, and the drawing by which this process holds both."""

    drawing: Drawing
    job: Job
    engine: Engine
    #: how many submissions came before this one, which is counted already; None: not counted yet
    attempt: int | None = None
    #: "retry" or "fail": what to do about a drawing that was lost after it had cost money
    on_lost: str = "retry"

    @property
    def engine_name(self) -> str:
        """The engine's name in the record."""
        return str(self.job.engine)
