"""Run the tests of private seams over the lowest and the newest versions that pyproject.toml allows.

Run as ``make test-seams``. A package with an upper bound is one whose private parts we use. Its lowest
and its newest version, and what these need, are laid before the locked ones for one run of the tests
marked ``seam``; their processes see the same packages. ``make lock`` (``tests.locks``) says which versions
these are (``requirements/seams-*.txt``), so that a run does not depend on what came out since.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import distributions
from pathlib import Path

HOME = Path(__file__).parents[1]
BUILD = HOME / "build/seams"
UV = (Path(sys.executable).with_name("uv"), "pip", "--quiet")
#: how each end of the allowed versions is called, here and by uv
ENDS = {"lowest": "lowest-direct", "newest": "highest"}
#: much of a test's time is waiting for processes, as in the Makefile
TESTERS = os.environ.get("TESTERS", "5")


def bounded() -> list[str]:
    """Return the requirements with an upper bound that stands for a seam."""
    asked = tomllib.loads((HOME / "pyproject.toml").read_text(encoding="utf-8"))
    others = asked["tool"]["limner"]["major-bounds"]
    return [
        one
        for one in asked["project"]["dependencies"]
        if "<" in one.partition(";")[0] and re.match(r"[\w-]+", one)[0] not in others
    ]


def marked() -> list[str]:
    """Return the files with tests of seams: looking for them in all files takes longer than many a test."""
    files = (HOME / "tests").rglob("test_*.py")
    return sorted(str(file) for file in files if "mark.seam" in file.read_text(encoding="utf-8"))


def resolve(end: str) -> None:
    """Lock one end of the allowed versions, and what it needs, with hashes."""
    options = ["--universal", "--python-version", "3.11", "--generate-hashes", "--upgrade"]
    said = ["--custom-compile-command", "make lock", "--resolution", ENDS[end]]
    subprocess.run(
        [*UV, "compile", *options, *said, "--output-file", lock_of(end), "-"],
        input="\n".join(bounded()),
        text=True,
        check=True,
        stdout=subprocess.DEVNULL,
    )


def install(end: str, folder: Path) -> None:
    """Put one end of the allowed versions into ``folder``."""
    shutil.rmtree(folder, ignore_errors=True)
    options = ["--python", sys.executable, "--require-hashes", "--target", folder]
    subprocess.run([*UV, "install", *options, "--requirement", lock_of(end)], check=True)


def lock_of(end: str) -> Path:
    """Return the file that says which versions an end has."""
    return HOME / "requirements" / f"seams-{end}.txt"


def versions(folder: Path) -> str:
    """Return which versions of the bounded packages are in ``folder``."""
    names = {re.match(r"[\w-]+", asked)[0] for asked in bounded()}
    found = {dist.name: dist.version for dist in distributions(path=[str(folder)])}
    assert names <= set(found), names - set(found)
    return " ".join(f"{name} {found[name]}" for name in sorted(names))


def run(end: str) -> int:
    """Run the tests over one end; return pytest's exit status."""
    folder = BUILD / end
    install(end, folder)
    sys.stdout.write(f"The seams with the {end} versions: {versions(folder)}\n")
    sys.stdout.flush()
    before = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([str(folder), *([before] if before else [])])
    command = [sys.executable, "-m", "pytest", "-q", "-m", "seam", "-n", TESTERS]
    return subprocess.run(
        [*command, *sys.argv[1:], *marked()],
        cwd=HOME,
        env=os.environ | {"PYTHONPATH": path},
        check=False,
    ).returncode


def main() -> None:
    """Run both ends, the second also where the first fails."""
    failed = [end for end in ENDS if run(end)]
    if failed:
        sys.exit(f"The seams do not hold with the {' and the '.join(failed)} versions.")


if __name__ == "__main__":
    main()
