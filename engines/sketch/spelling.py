"""The letters of a logo: "the letter K", "initials JD", "a coffee shop called Luna"."""

from __future__ import annotations

from dataclasses import dataclass

from engines.sketch.scene.letters import known_letters

#: letters follow these words
SPELT = frozenset({"letter", "letters", "initial", "initials", "monogram", "字母"})

#: a name follows these; its initial is drawn
NAMED = frozenset({"called", "named", "叫"})

#: words that join letters, or stand before them
JOINING = frozenset({"and", "the", "of", "for", "with", "is", "a", "an"})

MOST_LETTERS = 3


@dataclass(frozen=True, slots=True)
class Spelling:
    """What to write, and the words that it comes from."""

    letters: str = ""
    sources: frozenset[str] = frozenset()


def letters_of(tokens: list[str]) -> Spelling:
    """Return the letters that the words spell, or else the initial of the name that they give."""
    for i, token in enumerate(tokens):
        if token in SPELT and (spelt := _spelt(tokens[i + 1 : i + 6])):
            return Spelling("".join(spelt)[:MOST_LETTERS], frozenset(spelt))
    for i, token in enumerate(tokens[:-1]):
        if token in NAMED:
            name = next(
                (word for word in tokens[i + 1 : i + 4] if word.isalnum() and word not in JOINING),
                "",
            )
            if name and name[0] in known_letters():
                return Spelling(name[0], frozenset({name}))
    return Spelling()


def _spelt(tokens: list[str]) -> list[str]:
    """Return the words that can only be letters: short, and drawable."""
    found: list[str] = []
    for word in tokens:
        if word in ("and", "&", "+", "the", "of", "with", '"', "'", "“", "”"):
            continue
        fits = len(word) == 1 or (len(word) <= MOST_LETTERS and not found)
        if not fits or not set(word) <= known_letters():
            break
        found.append(word)
        if len(word) > 1:
            break
    return found
