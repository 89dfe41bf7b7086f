"""The last release beside this tree: its files in a folder of their own, its processes on the same Redis.

``released.txt`` names the last release and its commit. A checkout without that commit in its history (a shallow
one, an archive) skips what needs it, and says so; the frozen store of that release (``tests/recorded/frozen``)
is read in any checkout.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from tests.acceptance.house import House
from tests.conftest import free_port

HOME = Path(__file__).parents[3]
RELEASE, COMMIT = (Path(__file__).with_name("released.txt")).read_text(encoding="utf-8").split()


def unpack(folder: Path) -> Path:
    """Put the files of the last release into ``folder``; skip the test where git does not have them."""
    git = shutil.which("git")
    packed = git and subprocess.run(
        [git, "archive", COMMIT], cwd=HOME, capture_output=True, check=False, timeout=60
    )
    if not packed or packed.returncode:
        pytest.skip(f"the commit of {RELEASE} ({COMMIT[:12]}) is not in this checkout's history")
    with tarfile.open(fileobj=BytesIO(packed.stdout)) as files:
        files.extractall(folder, filter="data")
    return folder


class Upgraded(House):
    """A house that the last release made, in which its processes run beside those of this tree."""

    def __init__(self, former: Path, engines: str) -> None:
        super().__init__(engines)
        self._former, self._is_former = former, False
        self._own_port, self._former_port = self.settings.port, free_port()
        self._of_former = self.environ | {
            "PYTHONPATH": str(former),
            "LIMNER_PORT": str(self._former_port),
        }

    def __enter__(self) -> Upgraded:
        super().__enter__()
        # From here on the data are the last release's alone.
        self.store.redis.flushall()
        added = self._command("clients", "add", "ann", "--callback-allow", "127.0.0.1:*", "--json")
        made = subprocess.run(
            added, cwd=self._former, env=self._of_former, capture_output=True, check=True
        )
        self.token = json.loads(made.stdout)["token"]
        return self

    @contextmanager
    def former(self) -> Iterator[None]:
        """What is started within is of the last release, what is asked within is asked of its API."""
        self._is_former = True
        self.settings = replace(self.settings, port=self._former_port)
        try:
            yield
        finally:
            self._is_former = False
            self.settings = replace(self.settings, port=self._own_port)

    def _command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "limner", *words]

    def _start(self, name: str, command: list[str]) -> None:
        if not self._is_former or name == "redis":
            super()._start(name, command)
            return
        queue, _, mark = name.partition("-")
        words = ["worker", queue, "--name", mark] if mark else [queue]
        # By its own command, in its own folder: Python looks there first.
        name = name if mark else f"former-{name}"
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                self._command(*words),
                cwd=self._former,
                env=self._of_former,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def drew(self, worker: str) -> set[str]:
        """The ids of the jobs that a worker has submitted to an engine."""
        return set(re.findall(r"job\.submitted.*?\b([0-9a-f]{32})\b", self.log(worker)))
