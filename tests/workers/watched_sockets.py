"""Sockets that note what is dialled over IP, in place of Python's own."""

from __future__ import annotations

import socket
from collections.abc import Container

import pytest


def watched(monkeypatch: pytest.MonkeyPatch, let_through: Container[str] = ()) -> list[str]:
    """Return the addresses that anybody dials from now on; all but ``let_through`` refuse.

    What goes to a socket in a file is let through, and not noted: threads of earlier tests may still look for their
    Redis.
    """
    found: list[str] = []

    class Watched(socket.socket):
        def connect(self, address):  # type: ignore[no-untyped-def]
            if self.family != socket.AF_UNIX:
                found.append(str(address[0]))
                if address[0] not in let_through:
                    raise ConnectionRefusedError
            return super().connect(address)

    monkeypatch.setattr(socket, "socket", Watched)
    return found
