"""Load ``limner.toml``, however the operator's editor saved it, or refuse it in one sentence.

Called by ``Settings.load``. Editors add byte-order marks, save UTF-16, end lines with a carriage
return, and leave zeros after a crash; the meaning is clear all the same.
"""

from __future__ import annotations

import codecs
import tomllib
from pathlib import Path
from typing import Any

#: longest first: UTF-32's mark begins with UTF-16's
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def read(path: Path) -> dict[str, Any]:
    """Return the file's table.

    Raises:
        ValueError: it is not TOML; the message is one clause that follows the file's name.
        OSError: it cannot be read.
    """
    try:
        return tomllib.loads(text(path.read_bytes()))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"is not TOML: {error}") from None
    except RecursionError:
        raise ValueError("is not TOML that can be meant: it is nested too deeply") from None


def text(raw: bytes) -> str:
    """Return the text of a file's bytes, with normalized line endings.

    Raises:
        ValueError: the encoding cannot be determined.
    """
    mark, encoding = next(((m, e) for m, e in _MARKS if raw.startswith(m)), (b"", _guess(raw)))
    body = raw.removeprefix(mark)
    try:
        decoded = body.decode(encoding)
    except UnicodeDecodeError as error:
        line = body[: error.start].count(b"\n") + 1
        raise ValueError(f"is not UTF-8 (line {line}): save it in that encoding") from None
    said = decoded.rstrip("\x00\x1a \t\r\n")
    if not said and "\x00" in decoded:
        raise ValueError("holds zeros and nothing else: was it lost in a crash?")
    return said.replace("\r\n", "\n").replace("\r", "\n")


def _guess(raw: bytes) -> str:
    """Guess the encoding of a file without a mark: TOML's first character is ASCII."""
    if len(raw) > 1 and raw[0] and not raw[1]:
        return "utf-16-le"
    if len(raw) > 1 and not raw[0] and raw[1]:
        return "utf-16-be"
    return "utf-8"
