"""Lock every set of packages in requirements/, or say whether that would change anything.

Run as ``make lock`` (``--upgrade``: to the newest versions allowed) and ``make lock-check`` (``--check``). A lock is
stale if resolving anew, with every version kept that still fits, gives other pins. Where no index can be reached,
the check was not tried, which it says; the tests compare the locks with ``pyproject.toml`` in any case.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests import seams

HOME = Path(__file__).parents[1]
UV = Path(sys.executable).with_name("uv")
#: the same locks for every platform and every Python from 3.11 on
COMPILE = (
    *("pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--generate-hashes"),
    *("--custom-compile-command", "make lock"),
)
_PROJECT = ("pyproject.toml", "--group", "build")
#: each lock, and what it is made of; developers have the versions that users have
LOCKS = {
    "run": _PROJECT,
    "otel": (*_PROJECT, "--extra", "otel", "--constraint", "requirements/run.txt"),
    "image": (
        *(*_PROJECT, "--extra", "otel", "--extra", "s3"),
        *("--constraint", "requirements/otel.txt"),
    ),
    "dev": (*_PROJECT, "--extra", "dev", "--constraint", "requirements/image.txt"),
    "mutate": (*_PROJECT, "--extra", "mutate", "--constraint", "requirements/dev.txt"),
    "clients": ("tests/clients/requirements.in",),
}
#: what a resolution reads
READ = ("pyproject.toml", "requirements", "tests/clients/requirements.in")
#: how uv says that it could not ask an index
_UNREACHED = re.compile(
    r"error sending request|failed to (?:connect|lookup)|dns error|connection (?:refused|reset)"
    r"|network (?:is unreachable|connectivity is disabled)|timed out|HTTP status server error",
    re.I,
)
_PIN = re.compile(r"^[\w.-]+==.*", re.M)


def compiled(lock: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Resolve a lock in ``folder``, which has what ``READ`` names."""
    output = ("--output-file", f"requirements/{lock}.txt")
    return subprocess.run(
        [UV, *COMPILE, *options, *LOCKS[lock], *output],
        cwd=folder,
        text=True,
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def lock_all(*options: str) -> int:
    """Write every lock; return uv's exit status."""
    for lock in LOCKS:
        made = compiled(lock, HOME, *options)
        sys.stderr.write(made.stderr)
        if made.returncode:
            return made.returncode
    for end in seams.ENDS:
        seams.resolve(end)
    return 0


def pins(text: str) -> dict[str, str]:
    """Return each pin of a lock and the marker that it is for; hashes and comments change by themselves."""
    found = (line.rstrip(" \\") for line in _PIN.findall(text))
    return {line.partition(" ;")[0]: line for line in found}


def stale(lock: str, folder: Path) -> list[str]:
    """Return what would be different in a lock, with a sign before each pin."""
    was, now = (
        set(pins((home / f"requirements/{lock}.txt").read_text(encoding="utf-8")).values())
        for home in (HOME, folder)
    )
    return [*(f"- {pin}" for pin in sorted(was - now)), *(f"+ {pin}" for pin in sorted(now - was))]


def check() -> int:
    """Say whether every lock is as a resolution would leave it; return an exit status."""
    wrong = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path in READ:
            there = folder / path
            there.parent.mkdir(parents=True, exist_ok=True)
            copy = shutil.copytree if (HOME / path).is_dir() else shutil.copy
            copy(HOME / path, there)
        for lock in LOCKS:
            made = compiled(lock, folder)
            if made.returncode and _UNREACHED.search(made.stderr):
                sys.stdout.write(f"Locks: not tried, no index can be reached.\n{made.stderr}")
                return wrong
            differs = made.stderr.splitlines() if made.returncode else stale(lock, folder)
            if differs:
                wrong = 1
                listed = "\n".join(f"  {line}" for line in differs)
                sys.stdout.write(f"requirements/{lock}.txt is stale: run make lock.\n{listed}\n")
    if not wrong:
        sys.stdout.write(f"Locks: {len(LOCKS)} are up to date.\n")
    return wrong


def main() -> None:
    """Lock, or check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; 1 if a lock is stale")
    parser.add_argument("--upgrade", action="store_true", help="to the newest versions allowed")
    options = parser.parse_args()
    sys.exit(check() if options.check else lock_all(*["--upgrade"] * options.upgrade))


if __name__ == "__main__":
    main()
