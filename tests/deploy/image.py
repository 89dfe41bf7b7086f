"""Which files the image is made of, by setuptools' settings, and which of a folder a build may copy."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

from docker.utils.build import PatternMatcher, exclude_paths
from packaging.markers import default_environment
from packaging.requirements import Requirement
from setuptools import find_packages

HOME = Path(__file__).parents[2]
DOCKERFILE = (HOME / "Dockerfile").read_text(encoding="utf-8")
PROJECT = tomllib.loads((HOME / "pyproject.toml").read_text(encoding="utf-8"))
VERSION = PROJECT["project"]["version"]
#: which packages become the wheel, its modules beside them, and what lies in it besides code
SETUPTOOLS = PROJECT["tool"]["setuptools"]
MODULES = SETUPTOOLS["py-modules"]
#: those that a build may choose from
LOCKS = ("image", "otel", "run")


def of_the_wheel() -> set[str]:
    """Return the files of the wheel, as setuptools finds them."""
    packages = find_packages(str(HOME), **SETUPTOOLS["packages"]["find"])
    found = [HOME / f"{module}.py" for module in MODULES]
    for package in packages:
        found += (HOME / package.replace(".", "/")).glob("*.py")
    for package, patterns in SETUPTOOLS["package-data"].items():
        for pattern in patterns:
            found += (HOME / package.replace(".", "/")).glob(pattern)
    return {str(path.relative_to(HOME)) for path in found if path.is_file()}


def needed() -> set[str]:
    """Return every file that the image needs."""
    metadata = {PROJECT["project"]["readme"], *PROJECT["project"]["license-files"]}
    locks = {f"requirements/{lock}.txt" for lock in LOCKS}
    return {"pyproject.toml", *metadata, *locks, *of_the_wheel()}


def let_in(folder: Path) -> set[str]:
    """Return the files of ``folder`` that a build may copy; those that describe it are sent, and left out again.

    As Docker's older builder finds them, and Buildah (1.28 and newer) and with it Podman: they look into no folder that is left out
    unless a pattern that lets something in begins with its very name.
    """
    return _files(folder, exclude_paths(str(folder), _patterns()))


def let_in_one_by_one(folder: Path) -> set[str]:
    """Return the same as BuildKit finds them: whatever its folder, each file is asked about."""
    judge = PatternMatcher(_patterns())
    heads = {line[1:].partition("/")[0] for line in _patterns() if line.startswith("!")}
    tops = [top for head in heads for top in folder.glob(head)]
    found = (str(path.relative_to(folder)) for top in tops for path in (top, *top.rglob("*")))
    return _files(folder, (path for path in found if not judge.matches(path)))


def _patterns() -> list[str]:
    lines = (HOME / ".dockerignore").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _files(folder: Path, paths: Iterable[str]) -> set[str]:
    return {path for path in paths if (folder / path).is_file()} - {"Dockerfile", ".dockerignore"}


def locked_for(python: str, lock: str = "image") -> str:
    """Return the pins of a lock that a Python of that full version installs, each with its hashes."""
    short = ".".join(python.split(".")[:2])
    environment = {**default_environment(), "python_full_version": python, "python_version": short}
    text = re.sub(r" \\\n *", " ", (HOME / f"requirements/{lock}.txt").read_text(encoding="utf-8"))
    kept = []
    for line in text.splitlines():
        if not re.match(r"[\w.-]+==", line):
            continue
        pin, *hashes = line.split(" --hash=")
        asked = Requirement(pin)
        if asked.marker is None or asked.marker.evaluate(environment):
            kept.append(" --hash=".join([f"{asked.name}{asked.specifier}", *hashes]))
    return "\n".join(kept) + "\n"
