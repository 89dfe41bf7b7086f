"""``python -m tests.lua_check``: run luacheck over every script of the store, as it is loaded.

A library alone knows none of the names that it builds on, so each script is read with its libraries before
it, and what is found is told of the file that it lies in. A library is used in parts: that something in
it is unused counts only if every script that has the library says so.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from limner.store import domain, scripts

HOME = Path(__file__).parents[1]
LIBRARY = "lib_"
MISSING = "luacheck is not installed (Debian and Ubuntu: apt install lua-check; elsewhere: luarocks install luacheck)"

#: the name of a script or a library, and its text
Part = tuple[str, str]
_LINE = re.compile(
    r"^(?P<script>[^:]+)\.lua:(?P<line>\d+):(?P<column>\d+): \((?P<code>\w+)\) (?P<what>.*)$"
)
_OTHER_LINE = re.compile(r"\bon line (\d+)")


@dataclass(frozen=True, order=True)
class Finding:
    """What luacheck says of one place; ``code`` is luacheck's own (W211: unused variable)."""

    file: str
    line: int
    column: int
    code: str
    what: str

    @property
    def is_of_use(self) -> bool:
        """Say whether it is about a name or a value that nothing uses."""
        return self.code.startswith(("W2", "W3"))

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: ({self.code}) {self.what}"


def main() -> int:
    """Print what is found; without luacheck, fail only where CI is set and could have it."""
    if not shutil.which("luacheck"):
        sys.stderr.write(f"Lua is not checked: {MISSING}.\n")
        return 1 if os.environ.get("CI") and not os.environ.get("LUACHECK_OPTIONAL") else 0
    names = [name for name in scripts.paths() if not name.startswith(LIBRARY)]
    loaded = {name: scripts.parts(name) for name in names}
    found = [*map(str, check(loaded)), *unloaded(loaded)]
    said = found or [f"Lua is well: {len(loaded)} scripts."]
    sys.stdout.write("".join(f"{line}\n" for line in said))
    return 1 if found else 0


def unloaded(loaded: Mapping[str, list[Part]]) -> list[str]:
    """Return a line for each library that no script uses: it is checked nowhere."""
    used = {name for parts in loaded.values() for name, _ in parts}
    libraries = [name for name in scripts.paths() if name.startswith(LIBRARY)]
    return [
        f"{file_of(name)}: no script uses it"
        for name in libraries
        if name.removeprefix(LIBRARY) not in used
    ]


def check(loaded: Mapping[str, list[Part]]) -> list[Finding]:
    """Return what luacheck finds in these scripts, each finding once."""
    seen_by: dict[Finding, set[str]] = defaultdict(set)
    for script, finding in _findings(loaded):
        seen_by[finding].add(script)
    having: dict[str, set[str]] = defaultdict(set)
    for script, parts in loaded.items():
        for name, _ in parts:
            having[file_of(name)].add(script)
    return sorted(
        finding
        for finding, seen in seen_by.items()
        if not finding.is_of_use or seen == having[finding.file]
    )


def file_of(part: str) -> str:
    """Return where a part of a script is written, from the repository's root."""
    if part == "domain":
        return f"{Path(domain.__file__).relative_to(HOME).as_posix()} (what it makes)"
    paths = scripts.paths()
    path = paths.get(part) or paths.get(LIBRARY + part)
    return path.relative_to(HOME).as_posix() if path else part


def _findings(loaded: Mapping[str, list[Part]]) -> Iterator[tuple[str, Finding]]:
    for text in _luacheck({name: [text for _, text in parts] for name, parts in loaded.items()}):
        match = _LINE.match(text)
        if not match:
            raise RuntimeError(f"luacheck said: {text}")
        lines = _lines(loaded[match["script"]])
        file, line = lines[int(match["line"]) - 1]
        what = _OTHER_LINE.sub(partial(_elsewhere, lines), match["what"])
        yield match["script"], Finding(file, line, int(match["column"]), match["code"], what)


def _elsewhere(lines: list[tuple[str, int]], other: re.Match[str]) -> str:
    return "at {}:{}".format(*lines[int(other[1]) - 1])


def _luacheck(texts: Mapping[str, Iterable[str]]) -> list[str]:
    """Run it over all of them at once; returns its lines."""
    with tempfile.TemporaryDirectory() as folder:
        for name, pieces in texts.items():
            (Path(folder) / f"{name}.lua").write_text("\n".join(pieces), encoding="utf-8")
        done = subprocess.run(
            [
                *("luacheck", "--config", HOME / ".luacheckrc", "--formatter", "plain"),
                *("--codes", "--no-cache", *(f"{name}.lua" for name in texts)),
            ],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
    # 0: nothing; 1: warnings; 2: errors in the Lua. From 3 on it did not run.
    if done.returncode > 2:
        raise RuntimeError(f"luacheck failed: {done.stdout}{done.stderr}")
    return done.stdout.splitlines()


def _lines(parts: Iterable[Part]) -> list[tuple[str, int]]:
    """Return of each line of a loaded script the file that it is written in, and its number there."""
    return [
        (file_of(name), number)
        for name, text in parts
        for number, _ in enumerate(text.split("\n"), start=1)
    ]


if __name__ == "__main__":
    sys.exit(main())
