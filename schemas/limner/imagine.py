"""The bodies of ``imagine`` and ``origin/imagine``, loaded into ``limner.request.Request``.

Used by ``api/faces/limner/draw.py``. The callback URL is the caller's own or None; the API chooses the default.
Inline pictures stay text as received until the API has spooled them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError

from limner.prompt import NIJI_STYLES, STYLES, parse_prompt
from limner.request import Lane, Request
from limner.visible import shows_something
from schemas.fields import AspectRatio, Boolean, CallbackUrl, Number, OneOf, Tag, Text
from schemas.limner.references import References
from schemas.wire import Wire

PROMPT_LENGTH = 6000
EXTRA_LENGTH = 4096


class PromptText(Text):
    """A prompt with something to draw besides its flags."""

    def __init__(self) -> None:
        super().__init__(longest=PROMPT_LENGTH, required=True)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        text = super()._deserialize(value)
        if not shows_something(text):
            raise ValidationError("Must not be blank.")
        if not shows_something(parse_prompt(text).words):
            raise ValidationError("Must say what to draw, besides its flags.")
        return text


class _Common(Wire):
    prompt_en = PromptText()
    prompt = Text(longest=PROMPT_LENGTH)
    fast = Boolean(required=True)
    tag = Tag(required=True)
    callback_url = CallbackUrl()
    extra = Text(longest=EXTRA_LENGTH)

    def on_bind_field(self, field_name: str, field_obj: Any) -> None:
        """Name the field on the wire."""
        field_obj.data_key = _WIRE_NAMES.get(field_name, field_name)


class ImagineSchema(_Common):
    """The body of ``POST /draw/midjourney/imagine``."""

    niji = Boolean(absent=False)
    ar = AspectRatio(absent=(None, None))
    chaos = Number(0, 100)
    stylize = Number(0, 1000)
    style = OneOf((*STYLES, *NIJI_STYLES))
    tile = Boolean(absent=False)
    iw = Number(0, 2)
    references = References()

    def misfits(self, found: Mapping[str, Any]) -> dict[str, list[str]]:
        """Refuse another model's style, and a weight without pictures to weigh."""
        wrong = {}
        styles = NIJI_STYLES if found["niji"] else STYLES
        if found["style"] is not None and found["style"] not in styles:
            when = "with isNiji" if found["niji"] else "without isNiji"
            wrong["style"] = [f"Must be {' or '.join(styles)} {when}."]
        if found["iw"] and not found["references"]:
            wrong["iw"] = ["Must be 0 without imageList."]
        return wrong

    def read(self, body: Mapping[str, Any]) -> Request:
        """Return what the caller asks for.

        Raises:
            InvalidRequest: a field is wrong or unknown.
            BodyTooLarge: a reference image exceeds its size limit.
        """
        found = self.fields_of(body)
        lane = Lane.FAST if found.pop("fast") else Lane.RELAXED
        ar, asked = found.pop("ar")
        return Request(lane=lane, ar=ar, ar_requested=asked, **found)


class OriginImagineSchema(_Common):
    """The body of ``POST /draw/midjourney/origin/imagine``."""

    def read(self, body: Mapping[str, Any]) -> Request:
        """Return what the caller asks for.

        Raises:
            InvalidRequest: a field is wrong or unknown.
        """
        found = self.fields_of(body)
        lane = Lane.FAST if found.pop("fast") else Lane.RELAXED
        return Request(lane=lane, origin=True, **found)


_WIRE_NAMES = {
    "prompt_en": "promptEn",
    "callback_url": "callBackUrl",
    "niji": "isNiji",
    "tile": "isTile",
    "references": "imageList",
}
