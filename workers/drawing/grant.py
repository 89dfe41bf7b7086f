"""The object that every step after the first works on: a job that has a slot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

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
    #: version that callers may ask for → the engine's own model
    models: Mapping[str, str] = field(default_factory=dict)
    #: whether its words are translated, by the engine's settings; None: as its driver says
    translate: bool | None = None

    @property
    def understands(self) -> bool:
        """Whether the engine gets its caller's words as they are."""
        if self.translate is None:
            return self.engine.capabilities().any_language
        return not self.translate

    @property
    def draws_any_count(self) -> bool:
        """Whether the engine can draw fewer than four cells."""
        return self.engine.capabilities().count == "exact"

    @property
    def engine_name(self) -> str:
        """The engine's name in the record."""
        return str(self.job.engine)
