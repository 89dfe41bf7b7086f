"""How deeply JSON is nested, told from its text: before a parser goes down as many levels.

Python's own parser recurses. Near the interpreter's limit it raises RecursionError, and so does whatever
the garbage collector happens to finish there, in objects that have nothing to do with it.
"""

from __future__ import annotations

import re

#: Possessive, so that a long text costs no memory to look through. A text that never ends is taken to the
#: end: looked for again at each of its quotes, it would take the square of its length.
_TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+\\?"?', re.DOTALL)
_BRACKETS = b"[]{}"
_NOT_BRACKETS = bytes(set(range(256)) - set(_BRACKETS))


def is_deep(data: bytes, most: int) -> bool:
    """Return whether lists and objects in ``data`` are nested more than ``most`` levels deep."""
    if data.count(b"[") + data.count(b"{") <= most:
        return False
    depth = 0
    for bracket in _TEXT.sub(b"", data).translate(None, _NOT_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        if depth > most:
            return True
    return False
