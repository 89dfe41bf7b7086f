"""What became of each word of a prompt: shown, shown as something more general, left out, or ignored.

``reading.py`` makes them and asks here; the notes of a drawing repeat the answers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass


@dataclass(slots=True)
class Word:
    """A word or phrase that asks for something; adjectives are ignored until something takes them."""

    text: str
    #: the elements, moods and looks that it names, or that took it
    names: tuple[str, ...] = ()
    #: whether it stands for something else than what is painted for it
    near: bool = False
    #: whether the painter does not know it at all
    unknown: bool = False
    #: whether something takes it, if that is painted
    shown: bool = False
    #: what is painted for it, if its names do not say it
    instead: str = ""

    def belong_to(self, *names: str) -> None:
        """Note that these elements show it; without any, the whole picture does."""
        self.names, self.shown = (*self.names, *names), True

    def instead_of(self, instead: str, name: str, *, exactly: bool) -> None:
        """Note that an element shows something of it: the letters of a logo, the initial of a name."""
        self.belong_to(name)
        self.unknown, self.near, self.instead = False, not exactly, instead

    def painted(self, painted: Collection[str]) -> tuple[str, ...]:
        """Return which of its names are in the picture."""
        return tuple(dict.fromkeys(name for name in self.names if name in painted))


def heard(words: Sequence[Word], painted: Collection[str]) -> tuple[str, ...]:
    """Return what the picture shows as asked for; a word in a negation asks for nothing, and gets it."""
    return _once(
        word
        for word in words
        if word.shown and not word.near and (not word.names or word.painted(painted))
    )


def nearly(words: Sequence[Word], painted: Collection[str]) -> dict[str, str]:
    """Return what the picture shows as something more general, with its name."""
    return {
        word.text: word.instead or ", ".join(word.painted(painted))
        for word in words
        if word.near and word.shown and word.painted(painted)
    }


def unpainted(words: Sequence[Word], painted: Collection[str]) -> tuple[str, ...]:
    """Return what could be painted, and is not in this picture."""
    return _once(word for word in words if word.shown and word.names and not word.painted(painted))


def unheard(words: Sequence[Word], painted: Collection[str]) -> tuple[str, ...]:
    """Return what nothing in any picture of these words would show."""
    shown = {word.text for word in words if word.shown}
    return _once(word for word in words if not word.shown and word.text not in shown)


def _once(words: Iterable[Word]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.text for word in words))
