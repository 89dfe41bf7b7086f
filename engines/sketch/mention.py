"""A mention: one thing that a prompt asks for, with the adjectives that belong to it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engines.sketch.noise import Floats


@dataclass(frozen=True, slots=True)
class Mention:
    """An element as the prompt asks for it."""

    name: str
    #: OKLab, or None for the element's own
    colour: Floats | None = None
    size: float = 1.0
    #: how many, or None for as many as look well
    count: int | None = None
    qualities: frozenset[str] = frozenset()

    @property
    def flies(self) -> bool:
        """Return whether the words make it fly, whatever it is."""
        return "flying" in self.qualities

    def uncoloured(self) -> Mention:
        """Return the mention without its colour, for parts that keep their own."""
        return replace(self, colour=None)
