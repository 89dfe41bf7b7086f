"""What an element is: a name, the words that call for it, where it belongs, and how it is painted.

Each module in ``scene/`` lists its own with ``@ELEMENTS.add``: words and painting in one place.
``catalogue.py`` gathers the lists.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from engines.sketch.around import Spread
from engines.sketch.mention import Mention
from engines.sketch.stage import Place, Stage
from engines.sketch.vocabulary import words_of

Paint = Callable[[Stage, Mention], None]


#: land goes on to both sides, sky and weather everywhere; a thing stands where it stands
SPREADS: dict[Place, Spread] = {
    "sky": "around", "backdrop": "across", "ground": "across", "over": "around",
}  # fmt: skip

#: the adjectives that a thing with a place of its own follows, unless it says otherwise
USUAL = "colour, size, count, flying"


@dataclass(frozen=True, slots=True)
class Element:
    """One thing the painter knows."""

    name: str
    words: str
    place: Place
    #: painted back to front: 0 is the sky, 100 the air in front of everything
    depth: int
    paint: Paint
    #: the mood that it suggests if no word names one
    mood: str
    #: whether its painter also serves for the pattern of a tile
    motif: bool
    #: how it goes on around the picture when that is put on a larger ground
    spread: Spread = ""
    #: words for things that it stands in for: it paints them as itself, and the notes say so
    near: str = ""
    #: which adjectives change it: colour, size, count, and qualities by name
    takes: frozenset[str] = frozenset()
    #: quality → the nouns that name the element with this quality: "young" → "kitten"
    forms: Mapping[str, str] = field(default_factory=dict)
    #: whether there are several of it unless the words name a number
    many: bool = False


class Elements(list[Element]):
    """The elements of one module, in source order."""

    def add(
        self,
        name: str,
        words: str,
        place: Place,
        depth: int,
        *,
        mood: str = "",
        motif: bool | None = None,
        spread: Spread | None = None,
        near: str = "",
        takes: str | None = None,
        forms: Mapping[str, str] | None = None,
        many: bool = False,
    ) -> Callable[[Paint], Paint]:
        """Register the decorated function as the painter of ``name``; commas separate the ``words``.

        Whatever is in ``words`` and ``forms`` must be recognised in the picture: the rest is ``near``.
        """

        def listed(paint: Paint) -> Paint:
            placed = place in ("stand", "float", "fly")
            is_motif = placed if motif is None else motif
            goes_on = SPREADS.get(place, "") if spread is None else spread
            asked = (USUAL if placed else "") if takes is None else takes
            kinds = dict(forms or {})
            follows = frozenset({*words_of(asked), *kinds})
            self.append(
                Element(
                    name,
                    words,
                    place,
                    depth,
                    paint,
                    mood,
                    is_motif,
                    goes_on,
                    near,
                    follows,
                    kinds,
                    many,
                )
            )
            return paint

        return listed
