"""The bodies of ``button`` and ``refresh``, loaded into small values; used by ``api/faces/limner/follow.py``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from limner.canvas import DIRECTIONS, ZOOMS
from limner.followup import BUTTONS, UPSCALE, UPSCALE_KINDS, Press
from limner.request import CELLS, Lane
from schemas.buttons import misfits_of_button
from schemas.fields import (
    Boolean,
    CallbackUrl,
    Integer,
    Number,
    NumberOf,
    OneOf,
    Statuses,
    Tag,
    Text,
)
from schemas.names import wire_name
from schemas.prompt_fields import DEADLINE_MAX_S, EXTRA_LENGTH, PromptText
from schemas.references import Reference
from schemas.wire import Wire

#: longer than any of our ids; what is not an id is simply not found
ID_LENGTH = 64


class ButtonSchema(Wire):
    """The body of ``POST /draw/midjourney/button``."""

    button = OneOf(BUTTONS, required=True)
    message_id = Text(longest=ID_LENGTH, blank=False, required=True)
    tag = Tag(required=True)
    fast = Boolean(required=True)
    callback_url = CallbackUrl()
    extra = Text(longest=EXTRA_LENGTH)
    cell = Integer(1, CELLS)
    kind = OneOf(UPSCALE_KINDS)
    scale = NumberOf(ZOOMS)
    direction = OneOf(DIRECTIONS)
    mask = Reference()
    prompt_en = PromptText(required=False)
    deadline_s = Number(1, DEADLINE_MAX_S)
    callback_statuses = Statuses()
    previews = Boolean(absent=True)

    def on_bind_field(self, field_name: str, field_obj: Any) -> None:
        """Name the field on the wire."""
        field_obj.data_key = wire_name(field_name)

    def misfits(self, found: Mapping[str, Any]) -> dict[str, list[str]]:
        """Refuse fields that belong to another button, and a button without its own."""
        return misfits_of_button(found, wire_name)

    def read(self, body: Mapping[str, Any]) -> Press:
        """Return the button that the caller pressed.

        Raises:
            InvalidRequest: a field is wrong or unknown.
            BodyTooLarge: the mask exceeds its size limit.
        """
        found = self.fields_of(body)
        lane = Lane.FAST if found.pop("fast") else Lane.RELAXED
        if found["button"] == UPSCALE and found["kind"] is None:
            found["kind"] = UPSCALE_KINDS[0]
        return Press(lane=lane, **found)


class RefreshSchema(Wire):
    """The body of ``POST /draw/midjourney/refresh``."""

    tag = Tag(required=True)

    def read(self, body: Mapping[str, Any]) -> str:
        """Return the tag whose newest job is to be resubmitted.

        Raises:
            InvalidRequest: a field is wrong or unknown.
        """
        return str(self.fields_of(body)["tag"])
