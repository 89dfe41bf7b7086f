"""The plan of one cell, as ``planner.py`` makes it and the painters read it."""

from __future__ import annotations

from dataclasses import dataclass

from engines.sketch.mention import Mention
from engines.sketch.palette import Palette


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that is decided before the first brush stroke."""

    seed: int
    palette: Palette
    mentions: tuple[Mention, ...]
    moods: frozenset[str]
    finishes: frozenset[str]
    #: fractions of the height and the width
    horizon: float
    light_x: float
    light_y: float
    #: name of a thing → the middle of its place, as a fraction of the width
    places: dict[str, float]
    #: how large things are; 1.0 is the usual size
    zoom: float
    #: whether hills, cats and faces are mirrored
    mirrored: bool
    #: whether a head in double exposure has long hair
    hair: bool
    #: a number that the words give, the same for all cells: which manner an abstract has
    manner: int = 0
    #: letters that a logo shows
    letters: str = ""
    #: elements that must not be seen, whoever would add them
    refused: frozenset[str] = frozenset()

    def find(self, name: str) -> Mention | None:
        """Return the mention of an element, if it is in the picture."""
        return next((mention for mention in self.mentions if mention.name == name), None)

    def has(self, *names: str) -> bool:
        """Return whether any of these is in the picture."""
        return any(self.find(name) for name in names)
