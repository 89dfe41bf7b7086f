"""Tell whether a text shows anything at all: asked of every prompt, by ``schemas.imagine``.

Chat programs and web pages leave characters in what is copied from them that no reader sees.
"""

from __future__ import annotations

import unicodedata

#: letters and symbols by their category, which fonts leave blank: Hangul fillers, the empty braille cell,
#: the placeholder of an object that was not copied
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800\ufffc")
#: what Unicode calls ignorable and has not named yet: among the tags, and elsewhere
_UNNAMED = (range(0x2065, 0x2066), range(0xFFF0, 0xFFF9), range(0xE0000, 0xE1000))
#: spaces and line ends, marks that need a letter, controls, formats
_SHOWS_NOTHING = frozenset({"Zs", "Zl", "Zp", "Mn", "Mc", "Me", "Cc", "Cf"})


def shows_something(text: str) -> bool:
    """Return whether a reader sees anything of ``text``; what Unicode does not know yet, they may."""
    return any(map(_is_visible, text))


def _is_visible(character: str) -> bool:
    if unicodedata.category(character) in _SHOWS_NOTHING or character in _BLANK:
        return False
    return not any(ord(character) in unnamed for unnamed in _UNNAMED)
