"""What an element is: a name, the words that call for it, where it belongs, and how it is painted.

The modules in ``scene/`` register theirs with ``@element``: words and painting in one place. The
reader, the plan and the painter go through ``ELEMENTS``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from engines.sketch.noise import Floats

if TYPE_CHECKING:
    from engines.sketch.stage import Stage

#: sky: behind everything · backdrop: far land · ground: what things stand on · stand, float, fly: a
#: thing with a place of its own on the ground, on water or in the air · over: painted after the
#: brush, which would eat it · whole: takes the picture over
Place = Literal["sky", "backdrop", "ground", "stand", "float", "fly", "over", "whole"]


@dataclass(frozen=True, slots=True)
class Mention:
    """An element as the words ask for it, with the adjectives that belong to it."""

    name: str
    #: OKLab, or None for the element's own
    colour: Floats | None = None
    size: float = 1.0
    #: how many, or None for as many as look well
    count: int | None = None
    qualities: frozenset[str] = frozenset()

    @property
    def flies(self) -> bool:
        """Say whether the words send it into the air, whatever it is."""
        return bool(self.qualities & {"flying", "飞翔"})

    def uncoloured(self) -> Mention:
        """Return the mention without its colour, for the parts that keep their own."""
        return replace(self, colour=None)


Paint = Callable[["Stage", Mention], None]


@dataclass(frozen=True, slots=True)
class Element:
    """One thing the painter knows."""

    name: str
    words: str
    place: Place
    #: painted back to front: 0 is the sky, 100 the air before everything
    depth: int
    paint: Paint
    #: the mood it calls for when no word names one
    mood: str
    #: what of it makes the pattern of a tile: the same painter, or nothing
    motif: bool


ELEMENTS: dict[str, Element] = {}


def element(
    name: str, words: str, place: Place, depth: int, *, mood: str = "", motif: bool | None = None
) -> Callable[[Paint], Paint]:
    """Register the function below as the painter of ``name``; ``words`` are parted by commas."""

    def register(paint: Paint) -> Paint:
        is_motif = place in ("stand", "float", "fly") if motif is None else motif
        ELEMENTS[name] = Element(name, words, place, depth, paint, mood, is_motif)
        return paint

    return register
