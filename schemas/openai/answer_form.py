"""How a caller wants its answer: kept with the job (``Request.echo``), so that it can be given later, too."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

from limner.compact_json import compact_json
from limner.job import Job
from limner.pictures.conversion import PictureForm, PictureFormat

#: the face's name
NAME = "openai"
QUALITY_LENGTH = 32


@dataclass(frozen=True, slots=True)
class AnswerForm:
    """What the answer is to be like."""

    response_format: Literal["url", "b64_json"] = "url"
    output_format: PictureFormat = "png"
    #: 0-100, of jpeg and webp
    output_compression: int | None = None
    #: exact, in pixels; None: as drawn
    size: tuple[int, int] | None = None
    #: as asked; it changes nothing
    quality: str = "auto"

    @property
    def form(self) -> PictureForm:
        """The form of the pictures."""
        return PictureForm(self.output_format, self.output_compression, self.size)

    def echo(self) -> str:
        """Return it as JSON, for the job's record."""
        return compact_json(asdict(self))

    @classmethod
    def of(cls, job: Job) -> Self:
        """Return what the caller of a job wanted; of a job of another face: the defaults."""
        if job.request.face != NAME or not job.request.echo:
            return cls()
        kept: dict[str, Any] = json.loads(job.request.echo)
        found = {name: value for name, value in kept.items() if name in cls.__slots__}
        if found.get("size"):
            found["size"] = tuple(found["size"])
        return cls(**found)
