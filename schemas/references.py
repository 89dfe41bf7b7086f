"""Fields of pictures, such as ``imageList``: http(s) URLs, data URLs or bare base64.

Used by the schemas of bodies. Nothing is fetched or decoded here; a worker does that and checks the
content. Only malformed text, and text too long for an image within the limit, is refused at once.
"""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError

from limner.errors import BodyTooLarge
from limner.pictures.inline import decoded_bytes, letters
from limner.plural import counted
from limner.request import REFERENCE_MAX_BYTES
from schemas.fields import Strict, http_url

MOST_REFERENCES = 8
_SCHEMES = ("http://", "https://")


class References(Strict[tuple[str, ...]]):
    """A list of reference images, each at most 10 MB once decoded."""

    def __init__(
        self, *, least: int = 0, most: int = MOST_REFERENCES, required: bool = False
    ) -> None:
        super().__init__(required=required, absent=())
        self.least = least
        self.most = most

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise ValidationError("Must be a list.")
        if len(value) > self.most:
            raise ValidationError(f"Must have at most {counted(self.most, 'image')}.")
        if len(value) < self.least:
            raise ValidationError(f"Must have at least {counted(self.least, 'image')}.")
        wrong = []
        for place, item in enumerate(value, start=1):
            try:
                check_reference(item)
            except ValidationError as error:
                wrong += [f"Image {place}: {message}" for message in error.messages]
            except BodyTooLarge as error:
                sentence = f"Image {place}: {error.message}"
                raise BodyTooLarge(errors={str(self.data_key): [sentence]}) from None
        if wrong:
            raise ValidationError(wrong)
        return tuple(item.strip() for item in value)


class Reference(Strict[str]):
    """One picture, given as reference images are."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        try:
            check_reference(value)
        except BodyTooLarge as error:
            raise BodyTooLarge(errors={str(self.data_key): [error.message]}) from None
        return str(value).strip()


def check_reference(item: Any) -> None:
    """Return if ``item`` may be a reference image, judging by its text alone.

    Raises:
        ValidationError: it is neither an http(s) URL nor base64.
        BodyTooLarge: it would decode to more than the limit.
    """
    if not isinstance(item, str):
        raise ValidationError("Must be a string.")
    text = item.strip()
    if text[:8].lower().startswith(_SCHEMES):
        http_url(text)
        return
    try:
        plain = letters(text)
    except ValueError as error:
        raise ValidationError(str(error)) from None
    if decoded_bytes(plain) > REFERENCE_MAX_BYTES:
        raise BodyTooLarge(f"Must be at most {REFERENCE_MAX_BYTES // 2**20} MB.")


def is_inline(reference: str) -> bool:
    """Return whether a validated reference is an inline picture and not a URL."""
    return not reference[:8].lower().startswith(_SCHEMES)
