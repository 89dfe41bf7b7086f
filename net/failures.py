"""Name an attempt's failure in one word, whichever library raised it and however it wrapped it.

Used by ``net/outgoing.py`` only.
"""

from __future__ import annotations

import socket
import ssl
from http.client import RemoteDisconnected

import urllib3

from limner.egress.address import AddressNotAllowed
from limner.egress.target import UrlRefused
from net.dialling import NameNotFound

#: error class → word; the first class that any cause is an instance of counts
WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (AddressNotAllowed, "not_allowed"),
    (UrlRefused, "url"),
    (urllib3.exceptions.ProxyError, "proxy"),
    (NameNotFound, "dns"),
    (ssl.SSLError, "tls"),
    (urllib3.exceptions.SSLError, "tls"),
    (ConnectionRefusedError, "refused"),
    (TimeoutError, "timeout"),
    (urllib3.exceptions.TimeoutError, "timeout"),
    (socket.gaierror, "dns"),
    (RemoteDisconnected, "reset"),
    (ConnectionError, "reset"),
    # The peer closed the connection before it had sent all it announced.
    (urllib3.exceptions.IncompleteRead, "reset"),
    (OSError, "unreachable"),
)


def closed_early(error: BaseException) -> bool:
    """Return whether the peer closed the connection without responding."""
    return any(
        isinstance(cause, (RemoteDisconnected, ConnectionResetError, BrokenPipeError))
        for cause in _causes(error)
    )


def word_of(error: BaseException, *, late: bool) -> str:
    """Return the word for an attempt's failure; ``late``: its deadline had passed."""
    if late:
        return "timeout"
    causes = _causes(error)
    for kind, word in WORDS:
        if any(isinstance(cause, kind) for cause in causes):
            return word
    return "protocol"


def _causes(error: BaseException) -> list[BaseException]:
    """Return an error and everything behind it: causes, contexts, reasons, arguments."""
    found: list[BaseException] = []
    todo: list[object] = [error]
    while todo:
        item = todo.pop()
        if isinstance(item, BaseException) and item not in found:
            found.append(item)
            todo += [item.__cause__, item.__context__, getattr(item, "reason", None), *item.args]
    return found
