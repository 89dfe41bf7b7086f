"""Load the Lua scripts that lie beside the store's Python, and call them; used by the store's parts only.

A script's first line names the libraries it builds on (``-- uses: base outbox``); they are put before
it, in that order; ``domain`` is made by ``domain.py``. The last lines of its header name the kinds of keys
that it reads and writes itself. Every script takes the key prefix as ARGV[1] and the time in ms as ARGV[2]
(empty: the server's own clock, the only one that all hosts share), and its own arguments after these.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from redis import ConnectionPool, Redis
from redis.commands.core import Script
from redis.connection import AbstractConnection
from redis.exceptions import ConnectionError, NoScriptError, ResponseError

from limner.store import domain

#: gives the time in ms since 1970; tests move it
Clock = Callable[[], int]
Command = tuple[str | int | float | bytes, ...]


class Scripts:
    """The scripts bound to one server, one key prefix and one clock."""

    def __init__(self, redis: Redis, prefix: str, clock: Clock | None) -> None:
        self._redis = redis
        self._prefix = prefix
        self._clock = clock
        self._loaded: dict[str, Script] = {}
        self._lines = _Lines(redis)

    def __call__(self, name: str, *args: str | int | float | bytes) -> Any:
        """Run the script ``<name>.lua``, whichever room it lies in, and return what it returns."""
        script = self._script(name)
        arguments = self._arguments(args)
        try:
            return self._lines.run("EVALSHA", script.sha, 0, *arguments)
        except NoScriptError:
            return script(args=arguments)

    def and_then(
        self, then: Callable[[Any], Command | None], name: str, *args: str | int | float | bytes
    ) -> tuple[Any, Any]:
        """Run the script, and on the same connection the command, if any, that ``then`` makes of its answer.

        Returns both answers, the second one also if it is an error. If the connection breaks, both are run again.
        """
        script = self._script(name)
        command = ("EVALSHA", script.sha, 0, *self._arguments(args))
        try:
            return self._lines.run_both(command, then)
        except NoScriptError:
            self._redis.script_load(script.script)
            return self._lines.run_both(command, then)

    def _script(self, name: str) -> Script:
        script = self._loaded.get(name)
        if script is None:
            script = self._loaded.setdefault(name, self._redis.register_script(source(name)))
        return script

    def _arguments(self, args: Sequence[str | int | float | bytes]) -> list[Any]:
        return [self._prefix, self._clock() if self._clock else "", *args]


class _Lines:
    """Connections taken out of the pool, each used for one script call at a time.

    What its pool does around a command costs more than the command itself: only the retry is kept.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        #: by their pool: a client may have one for each thread
        self._idle: dict[ConnectionPool, list[AbstractConnection]] = {}

    def run(self, *command: str | int | float | bytes) -> Any:
        """Return what the command returns."""
        return self._on_a_line(lambda line: _answer(line, command))

    def run_both(self, command: Command, then: Callable[[Any], Command | None]) -> tuple[Any, Any]:
        """Return what the command returns, and what the one after it does, or its error."""

        def asked(line: Any) -> tuple[Any, Any]:
            answer, after = _answer(line, command), None
            socket = line._sock
            if following := then(answer):
                try:
                    after = _answer(line, following)
                except ResponseError as error:
                    after = error
            # A line that was dropped in between makes itself anew, unasked.
            if line._sock is not socket:
                raise ConnectionError("The connection was lost between two commands.")
            return answer, after

        found: tuple[Any, Any] = self._on_a_line(asked)
        return found

    def _on_a_line(self, asked: Callable[[AbstractConnection], Any]) -> Any:
        pool = self._redis.connection_pool
        idle = self._idle.setdefault(pool, [])
        line = _line(pool, idle)
        try:
            return line.retry.call_with_retry(
                lambda: asked(line),
                lambda _error: line.disconnect(),  # type: ignore[no-untyped-call]
            )
        except ResponseError:
            raise
        except BaseException:
            # Its answer may still come; whoever has the line next must not get it.
            line.disconnect()  # type: ignore[no-untyped-call]
            raise
        finally:
            idle.append(line)


def _answer(line: AbstractConnection, command: Command) -> Any:
    line.send_command(*command)  # type: ignore[no-untyped-call]
    return line.read_response()


def _line(pool: ConnectionPool, idle: list[AbstractConnection]) -> AbstractConnection:
    try:
        line = idle.pop()
    except IndexError:
        return pool.get_connection()
    # A fork's child must not speak on its parent's connections.
    return line if line.pid == os.getpid() else _line(pool, idle)


@cache
def source(name: str) -> str:
    """Return the script's text with the libraries it uses before it.

    Lua allows 200 local names at a time: what a library keeps to itself stays in a block of its own.
    """
    texts = [text for _, text in parts(name)]
    later = ["\n".join(texts[place:]) for place in range(1, len(texts) + 1)]
    blocks = [_block(text, rest) for text, rest in zip(texts, later, strict=True)]
    return "\n".join([*blocks[:-1], texts[-1]])


#: a declaration at the top of a library: of a function, or of names with or without their values
_DECLARED = re.compile(r"^local (?:function (\w+)|(\w+(?:, *\w+)*)( *=)?)", re.M)


def _block(library: str, later: str) -> str:
    """Return a library's text as a block, with those names before it that the texts after it use."""
    used = set(re.findall(r"\w+", later))
    shared: list[str] = []

    def declared(match: re.Match[str]) -> str:
        function, names, assigned = match.groups()
        mine = [function] if function else re.split(", *", names)
        if not used & set(mine):
            return match[0]
        shared.extend(mine)
        if function:
            return f"function {function}"
        return f"{names}{assigned}" if assigned else f"--{names}"

    text = _DECLARED.sub(declared, library)
    before = f"local {', '.join(dict.fromkeys(shared))} " if shared else ""
    return f"{before}do {text}\nend"


def parts(name: str) -> list[tuple[str, str]]:
    """Return the libraries that the script uses, in order, and then itself: its name, its text."""
    body = _read(name)
    first = body.partition("\n")[0]
    uses = first.removeprefix("-- uses:").split() if first.startswith("-- uses:") else []
    return [*((library, _library(library)) for library in uses), (name, body)]


def _library(name: str) -> str:
    return domain.library() if name == "domain" else _read(f"lib_{name}")


def _read(name: str) -> str:
    return paths()[name].read_text(encoding="utf-8")


@cache
def paths() -> dict[str, Path]:
    """Return where each script and library lies, by its name."""
    return {path.stem: path for path in sorted(Path(__file__).parent.rglob("*.lua"))}
