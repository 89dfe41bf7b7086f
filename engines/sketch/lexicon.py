"""Every word that the painter knows, with its meanings, and the forms in which a prompt may use it.

Gathered from the elements, the moods, the looks and the small words; read by ``reading.py``.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

from engines.sketch import vocabulary
from engines.sketch.catalogue import ELEMENTS
from engines.sketch.looks import LOOKS
from engines.sketch.moods import MOODS
from engines.sketch.vocabulary import words_of

#: a meaning's kind and value: an element or a mood by name, a form's quality, a hex colour, a factor
Meaning = tuple[str, Any]

#: the kinds of meaning that name something, exactly or nearly
NAMES = {"element": "element", "near": "element", "mood": "mood", "near mood": "mood"}

IRREGULAR = {
    "people": "person", "men": "man", "women": "woman", "wolves": "wolf", "mice": "mouse",
    "leaves": "leaf", "children": "child", "loaves": "loaf", "knives": "knife", "geese": "goose",
}  # fmt: skip


@cache
def lexicon() -> dict[str, tuple[Meaning, ...]]:
    """Return word or phrase → its meanings; a word may have several."""
    found: dict[str, list[Meaning]] = {}

    def add(text: str, kind: str, value: Any) -> None:
        for word in words_of(text):
            found.setdefault(word, []).append((kind, value))

    for name, known in ELEMENTS.items():
        add(known.words, "element", name)
        add(known.near, "near", name)
        for form, words in known.forms.items():
            add(words, "element", name)
            add(words, "form", form)
    for name, mood in MOODS.items():
        add(mood.words, "mood", name)
        add(mood.near, "near mood", name)
    for name, look in LOOKS.items():
        add(look.words, "mood", name)
        add(look.near, "near mood", name)
    for text, hexa in vocabulary.COLOURS.items():
        add(text, "colour", hexa)
    for text, size in vocabulary.SIZES.items():
        add(text, "size", size)
    for text, count in vocabulary.COUNTS.items():
        add(text, "count", count)
    for text, quality in vocabulary.QUALITIES.items():
        add(text, "quality", quality)
    add(vocabulary.NEGATIONS, "negation", None)
    add(vocabulary.SILENT, "silent", None)
    add(vocabulary.ABOUT_THE_PICTURE, "about", None)
    return {word: tuple(meanings) for word, meanings in found.items()}


@cache
def general_words() -> dict[str, frozenset[str]]:
    """Return each general word → the elements of its kind."""
    kinds = {
        word: words_of(names)
        for words, names in vocabulary.KINDS.items()
        for word in words_of(words)
    }
    return {
        word: frozenset(kinds[words_of(kind)[0]])
        for words, kind in vocabulary.GENERAL.items()
        for word in words_of(words)
    }


@lru_cache(maxsize=4096)
def known_form(word: str) -> str:
    """Return the word in the form that the lexicon knows, perhaps its singular, or ""."""
    known = lexicon()
    if word in known:
        return word
    for ending, instead in (
        ("ies", "y"),
        ("ves", "f"),
        ("es", ""),
        ("s", ""),
        ("'s", ""),
        ("’s", ""),
    ):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            singular = word.removesuffix(ending) + instead
            if singular in known:
                return singular
    singular = IRREGULAR.get(word, "")
    return singular if singular in known else ""
