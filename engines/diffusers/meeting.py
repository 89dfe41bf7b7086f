"""Where workers meet the drawing process that they share: a socket, a lock, and who listens.

All of it lies in a folder of this user's alone. The lock is held while a process is started, killed or
leaves, so that there is one for each configuration; the system lets go of it with whoever held it. Used
by ``process`` (the workers' end) and ``child`` (the drawing process).
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import socket
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from engines.diffusers.config import PipelineConfig
from engines.diffusers.model import NEEDED
from limner.errors import Refused

#: how long another process may hold the lock
LOCK_S = 10.0
_LOOK_S = 0.05
#: what a drawing process would do differently by
_ENVIRONMENT = (
    *("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME"),
    *("HF_HUB_OFFLINE", "HF_ENDPOINT", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"),
    *("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"),
    *("PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_ALLOC_CONF", "LD_LIBRARY_PATH", "PYTHONPATH"),
)
#: when each of this driver's files was written: newer ones must not talk to older ones
_WRITTEN = [path.stat().st_mtime for path in sorted(Path(__file__).parent.glob("*.py"))]
#: and the same of the libraries: a process that has loaded former ones may live a while
_LIBRARIES = [
    Path(spec.origin).stat().st_mtime
    for name in NEEDED
    if (spec := find_spec(name)) and spec.origin and Path(spec.origin).is_file()
]


class LockHeld(Exception):
    """Another process holds the lock."""


class MeetingPoint:
    """The files of one configuration's drawing process."""

    def __init__(self, folder: Path, key: str) -> None:
        self.key = key
        self.socket = folder / f"{key}.sock"
        #: one for all, so that none is ever left over
        self.lock_file = folder / "lock"
        self.log = folder / f"{key}.log"
        self._pid = folder / f"{key}.pid"

    @contextlib.contextmanager
    def locked(self, limit_s: float = LOCK_S) -> Iterator[None]:
        """Hold the lock.

        Raises:
            LockHeld: it was not to be had in time.
        """
        descriptor = os.open(self.lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            ends_s = time.monotonic() + limit_s
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= ends_s:
                        raise LockHeld from None
                time.sleep(_LOOK_S)
            yield
        finally:
            # That lets go of the lock, too.
            os.close(descriptor)

    def call(self) -> socket.socket | None:
        """Connect to whoever listens; None if nobody does."""
        line = socket.socket(socket.AF_UNIX)
        try:
            line.connect(str(self.socket))
        except OSError:
            # BlockingIOError, if its queue is full, is such a one as well.
            line.close()
            return None
        return line

    def listen(self) -> socket.socket:
        """Return a socket that listens here, in the place of one that nobody answers. Under the lock."""
        self.socket.unlink(missing_ok=True)
        # The number in it may be anybody's by now, and whoever starts the next process may die before it is noted.
        self._pid.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.socket))
        listener.listen(16)
        return listener

    def note(self, pid: int) -> None:
        """Write down who listens. Under the lock."""
        self._pid.write_text(str(pid), encoding="ascii")

    def listener(self) -> int | None:
        """Return who listens, if anybody does. Under the lock."""
        line = self.call()
        if line is None:
            return None
        with line:
            try:
                # Somebody listens, so nobody else can have that number.
                return int(self._pid.read_text(encoding="ascii"))
            except (OSError, ValueError):
                return None

    def leave(self) -> None:
        """Remove what a drawing process that ends leaves. Under the lock."""
        for path in (self.socket, self._pid, self.log):
            path.unlink(missing_ok=True)


def meeting_point(name: str, config: PipelineConfig) -> MeetingPoint:
    """Return where an engine's drawing process is met: one for each name, configuration and installation.

    Raises:
        Refused: the folder is not this user's alone.
    """
    told = [
        name,
        config.to_json(),
        sys.executable,
        _WRITTEN,
        _LIBRARIES,
        _processes(),
        {each: os.environ.get(each) for each in _ENVIRONMENT},
    ]
    key = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]
    return MeetingPoint(_folder(), key)


def _folder() -> Path:
    folder = Path(tempfile.gettempdir()) / f"limner-{os.getuid()}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    seen = folder.lstat()
    ours = seen.st_uid == os.getuid() and stat.S_ISDIR(seen.st_mode)
    if not ours or seen.st_mode & 0o077:
        raise Refused("setup", f"{folder} must be a folder of this user's, with mode 700")
    return folder


def _processes() -> str:
    """Return which processes are seen from here: containers may share a folder, but no process ids."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""
