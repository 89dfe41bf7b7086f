"""The bodies of ``imagine``, ``origin/imagine``, ``blend`` and ``describe``, loaded into ``limner.request.Request``.

Used by ``api/faces/limner/draw.py``. The callback URL is the caller's own or None; the API chooses the default.
Inline pictures stay text as received until the API has spooled them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from limner.prompt import NIJI_STYLES, QUALITIES, STYLES
from limner.request import CELLS, Lane, Request
from schemas.fields import (
    AspectRatio,
    Boolean,
    CallbackUrl,
    Integer,
    Name,
    Number,
    NumberOf,
    OneOf,
    Size,
    Statuses,
    Tag,
    Text,
)
from schemas.names import wire_name
from schemas.prompt_fields import (
    DEADLINE_MAX_S,
    EXTRA_LENGTH,
    NEGATIVE_LENGTH,
    PROMPT_LENGTH,
    SEED_MOST,
    PromptText,
)
from schemas.references import References
from schemas.wire import Wire


class _Delivery(Wire):
    """What callers say about a job besides what is drawn."""

    fast = Boolean(required=True)
    tag = Tag(required=True)
    callback_url = CallbackUrl()
    extra = Text(longest=EXTRA_LENGTH)
    engine = Name()
    deadline_s = Number(1, DEADLINE_MAX_S)
    callback_statuses = Statuses()
    previews = Boolean(absent=True)
    dry_run = Boolean(absent=False)

    def on_bind_field(self, field_name: str, field_obj: Any) -> None:
        """Name the field on the wire."""
        field_obj.data_key = wire_name(field_name)

    def request_of(self, body: Mapping[str, Any], **more: Any) -> Request:
        """Return what the caller asks for, with ``more`` of the request's fields.

        Raises:
            InvalidRequest: a field is wrong or unknown.
            BodyTooLarge: a picture exceeds its size limit.
        """
        found = self.fields_of(body)
        lane = Lane.FAST if found.pop("fast") else Lane.RELAXED
        if "ar" in found:
            found["ar"], found["ar_requested"] = found["ar"]
        return Request(lane=lane, **found, **more)


class _Prompted(_Delivery):
    prompt_en = PromptText()
    prompt = Text(longest=PROMPT_LENGTH)
    count = Integer(1, CELLS)
    size = Size()


class ImagineSchema(_Prompted):
    """The body of ``POST /draw/midjourney/imagine``."""

    niji = Boolean(absent=False)
    ar = AspectRatio(absent=(None, None))
    chaos = Number(0, 100)
    stylize = Number(0, 1000)
    style = OneOf((*STYLES, *NIJI_STYLES))
    tile = Boolean(absent=False)
    iw = Number(0, 2)
    references = References()
    seed = Integer(0, SEED_MOST)
    negative = Text(longest=NEGATIVE_LENGTH)
    version = Name()
    quality = NumberOf(QUALITIES)
    weird = Number(0, 3000)
    raw = Boolean(absent=False)
    draft = Boolean(absent=False)
    hd = Boolean(absent=False)
    style_references = References()
    style_weight = Number(0, 1000)
    object_references = References()
    object_weight = Number(0, 1000)

    def misfits(self, found: Mapping[str, Any]) -> dict[str, list[str]]:
        """Refuse another model's style, and a weight without pictures to weigh."""
        wrong = {}
        styles = NIJI_STYLES if found["niji"] else STYLES
        if found["style"] is not None and found["style"] not in styles:
            when = "with isNiji" if found["niji"] else "without isNiji"
            wrong["style"] = [f"Must be {' or '.join(styles)} {when}."]
        if found["iw"] and not found["references"]:
            wrong["iw"] = ["Must be 0 without imageList."]
        for weight, pictures in _WEIGHED:
            if found[weight] and not found[pictures]:
                wrong[wire_name(weight)] = [f"Must be 0 without {wire_name(pictures)}."]
        return wrong

    def read(self, body: Mapping[str, Any]) -> Request:
        """Return what the caller asks for, as ``request_of`` does."""
        return self.request_of(body)


class OriginImagineSchema(_Prompted):
    """The body of ``POST /draw/midjourney/origin/imagine``."""

    def read(self, body: Mapping[str, Any]) -> Request:
        """Return what the caller asks for, as ``request_of`` does."""
        return self.request_of(body, origin=True)


class BlendSchema(_Delivery):
    """The body of ``POST /draw/midjourney/blend``: two to five pictures, and words if the caller likes."""

    prompt_en = Text(longest=PROMPT_LENGTH, absent="")
    prompt = Text(longest=PROMPT_LENGTH)
    count = Integer(1, CELLS)
    size = Size()
    ar = AspectRatio(absent=(None, None))
    references = References(least=2, most=5, required=True)
    seed = Integer(0, SEED_MOST)

    def read(self, body: Mapping[str, Any]) -> Request:
        """Return what the caller asks for, as ``request_of`` does."""
        return self.request_of(body, operation="blend")


class DescribeSchema(_Delivery):
    """The body of ``POST /draw/midjourney/describe``: one picture."""

    references = References(least=1, most=1, required=True)

    def read(self, body: Mapping[str, Any]) -> Request:
        """Return what the caller asks for, as ``request_of`` does."""
        return self.request_of(body, operation="describe", prompt_en="", count=1)


_WEIGHED = (("style_weight", "style_references"), ("object_weight", "object_references"))
