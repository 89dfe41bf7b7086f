"""A Redis of a test's own, to be started, killed and made to refuse."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from limner.settings import redis_socket
from limner.store import Store
from stack import embedded
from tests.conftest import WRITTEN_FIRST, answers, wait_until


class Mortal:
    """One server; its folder outlives it, with all that the server has answered."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = redis_socket.socket_url(folder)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str, until: Callable[[Store], bool] = answers) -> None:
        """Start it, and return when it answers, or does what else is waited for."""
        self.process = subprocess.Popen(
            [*embedded.command(self.folder), *WRITTEN_FIRST, *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            cwd=self.folder,
        )
        store = Store(self.url)
        wait_until(lambda: until(store), what="the embedded server")
        store.close()

    @contextlib.contextmanager
    def silenced(self) -> Iterator[None]:
        """Let it say nothing meanwhile: connections are still taken, by the kernel."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.process.pid, signal.SIGCONT)

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
        self.process = None
