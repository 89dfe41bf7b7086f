"""A primary and its replicas on loopback: servers of the tests' own, to be frozen, killed and promoted."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import redis

from stack import embedded
from tests.conftest import free_port, wait_until

#: nothing is kept: what a replica has it has from its primary
OPTIONS = (
    *("--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--loglevel", "warning"),
    *("--repl-diskless-sync-delay", "0", "--repl-diskless-load", "swapdb"),
)


class Instance:
    """One server on a port of loopback."""

    def __init__(self, folder: Path, primary: Instance | None = None) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        following = ("--replicaof", "127.0.0.1", str(primary.port)) if primary else ()
        self._process = subprocess.Popen(
            [str(embedded.binary()), "--port", str(self.port), *OPTIONS, *following],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            cwd=folder,
        )
        self.admin: Any = redis.Redis.from_url(self.url, decode_responses=True)
        wait_until(self._answers, what="the server")

    def _answers(self) -> bool:
        with contextlib.suppress(redis.ConnectionError):
            return bool(self.admin.ping())
        return False

    def follow(self, primary: Instance | None) -> None:
        """Be a replica of another server, or of none."""
        self.admin.replicaof(*(("127.0.0.1", primary.port) if primary else ("NO", "ONE")))

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it do and say nothing meanwhile; its connections stay."""
        os.kill(self._process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._process.pid, signal.SIGCONT)

    def close(self) -> None:
        self.admin.close()
        self._process.kill()
        self._process.wait()


class Group:
    """A primary and so many replicas that have all it has."""

    def __init__(self, folder: Path, count: int) -> None:
        self.primary = Instance(folder)
        self.replicas = [Instance(folder, self.primary) for _ in range(count)]
        self.settled()

    def settled(self) -> None:
        """Return when every replica follows the primary and has all it has."""
        wait_until(lambda: self._online() == len(self.replicas), what="the replicas")
        self.primary.admin.set("settled", 1)
        wait_until(
            lambda: self.primary.admin.wait(len(self.replicas), 100) == len(self.replicas),
            what="the replicas' data",
        )
        self.primary.admin.delete("settled")

    def _online(self) -> int:
        said = self.primary.admin.info("replication")
        rows = (said[name] for name in said if name.startswith("slave") and name[5:].isdigit())
        return sum(row["state"] == "online" for row in rows)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Let nobody follow the primary meanwhile."""
        for replica in self.replicas:
            replica.follow(None)
        wait_until(lambda: self._online() == 0, what="the end of the replicas")
        try:
            yield
        finally:
            for replica in self.replicas:
                replica.follow(self.primary)
            self.settled()

    def close(self) -> None:
        for instance in (*self.replicas, self.primary):
            instance.close()


@contextlib.contextmanager
def a_group(count: int) -> Iterator[Group]:
    """A primary with ``count`` replicas."""
    folder = Path(tempfile.mkdtemp(prefix="limner-replicas-"))
    group = Group(folder, count)
    try:
        yield group
    finally:
        group.close()
        shutil.rmtree(folder, ignore_errors=True)
