"""What a hosted drawing ends in: its pictures as cells, seeds, notes, levels and cost; pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engines.hosted.host import HostedLook
from engines.remote.cells import cell
from limner.engine import Brief, Capabilities, Finished, Level
from limner.errors import BadResult
from limner.pictures.decoding import size_of
from limner.plural import counted


@dataclass(frozen=True, slots=True)
class HostedEnding:
    """The last look at each request, the pictures of all in order, and what was planned.

    ``planned``: how many pictures the requests draw; None: one a seed.
    """

    looks: Sequence[HostedLook]
    images: Sequence[bytes] = field(default=(), repr=False)
    seeds: Sequence[int] = ()
    applied: Mapping[str, Level] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)
    planned: int | None = None

    @property
    def cost(self) -> float | None:
        """What the host has told that the requests cost; None: nothing."""
        told = [look.cost for look in self.looks if look.cost is not None]
        return sum(told) if told else None


def finished_of(ending: HostedEnding, brief: Brief, capabilities: Capabilities) -> Finished:
    """Return what a drawing ends in.

    Raises:
        BadResult: the host gave too few pictures, or what is none.
    """
    try:
        return _finished(ending, brief, capabilities)
    except BadResult as error:
        # Too few pictures cost what enough of them do.
        error.cost = ending.cost
        raise


def _finished(ending: HostedEnding, brief: Brief, capabilities: Capabilities) -> Finished:
    # An account that draws four at a time gets four seeds, also for what is one picture.
    wanted = min(len(brief.seeds), ending.planned or len(brief.seeds))
    images = ending.images[:wanted]
    if len(images) < wanted:
        raise BadResult(f"The engine gave {counted(len(images), 'picture')} of {wanted}.")
    applied = dict(ending.applied)
    if capabilities.size == "exact" and not all(_is_of_ratio(one, brief) for one in images):
        applied |= {"ar": "near", "size": "near"}
    told = [seed for look in ending.looks for seed in look.seeds]
    notes = dict(ending.notes)
    for look in ending.looks:
        notes |= look.notes
    return Finished(
        tuple(cell(image, brief.width, brief.height) for image in images),
        tuple(told if len(told) >= wanted else ending.seeds)[:wanted],
        notes,
        applied,
        cost=ending.cost,
    )


def _is_of_ratio(image: bytes, brief: Brief) -> bool:
    """Return whether nothing of a picture is cut off to make it a cell."""
    width, height = size_of(image) or (0, 1)
    return width * brief.height == height * brief.width
