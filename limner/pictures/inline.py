"""Pictures sent inline in a request: a data URL, or bare base64.

Used by the schema, which checks the text, and by the worker that decodes it. Every common form is
accepted: both alphabets, with or without padding, white space anywhere, and in data URLs also percent
encoding. Sources: RFC 2397; "forgiving-base64 decode" of the Infra standard, which browsers follow.
"""

from __future__ import annotations

import base64
import re
from urllib.parse import unquote_to_bytes

_WHITE_SPACE = b"\t\n\f\r "
_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
#: The head of a data URL is short; a comma further on does not end one.
_HEAD_MAX = 256
#: programs that do not know a picture's type send the generic one
_HEAD = re.compile(
    r"data:(?:image/[^;,]*|(?:application|binary)/octet-stream)?(?:;[^,]*)?;\s*base64\s*",
    re.IGNORECASE,
)


def letters(text: str) -> bytes:
    """Return the base64 of a picture in the standard alphabet, without padding.

    Raises:
        ValueError: it is not base64; the message is a sentence fit for the caller.
    """
    encoded = text
    if text[:5].lower() == "data:":
        end = text.find(",", 0, _HEAD_MAX)
        if end < 0 or not _HEAD.fullmatch(text, 0, end):
            raise ValueError("Must be a data URL of an image in base64.")
        encoded = text[end + 1 :]
    if not encoded.isascii():
        raise ValueError("Must be an http(s) URL, a data URL or base64.")
    plain = encoded.encode()
    if encoded is not text and b"%" in plain:
        plain = unquote_to_bytes(plain)
    plain = plain.translate(_URL_SAFE, _WHITE_SPACE).rstrip(b"=")
    # Deleting every valid letter is the cheapest check of ten million of them. A single letter in the
    # last group is less than a byte.
    if not plain or len(plain) % 4 == 1 or plain.translate(None, _LETTERS):
        raise ValueError("Must be an http(s) URL, a data URL or base64.")
    return plain


def decoded_bytes(plain: bytes) -> int:
    """Return how many bytes ``letters`` decode to."""
    return len(plain) * 3 // 4


def decode(text: str) -> bytes:
    """Return the bytes of an inline picture.

    Raises:
        ValueError: it is not base64.
    """
    plain = letters(text)
    return base64.b64decode(plain + b"=" * (-len(plain) % 4))
