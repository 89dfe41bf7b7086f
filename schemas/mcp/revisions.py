"""The protocol's revisions, and which of them a request is of; used by ``api/faces/mcp/endpoint.py``.

Up to 2025-11-25 a session begins with ``initialize``. From 2026-07-28 on each request stands for itself: it
names its revision in ``params._meta`` and repeats it, its method and the tool's name in headers.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from schemas.mcp.messages import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    INVALID_REQUEST,
    UNSUPPORTED_VERSION,
    RpcError,
    RpcMessage,
)

HANDSHAKES = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
STATELESS = ("2026-07-28",)
REVISIONS = (*HANDSHAKES, *STATELESS)
#: a request without the header is of this one or an older one: the header came later
UNTOLD = "2025-03-26"
#: the first that has links to resources in results, and no batches
LINKS_FROM = "2025-06-18"

VERSION_HEADER = "Mcp-Protocol-Version"
METHOD_HEADER = "Mcp-Method"
NAME_HEADER = "Mcp-Name"
_META = "io.modelcontextprotocol/"
SERVER_INFO = _META + "serverInfo"
_VERSION = _META + "protocolVersion"
_ABILITIES = _META + "clientCapabilities"
#: method → the parameter that the name's header repeats
_NAMED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
#: how a header says what is not printable ASCII
_ENCODED = re.compile(r"=\?base64\?(.*)\?=")


#: returns what a header of the request says, by its name
Header = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Revision:
    """The revision that a request is of."""

    name: str

    @property
    def stateless(self) -> bool:
        """Whether each request stands for itself, and hanging up is how a call is cancelled."""
        return self.name in STATELESS

    @property
    def links(self) -> bool:
        """Whether a result may contain links to resources."""
        return self.name >= LINKS_FROM

    @property
    def batches(self) -> bool:
        """Whether several messages may come in one body."""
        return self.name < LINKS_FROM


def negotiated(asked: Any) -> str:
    """Return the revision that ``initialize`` answers: the one asked for, or the newest with a handshake."""
    return asked if asked in HANDSHAKES else HANDSHAKES[-1]


def revision_of(message: RpcMessage, header: Header) -> Revision:
    """Return the revision of one message.

    Raises:
        RpcError: the headers name one that is not served, or contradict the message.
    """
    told = header(VERSION_HEADER)
    meta = message.params.get("_meta")
    meta = meta if isinstance(meta, Mapping) else {}
    if message.method == "initialize" and told not in STATELESS:
        return Revision(negotiated(message.params.get("protocolVersion")))
    if told in STATELESS or _VERSION in meta:
        if message.expects_answer:
            _check(message, meta, told, header)
        if told not in STATELESS:
            raise _unsupported(told)
        return Revision(told)
    if told is not None and told not in HANDSHAKES:
        raise _unsupported(told)
    return Revision(told or UNTOLD)


def _check(message: RpcMessage, meta: Mapping[str, Any], told: str | None, header: Header) -> None:
    """Return if a request of a stateless revision has all that it needs, and its headers say the same."""
    if missing := [name for name in (_VERSION, _ABILITIES) if name not in meta]:
        raise RpcError(INVALID_PARAMS, f"params._meta lacks {' and '.join(missing)}.")
    key = _NAMED.get(message.method)
    named = message.params.get(key) if key else None
    pairs = (
        (VERSION_HEADER, told, meta[_VERSION]),
        (METHOD_HEADER, header(METHOD_HEADER), message.method),
        # Without a name in the body, the method itself says what is missing.
        (NAME_HEADER, named and _decoded(header(NAME_HEADER)), named),
    )
    for name, said, meant in pairs:
        if said != meant:
            raise RpcError(HEADER_MISMATCH, f"The header {name} does not say what the body does.")


def _decoded(value: str | None) -> str | None:
    """Return what a header says; None: it cannot be decoded."""
    found = _ENCODED.fullmatch(value) if value else None
    if found is None:
        return value
    try:
        return base64.b64decode(found[1], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def _unsupported(asked: str | None) -> RpcError:
    if asked is None:
        return RpcError(INVALID_REQUEST, f"The header {VERSION_HEADER} is missing.")
    data = {"supported": list(REVISIONS), "requested": asked[:64]}
    return RpcError(UNSUPPORTED_VERSION, "This revision of the protocol is not served.", data)
