"""What an element is: a name, the words that call for it, where it belongs, and how it is painted.

Each module in ``scene/`` lists its own with ``@ELEMENTS.add``: words and painting in one place.
``catalogue.py`` gathers the lists.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engines.sketch.mention import Mention
from engines.sketch.stage import Place, Stage

Paint = Callable[[Stage, Mention], None]


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


class Elements(list[Element]):
    """The elements of one module, in the order in which they stand there."""

    def add(
        self,
        name: str,
        words: str,
        place: Place,
        depth: int,
        *,
        mood: str = "",
        motif: bool | None = None,
    ) -> Callable[[Paint], Paint]:
        """List the function below as the painter of ``name``; ``words`` are parted by commas."""

        def listed(paint: Paint) -> Paint:
            is_motif = place in ("stand", "float", "fly") if motif is None else motif
            self.append(Element(name, words, place, depth, paint, mood, is_motif))
            return paint

        return listed
