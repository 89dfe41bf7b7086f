"""The field ``imageList``: reference images as http(s) URLs, data URLs or bare base64.

Used by the imagine schema. Nothing is fetched or decoded here: a worker does that, and looks at the
content; only what is wrong by its text or too long to be small enough is refused at once.
"""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError

from limner.errors import BodyTooLarge
from limner.job import REFERENCE_MAX_BYTES
from schemas.fields import Strict, http_url

MOST_REFERENCES = 8
_SCHEMES = ("http://", "https://")
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=\r\n"


class References(Strict[tuple[str, ...]]):
    """At most eight reference images, each at most 10 MB once decoded."""

    def __init__(self) -> None:
        super().__init__(absent=())

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise ValidationError("Must be a list.")
        if len(value) > MOST_REFERENCES:
            raise ValidationError(f"Must have at most {MOST_REFERENCES} images.")
        wrong = []
        for place, item in enumerate(value, start=1):
            try:
                check_reference(item)
            except ValidationError as error:
                wrong += [f"Image {place}: {message}" for message in error.messages]
            except BodyTooLarge as error:
                sentence = f"Image {place}: {error.message}"
                raise BodyTooLarge(errors={"imageList": [sentence]}) from None
        if wrong:
            raise ValidationError(wrong)
        return tuple(item.strip() for item in value)


def check_reference(item: Any) -> None:
    """Return if ``item`` may be a reference image, by its text alone.

    Raises:
        ValidationError: it is neither an http(s) URL nor base64.
        BodyTooLarge: what it would decode to is over the bound.
    """
    if not isinstance(item, str):
        raise ValidationError("Must be a string.")
    text = item.strip()
    if text[:8].lower().startswith(_SCHEMES):
        http_url(text)
        return
    head, encoded = _split(text)
    if head and not (head.startswith("data:image/") and head.endswith(";base64")):
        raise ValidationError("Must be a data URL of an image in base64.")
    padding = 2 if encoded.endswith("==") else int(encoded.endswith("="))
    if len(encoded) * 3 // 4 - padding > REFERENCE_MAX_BYTES:
        raise BodyTooLarge(f"Must be at most {REFERENCE_MAX_BYTES // 2**20} MB.")
    # Taking every allowed byte away is the cheapest look at ten million of them.
    if not encoded or not encoded.isascii() or encoded.encode().translate(None, _BASE64):
        raise ValidationError("Must be an http(s) URL, a data URL or base64.")


def is_inline(reference: str) -> bool:
    """Tell whether a checked reference is a picture itself and not the URL of one."""
    return not reference[:8].lower().startswith(_SCHEMES)


def _split(text: str) -> tuple[str, str]:
    """Return a data URL's head (lower case, "" if it is none) and what stands after it."""
    if text[:5].lower() != "data:":
        return "", text
    # A head is short; a comma further on belongs to no data URL that a caller means.
    end = text.find(",", 0, 256)
    return (text[:end].lower(), text[end + 1 :]) if end > 0 else (text[:256].lower(), "")
