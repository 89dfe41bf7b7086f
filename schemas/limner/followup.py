"""The bodies of ``button`` and ``refresh``, loaded into small values; used by ``api/faces/limner/follow.py``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from limner.followup import BUTTONS, Press
from limner.request import Lane
from schemas.fields import Boolean, CallbackUrl, OneOf, Tag, Text
from schemas.limner.imagine import EXTRA_LENGTH
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

    def on_bind_field(self, field_name: str, field_obj: Any) -> None:
        """Name the field on the wire."""
        field_obj.data_key = _WIRE_NAMES.get(field_name, field_name)

    def read(self, body: Mapping[str, Any]) -> Press:
        """Return the button that the caller pressed.

        Raises:
            InvalidRequest: a field is wrong or unknown.
        """
        found = self.fields_of(body)
        lane = Lane.FAST if found.pop("fast") else Lane.RELAXED
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


_WIRE_NAMES = {
    "button": "buttonType",
    "message_id": "messageId",
    "callback_url": "callBackUrl",
}
