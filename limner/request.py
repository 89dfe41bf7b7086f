"""The request: what a caller asked for, in the domain's own words, and its lane.

Made by schemas from a body, stored in the job's record, turned into text by ``limner.prompt`` and into
a brief by ``limner.brief``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from limner.compact_json import compact_json

#: prefix, in a request's references, of an inline picture's key in the image store
SPOOL = "spool:"
#: the largest reference picture, as the caller's file
REFERENCE_MAX_BYTES = 10 * 1024 * 1024


class Lane(StrEnum):
    """The two queues a job may wait in."""

    FAST = "fast"
    RELAXED = "relaxed"


@dataclass(frozen=True, slots=True)
class Request:
    """One accepted imagine request, in the domain's own words; None: the caller left it out."""

    prompt_en: str
    lane: Lane
    tag: str
    prompt: str | None = None
    callback_url: str | None = None
    niji: bool = False
    #: one of the seven ratios
    ar: str | None = None
    #: the ratio that the caller asked for, if ``ar`` is only the nearest to it
    ar_requested: str | None = None
    chaos: float | None = None
    stylize: float | None = None
    style: str | None = None
    tile: bool = False
    iw: float | None = None
    #: reference images: http(s) URLs, or ``spool:<key>`` for pictures sent inline
    references: tuple[str, ...] = ()
    extra: str | None = None
    #: ``origin/imagine``: the text goes to the engine as written
    origin: bool = False

    def to_json(self) -> str:
        """Return the request as one line of JSON, for the record."""
        # Not `asdict`, which makes deep copies: every POST gets here.
        stored = {name: getattr(self, name) for name in self.__slots__}
        return compact_json(stored)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Parse what ``to_json`` wrote."""
        stored = json.loads(text)
        stored["lane"] = Lane(stored["lane"])
        stored["references"] = tuple(stored["references"])
        return cls(**stored)
