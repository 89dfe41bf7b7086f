"""The request: what a caller asked for, in the domain's own words, and its lane.

Made by schemas from a body, stored in the job's record, turned into text by ``limner.prompt`` and into
a brief by ``limner.brief``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, Self

from limner.compact_json import compact_json
from limner.engine import Operation
from limner.faces import LIMNER

#: prefix, in a request's references, of an inline picture's key in the image store
SPOOL = "spool:"
#: the largest reference picture, as the caller's file
REFERENCE_MAX_BYTES = 10 * 1024 * 1024
#: the name of a version or an engine: it stands in flags, and in lists separated by spaces
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
#: the cells of a job that does not say how many
CELLS = 4


class Lane(StrEnum):
    """The two queues a job may wait in."""

    FAST = "fast"
    RELAXED = "relaxed"


@dataclass(frozen=True, slots=True)
class Change:
    """What a follow-up does to a picture of its parent, beyond what the button's name says."""

    #: of the parent's pictures, 0-3
    cell: int
    #: of ``upscale``: subtle or creative
    kind: str | None = None
    #: of ``zoom``: how much larger the canvas is
    scale: float | None = None
    #: of ``pan``: left right up down
    direction: str | None = None
    #: of ``region``: a reference image, white where to draw
    mask: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One accepted request for a drawing, in the domain's own words; None: the caller left it out."""

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
    seed: int | None = None
    negative: str | None = None
    #: how many cells, 1-4
    count: int | None = None
    #: width and height of a cell, in pixels; wins over ``ar``
    size: tuple[int, int] | None = None
    version: str | None = None
    #: .25 .5 1 2 4
    quality: float | None = None
    #: 0-3000
    weird: float | None = None
    raw: bool = False
    draft: bool = False
    hd: bool = False
    #: as ``references``; weights 0-1000
    style_references: tuple[str, ...] = ()
    style_weight: float | None = None
    object_references: tuple[str, ...] = ()
    object_weight: float | None = None
    #: the name of the only engine that may draw it
    engine: str | None = None
    #: seconds after acceptance when the job is given up
    deadline_s: float | None = None
    #: the statuses whose callbacks are posted, besides the ends; None: all
    callback_statuses: tuple[str, ...] | None = None
    #: whether progress comes with pictures
    previews: bool = True
    operation: Operation = "draw"
    change: Change | None = None
    #: only tell what would be done; such a request is never stored
    dry_run: bool = False
    #: the face that it came through, which gives its callbacks their shape
    face: str = LIMNER
    #: what that face alone reads, as JSON: its callers' own words, to be answered with
    echo: str | None = None

    @property
    def pictures(self) -> tuple[str, ...]:
        """All pictures that the request brings along."""
        mask = (self.change.mask,) if self.change and self.change.mask else ()
        return (*self.references, *self.style_references, *self.object_references, *mask)

    def with_pictures(self, replaced: Callable[[tuple[str, ...]], tuple[str, ...]]) -> Self:
        """Return the request with each group of pictures replaced."""
        change = self.change
        if change and change.mask:
            (mask,) = replaced((change.mask,))
            change = replace(change, mask=mask)
        return replace(
            self,
            references=replaced(self.references),
            style_references=replaced(self.style_references),
            object_references=replaced(self.object_references),
            change=change,
        )

    def to_json(self) -> str:
        """Return the request as one line of JSON, for the record."""
        # Not `asdict`, which makes deep copies: every POST gets here.
        stored = {name: getattr(self, name) for name in self.__slots__}
        stored = {
            name: value
            for name, value in stored.items()
            # A release that wrote every field reads no record without its references.
            if name == "references" or value != _DEFAULTS.get(name, _REQUIRED)
        }
        if self.change:
            stored["change"] = {
                name: value
                for name in Change.__slots__
                if (value := getattr(self.change, name)) is not None
            }
        return compact_json(stored)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Parse what ``to_json`` wrote, here or in another release."""
        stored: dict[str, Any] = {
            name: value for name, value in json.loads(text).items() if name in cls.__slots__
        }
        stored["lane"] = Lane(stored["lane"])
        for name in _TUPLES & stored.keys():
            stored[name] = None if stored[name] is None else tuple(stored[name])
        if stored.get("change"):
            stored["change"] = Change(**stored["change"])
        return cls(**stored)


_REQUIRED = object()
_DEFAULTS = {field.name: field.default for field in fields(Request)}
_TUPLES = {"references", "style_references", "object_references", "size", "callback_statuses"}
