"""Many connections held by one process beside a measurement: the bench's side of it, and the crowd's.

A crowd is a module run as ``python -m``. It reads what it is to do as one line of JSON from stdin, says
in one line what it sees once it has gathered, stays until stdin closes, and says it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from stack import processes

#: how long a crowd may take to gather; then it is measured as far as it has come
GATHER_S = 20.0
#: a crowd whose bench hangs goes home after this time
MOST_S = 120.0
#: more than a thousand job ids and tokens
_LINE_BYTES = 4_000_000


class Crowd(Protocol):
    """What a crowd's module brings; all is called in one event loop."""

    def start(self) -> None:
        """Begin to connect."""

    def gathered(self) -> bool:
        """Return whether all have come."""

    def begin(self) -> None:
        """Do what is done only while all are there."""

    async def end(self) -> None:
        """Stop that, and wait for what is still due."""

    def seen(self) -> dict[str, Any]:
        """Return what it has seen so far, for JSON."""


@dataclass(slots=True)
class Held:
    """What a crowd said once it had gathered and, after the block, at its end."""

    gathered: dict[str, Any]
    ended: dict[str, Any] = field(default_factory=dict)


@contextlib.contextmanager
def held(module: str, asked: dict[str, Any]) -> Iterator[Held]:
    """Keep a crowd beside the block; everything about it is bounded in time."""
    process = subprocess.Popen(
        processes.python(module),
        cwd=processes.HOME,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    try:
        process.stdin.write(json.dumps(asked) + "\n")
        process.stdin.flush()
        crowd = Held(json.loads(process.stdout.readline()))
        yield crowd
        told, _ = process.communicate(timeout=GATHER_S)
        crowd.ended = json.loads(told)
    finally:
        process.kill()
        process.wait()


def many_files() -> None:
    """Let this process, and those it starts, open as many files as the system allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def be(make: Callable[[dict[str, Any]], Crowd]) -> None:
    """Be the crowd that ``make`` makes of what the bench asks for."""
    many_files()
    asyncio.run(_be(make))


async def _be(make: Callable[[dict[str, Any]], Crowd]) -> None:
    stdin = asyncio.StreamReader(limit=_LINE_BYTES)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdin), sys.stdin)
    crowd = make(json.loads(await stdin.readline()))
    crowd.start()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(GATHER_S):
            while not crowd.gathered():
                await asyncio.sleep(0.05)
    crowd.begin()
    _say(crowd.seen())
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(MOST_S):
            await stdin.read()
    await crowd.end()
    _say(crowd.seen())


def _say(seen: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(seen) + "\n")
    sys.stdout.flush()
