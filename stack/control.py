"""A socket in the data folder by which a command reaches the ``limner up`` that runs on it.

One question a connection, a line of text; one answer, a line of JSON. Only the folder's owner can open it.
``stack.reload`` answers what ``limner reload`` asks; where the API is, which callers' commands ask, is answered here.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from limner.errors import ConfigError, LimnerError
from limner.log import event
from limner.settings.redis_socket import socket_path

log = logging.getLogger(__name__)

SOCKET_NAME = "up.sock"
RELOAD = b"reload\n"
#: of the same length
WHERE = b"where?\n"
#: how long whoever has connected may take for its question
QUESTION_S = 1.0
#: how long a command waits for its answer: longer than a reload may take
ANSWER_S = 300.0
#: the same, if it is only to be told: while it reloads, `limner up` answers nobody
TOLD_S = 2.0
#: a line of an answer at most
ANSWER_BYTES = 1_000_000


class NotRunning(LimnerError):
    """No `limner up` runs on this data folder."""


class Control:
    """The listening end. Nothing of it blocks for longer than ``QUESTION_S``."""

    def __init__(self, data_dir: Path, where: Callable[[], str]) -> None:
        """Listen, if no other process listens there; that is only logged: SIGHUP does the same.

        ``where()``: the API's URL on this machine.
        """
        self._where = where
        self._path = data_dir / SOCKET_NAME
        self._listening: socket.socket | None = None
        try:
            self._path = socket_path(data_dir, SOCKET_NAME)
            if _is_answered(self._path):
                raise OSError("another `limner up` listens there")
            self._path.unlink(missing_ok=True)
            self._listening = _listen(self._path)
        except (OSError, ConfigError) as error:
            event(log, "control.missed", level=logging.WARNING, why=str(error))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if self._listening:
            self._path.unlink(missing_ok=True)
            self._listening.close()

    def asked(self) -> socket.socket | None:
        """Return the connection of somebody who has asked for a reload, and waits for the answer."""
        if not self._listening:
            return None
        try:
            link, _ = self._listening.accept()
        except OSError:
            return None
        link.settimeout(QUESTION_S)
        with contextlib.suppress(OSError):
            question = link.recv(len(RELOAD), socket.MSG_WAITALL)
            if question == RELOAD:
                return link
            if question == WHERE:
                answer(link, {"api": self._where()})
        link.close()
        return None


def answer(link: socket.socket, body: Mapping[str, Any]) -> None:
    """Give somebody the answer, who may have gone meanwhile."""
    with link, contextlib.suppress(OSError):
        link.sendall(json.dumps(body).encode() + b"\n")


def ask_reload(data_dir: Path) -> dict[str, Any]:
    """Have the ``limner up`` of a data folder reload; return its answer.

    Raises:
        NotRunning: there is none.
        LimnerError: it did not answer in time, or ended meanwhile.
    """
    return _asked(data_dir, RELOAD, ANSWER_S)


def ask_where(data_dir: Path) -> str:
    """Return the URL of the API of the ``limner up`` of a data folder.

    Raises:
        NotRunning: there is none.
        LimnerError: it did not answer in time, as it reloads; or it ended meanwhile.
    """
    return str(_asked(data_dir, WHERE, TOLD_S).get("api", ""))


def _asked(data_dir: Path, question: bytes, limit_s: float) -> dict[str, Any]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        try:
            link.settimeout(limit_s)
            link.connect(str(socket_path(data_dir, SOCKET_NAME)))
        except (OSError, ConfigError):
            raise NotRunning(
                f"no `limner up` runs on {data_dir}: call this from its folder, or set LIMNER_DATA_DIR"
            ) from None
        try:
            link.sendall(question)
            with link.makefile("rb") as answers:
                line = answers.readline(ANSWER_BYTES)
            body: dict[str, Any] = json.loads(line)
        except TimeoutError:
            raise LimnerError(f"`limner up` has not answered within {limit_s:g} s") from None
        except (OSError, ValueError):
            raise LimnerError("`limner up` ended before it answered") from None
        return body


def is_up(data_dir: Path) -> bool:
    """Return whether a ``limner up`` listens in a data folder."""
    try:
        return _is_answered(socket_path(data_dir, SOCKET_NAME))
    except ConfigError:
        return False


def _listen(path: Path) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.bind(str(path))
        os.chmod(path, 0o600)
        listening.listen(8)
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    return listening


def _is_answered(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(QUESTION_S)
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True
