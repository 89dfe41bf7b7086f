"""How deeply JSON is nested, determined from its text before a parser recurses into it.

Python's own parser is recursive. Near the interpreter's limit it raises RecursionError, and so does
whatever the garbage collector happens to finalize there, in unrelated objects.
"""

from __future__ import annotations

import re

#: Possessive, so that scanning a long string needs no memory. An unterminated string matches up to the
#: end: if the match failed, it would be retried at each quote, in quadratic time.
_TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+\\?"?', re.DOTALL)
_BRACKETS = b"[]{}"
_NOT_BRACKETS = bytes(set(range(256)) - set(_BRACKETS))


def is_dense(data: bytes, most: int) -> bool:
    """Return whether ``data`` may hold more than ``most`` values: parsing them takes time and memory."""
    return sum(data.count(mark) for mark in (b"[", b"{", b",")) > most


def is_deep(data: bytes, most: int) -> bool:
    """Return whether lists and objects in ``data`` nest more than ``most`` levels deep."""
    if data.count(b"[") + data.count(b"{") <= most:
        return False
    depth = 0
    for bracket in _TEXT.sub(b"", data).translate(None, _NOT_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        if depth > most:
            return True
    return False
