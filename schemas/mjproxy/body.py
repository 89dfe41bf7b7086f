"""What all bodies of midjourney-proxy's protocol have in common.

Unknown fields are ignored: clients send fields of several servers. What is empty counts as left out.
"""

from __future__ import annotations

from typing import Any

from schemas.fields import CallbackUrl, Text
from schemas.mjproxy.sent import SentState, Speed
from schemas.names import camel
from schemas.wire import Lenient

FACE = "mjproxy"
ID_LENGTH = 64
#: nothing is posted while a task waits (NOT_START), as midjourney-proxy does it
TOLD = ("submitted", "drawing")
_NAMES = {
    "callback_url": "notifyHook",
    "pictures": "base64Array",
    "picture": "base64",
    "mask": "maskBase64",
}


class ProxyBody(Lenient):
    """A body whose fields are called as the protocol calls them."""

    def on_bind_field(self, field_name: str, field_obj: Any) -> None:
        """Name the field on the wire."""
        field_obj.data_key = _NAMES.get(field_name) or camel(field_name)


class SubmitBody(ProxyBody):
    """What can be said of whatever is submitted."""

    state = SentState()
    callback_url = CallbackUrl()
    account_filter = Speed()
    mode = Speed()
    bot_type = Text(longest=ID_LENGTH)
