"""The API's socket, which the supervisor keeps while servers behind it come and go; and whether ports are free.

It only binds: until a server listens, callers are refused as if nobody were there. Afterwards those who come
while one server follows another wait in the kernel.
"""

from __future__ import annotations

import errno
import socket

from limner.errors import ConfigError
from limner.settings.listening import bound_to


def open_door(host: str, port: int) -> socket.socket:
    """Return a socket bound to ``host:port``, of the family that gunicorn would take.

    Raises:
        ConfigError: another process has that port, or this machine no such address.
    """
    if why := port_trouble(host, port):
        raise ConfigError("LIMNER_PORT", in_words("--port", host, port, why))
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        address = socket.getaddrinfo(
            host, port, family, socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0][4]
        door = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise ConfigError("LIMNER_PORT", in_words("--port", host, port, _why(error))) from error
    try:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(address)
    except OSError as error:
        door.close()
        raise ConfigError("LIMNER_PORT", in_words("--port", host, port, _why(error))) from error
    return door


def port_trouble(host: str, port: int) -> str | None:
    """Return why we cannot listen on ``host:port`` now, or None."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return _why(error)
    return None


def in_words(option: str, host: str, port: int, why: str) -> str:
    """Return the sentence for operators about a port that cannot be had."""
    return f"{bound_to(host, port)} {why}; choose another with {option}"


def _why(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "is in use"
    return f"cannot be used: {error.strerror or error}"
