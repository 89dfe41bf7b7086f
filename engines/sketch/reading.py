"""Reading a prompt, and the negative prompt that takes things out of it.

Called by ``planner.py`` and by ``painter.notes``; ``reader.py`` goes through the words.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache

from engines.sketch import vocabulary
from engines.sketch.lexicon import known_form
from engines.sketch.reader import PromptReader, Reading, tokens_of
from engines.sketch.scene.faces import PARTS
from engines.sketch.vocabulary import words_of

__all__ = ["Reading", "read", "unwanted_elements", "unwanted_moods"]


def read(prompt: str, negative: str = "") -> Reading:
    """Return what the painter understands; ``negative`` names what must not be in the picture."""
    reading = _read(prompt)
    if not negative.strip():
        return reading
    names, unwanted = unwanted_elements(negative), unwanted_moods(negative)
    if "portrait" in names:
        names |= PARTS
    mentions = tuple(mention for mention in reading.mentions if mention.name not in names)
    moods = tuple(mood for mood in reading.moods if mood not in unwanted)
    return replace(reading, mentions=mentions, moods=moods)


@lru_cache(maxsize=32)
def unwanted_elements(negative: str) -> frozenset[str]:
    """Return the elements that ``negative`` names: nothing may add them either."""
    tokens = tokens_of(negative)
    text = " ".join(tokens)
    # each word by itself: to refuse "no people" is to refuse people
    reader = PromptReader([token for token in tokens if known_form(token) not in _negations()])
    reader.read()
    kinds = {
        name
        for words, names in vocabulary.KINDS.items()
        for name in words_of(names)
        if any(_names_kind(text, word) for word in words_of(words))
    }
    return frozenset(reader.named) | kinds


@lru_cache(maxsize=32)
def unwanted_moods(negative: str) -> frozenset[str]:
    """Return the moods that ``negative`` names."""
    return frozenset(_read(negative).moods)


@lru_cache
def _negations() -> frozenset[str]:
    return frozenset(words_of(vocabulary.NEGATIONS))


def _names_kind(text: str, word: str) -> bool:
    """Return whether the text has this word; Chinese has no spaces around it."""
    return word in text if not word.isascii() else bool(re.search(rf"\b{word}(?:s|es)?\b", text))


@lru_cache(maxsize=32)
def _read(prompt: str) -> Reading:
    return PromptReader(tokens_of(prompt)).read()
