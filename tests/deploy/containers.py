"""Podman on this machine: which options let it run a container at all, and a Debian in place of an image that is not here."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.tags import platform_tags

from tests.deploy.image import DOCKERFILE, locked_for

#: what the image is built on
BASE = re.search(r"^FROM (\S+)$", DOCKERFILE, re.M)[1]
#: what stands in for it, and for Redis's
STAND_IN = "localhost/limner-check-base:1"
PACKAGES = ("ca-certificates", "python3", "python3-pip", "python-is-python3", "redis-server")
#: Debian's pip would not install beside Debian's packages
ENVIRONMENT = ("PIP_BREAK_SYSTEM_PACKAGES=1", "PIP_ROOT_USER_ACTION=ignore")
LIMIT_S = 1200


class NotTried(Exception):
    """What is missing here."""


def run(*command: str | Path, check: bool = True, **options) -> subprocess.CompletedProcess[str]:
    """Run a program; its last line says why it failed."""
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=LIMIT_S, **options
    )
    if check and done.returncode:
        raise RuntimeError(f"{Path(command[0]).name}: {last_line(done)}")
    return done


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    """Return the last thing that a program said."""
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[-1] if lines else f"exit code {done.returncode}"


@dataclass(frozen=True, slots=True)
class Podman:
    """Podman with the options that it needs here."""

    tool: str
    before: tuple[str, ...] = ()
    #: of each container
    options: tuple[str, ...] = ()

    def __call__(self, *arguments: str | Path, check: bool = True) -> str:
        """Run one of its commands; return its output, without what Podman has to say beside."""
        return run(self.tool, *self.before, *arguments, check=check).stdout

    def log(self, name: str) -> str:
        """Return what a container has written to its standard output and error."""
        done = run(self.tool, *self.before, "logs", name)
        return done.stdout + done.stderr

    def has(self, image: str) -> bool:
        """Say whether an image is on this machine."""
        return run(self.tool, "image", "exists", image, check=False).returncode == 0

    def able(self, image: str) -> Podman:
        """Return the one with the first options by which a container runs here.

        Raises:
            NotTried: none does.
        """
        runtimes = [(), *(("--runtime", name) for name in ("runc", "crun") if shutil.which(name))]
        inits = (("--init",), ())
        for before, limits, init in itertools.product(runtimes, ((), _limits()), inits):
            options = (*init, *limits)
            done = run(
                *(self.tool, *before, "run", "--rm", "--network=none", *options, image, "true"),
                check=False,
            )
            if done.returncode == 0:
                return Podman(self.tool, before, options)
        raise NotTried(f"podman cannot run a container here: {last_line(done)}")


def _limits() -> tuple[str, ...]:
    """Return limits that a process which may not raise its own can give to a container."""
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    return ("--ulimit", f"nofile={files}:{files}", "--ulimit", "nproc=8192:8192")


def podman() -> Podman:
    """Return Podman.

    Raises:
        NotTried: it is not installed.
    """
    if not (tool := shutil.which("podman")):
        raise NotTried("podman is not installed (Debian and Ubuntu: apt install podman)")
    return Podman(tool)


def stand_in(tool: Podman) -> None:
    """Make a Debian of the base image's release, with its Python, if it is not here yet.

    Raises:
        NotTried: that takes debootstrap, and root.
    """
    if tool.has(STAND_IN):
        return
    if not shutil.which("debootstrap") or os.geteuid():
        raise NotTried(f"{BASE} is not here (podman pull), and debootstrap, by root, cannot be run")
    with tempfile.TemporaryDirectory() as name:
        root, archive = Path(name) / "root", Path(name) / "root.tar"
        release = BASE.rpartition("-")[2]
        included = f"--include={','.join(PACKAGES)}"
        run("debootstrap", "--variant=minbase", included, release, root)
        apart = [f"--exclude=./{folder}" for folder in ("dev", "proc", "sys", "var/cache/apt")]
        run("tar", "-C", root, *apart, "-cf", archive, ".")
        changes = itertools.chain.from_iterable(("--change", f"ENV {one}") for one in ENVIRONMENT)
        tool("import", *changes, archive, STAND_IN)


@contextlib.contextmanager
def wheels(tool: Podman) -> Iterator[Sequence[str]]:
    """Have at hand what the stand-in's Python installs; give the options by which its pip finds it and asks nobody else."""
    version = tool("run", "--rm", *tool.options, STAND_IN, "python3", "-V").split()[1]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "lock.txt").write_text(locked_for(version))
        (folder / "pip.conf").write_text("[global]\nno-index = true\nfind-links = /wheels\n")
        platforms = itertools.chain.from_iterable(("--platform", tag) for tag in platform_tags())
        run(
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"),
            *("--only-binary=:all:", "--implementation", "cp", *platforms),
            *("--python-version", ".".join(version.split(".")[:2])),
            *("--requirement", folder / "lock.txt", "--dest", folder),
        )
        yield (
            *("--from", STAND_IN, "--network=none", "--volume", f"{folder}:/wheels:ro"),
            *("--volume", f"{folder / 'pip.conf'}:/etc/pip.conf:ro"),
        )


def inspected(tool: Podman, name: str) -> dict:
    """Return what Podman knows of a container."""
    (found,) = json.loads(tool("inspect", name))
    return found
