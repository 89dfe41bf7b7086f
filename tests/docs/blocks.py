"""The fenced blocks of the README, of docs/ and of examples/, and how each is tried; see ``test_blocks.py`` and ``test_blocks_run.py``.

A block names its language, or is ``text``: output, or a picture of something. A comment above it may say more:
``<!-- example: NAME -->`` names one, and ``<!-- elsewhere: WHY -->`` is for what needs a machine, a network or a
program that tests do not have: it is read with care, and not run.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HOME = Path(__file__).parents[2]
PAGES = [
    HOME / "README.md",
    *sorted((HOME / "docs").rglob("*.md")),
    *sorted((HOME / "examples").rglob("*.md")),
]
#: of these everything is for a server that is not this one
OF_OTHER_MACHINES = ("docs/deploying", "deploy/")
#: what some editors call them
ALSO = {"bash": "sh", "js": "javascript", "yml": "yaml", "caddyfile": "caddy", "systemd": "ini"}
#: what a reader looks at
OUTPUT = "text"
#: what a program reads
READ = ("toml", "yaml", "json", "nginx", "caddy", "ini", "logrotate", "env", "mermaid")
#: what is run
RUN = ("sh", "python", "javascript")

_FENCE = re.compile(r"^( *)```([^\n]*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_MARK = re.compile(r"<!-- (?:(example|elsewhere): )?(.+?) -->\s*$")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block; ``line`` is that of its fence."""

    page: str
    line: int
    language: str
    #: by ``<!-- NAME -->`` or ``<!-- example: NAME -->``
    name: str
    #: why it cannot be run here; "": it can
    elsewhere: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(*languages: str) -> list[Block]:
    """Return the blocks of all pages, or those in some languages, in their order."""
    found = (block for page in PAGES for block in blocks_of(page))
    return [block for block in found if not languages or block.language in languages]


def blocks_of(page: Path) -> Iterator[Block]:
    """Yield a page's blocks."""
    text = page.read_text(encoding="utf-8")
    name = page.relative_to(HOME).as_posix() if page.is_relative_to(HOME) else page.name
    for fence in _FENCE.finditer(text):
        above = _MARK.search(text[: fence.start()].rpartition("\n\n")[2])
        kind, said = above.groups() if above else (None, "")
        language = ALSO.get(fence[2].strip().lower(), fence[2].strip())
        elsewhere = said if kind == "elsewhere" else ""
        if not elsewhere and name.startswith(OF_OTHER_MACHINES) and language in RUN:
            elsewhere = "it is for a server"
        yield Block(
            page=name,
            line=text.count("\n", 0, fence.start()) + 1,
            language=language,
            name="" if elsewhere else said,
            elsewhere=elsewhere,
            text=textwrap.dedent(fence[3]),
        )
