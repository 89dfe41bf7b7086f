"""JSON without spaces, in UTF-8; used for records and responses."""

from __future__ import annotations

import json
from typing import Any

#: return a value as one line of JSON; ``json.dumps`` with these options would make a new encoder per call
compact_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_ascii_json = json.JSONEncoder(separators=(",", ":")).encode


def sendable_json(value: Any) -> str:
    """Return a value as one line of JSON that can be sent, also if callers' own text in it is half a character."""
    text = compact_json(value)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            # Callers may send such text as escapes, and get it back so.
            return _ascii_json(value)
    return text
