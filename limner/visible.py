"""Whether a text shows anything at all; ``schemas.limner.imagine`` checks every prompt.

Text copied from chat programs and web pages may contain characters that are invisible.
"""

from __future__ import annotations

import unicodedata

#: letters and symbols by category, but blank in fonts: Hangul fillers, the empty braille cell, the
#: placeholder of an object that was not copied
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800\ufffc")
#: unassigned code points that Unicode calls ignorable: among the tags, and elsewhere
_UNNAMED = (range(0x2065, 0x2066), range(0xFFF0, 0xFFF9), range(0xE0000, 0xE1000))
#: categories: spaces and line ends, combining marks, controls, formats
_SHOWS_NOTHING = frozenset({"Zs", "Zl", "Zp", "Mn", "Mc", "Me", "Cc", "Cf"})


def shows_something(text: str) -> bool:
    """Return whether any of ``text`` is visible; characters that Unicode does not know yet may be."""
    return any(map(_is_visible, text))


def _is_visible(character: str) -> bool:
    if unicodedata.category(character) in _SHOWS_NOTHING or character in _BLANK:
        return False
    return not any(ord(character) in unnamed for unnamed in _UNNAMED)
