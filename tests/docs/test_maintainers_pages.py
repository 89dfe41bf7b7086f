"""What docs/ says about the code, held against the code: files that are named, one page per decision."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from limner.engine import Engine

HOME = Path(__file__).parents[2]
DECISIONS = sorted((HOME / "docs/decisions").glob("[0-9]*.md"))
PAGES = [HOME / "docs/architecture.md", *DECISIONS]
ROOMS = sorted(path.parent.name for path in HOME.glob("*/__init__.py"))
CITING = sorted(
    path
    for room in ROOMS
    for suffix in ("*.py", "*.lua")
    for path in (HOME / room).rglob(suffix)
    if "docs/" in path.read_text(encoding="utf-8")
)


def name_of(path: Path) -> str:
    return path.relative_to(HOME).as_posix()


def files_named(page: Path) -> list[str]:
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"`([\w./*-]+(?:\.py|\.lua|\.toml|\.yml|/))`", text)
    assert named, f"{page} names no file"
    return named


def exists(name: str) -> bool:
    if "/" in name:
        return any(HOME.glob(name.rstrip("/")))
    return (HOME / name).exists() or any(any((HOME / room).rglob(name)) for room in ROOMS)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_file_that_a_page_names_exists(page):
    assert [name for name in files_named(page) if not exists(name)] == []


def test_a_file_that_is_not_there_is_noticed():
    assert not exists("limner/nothing.py")
    assert not exists("nothing.lua")


def test_the_decisions_are_numbered_without_a_gap_and_all_are_listed():
    index = (HOME / "docs/decisions/README.md").read_text(encoding="utf-8")
    numbers = [int(path.name[:4]) for path in DECISIONS]
    assert numbers == list(range(1, len(DECISIONS) + 1))
    assert re.findall(r"\| \[\d+\]\((.+?)\)", index) == [path.name for path in DECISIONS]


@pytest.mark.parametrize("page", DECISIONS, ids=name_of)
def test_a_decision_says_why_what_follows_and_where_it_is(page):
    text = page.read_text(encoding="utf-8")
    title = re.match(r"# (\d+)\. ", text)
    assert title
    assert int(title[1]) == int(page.name[:4])
    for part in ("**Context.**", "**Decision.**", "**Consequences.**", "\nWhere: "):
        assert part in text


def test_the_methods_of_a_driver_are_told_once_and_are_those_of_the_protocol():
    page = (HOME / "docs/sketch.md").read_text(encoding="utf-8")
    told = re.search(r"methods of `limner[.]engine[.]Engine` \((.+?)\)", page)[1]
    assert re.findall(r"`(\w+)`", told) == [name for name in vars(Engine) if name[0] != "_"]


def tracked_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=HOME, capture_output=True, text=True, check=False
    )
    names = listed.stdout.split("\0") if listed.returncode == 0 else []
    return [HOME / name for name in names if (HOME / name).is_file()]


def test_no_file_cites_a_design_document_that_is_not_here():
    files = tracked_files()
    if not files:
        pytest.skip("not a git checkout")
    cited = re.compile(rb"\bDESIG[N]\b")
    assert [name_of(path) for path in files if cited.search(path.read_bytes())] == []


@pytest.mark.parametrize("path", CITING, ids=name_of)
def test_a_page_that_a_comment_or_docstring_cites_exists(path):
    for page in re.findall(r"\bdocs/[\w./-]*\w", path.read_text(encoding="utf-8")):
        found = (HOME / page).exists() or any(HOME.glob(f"{page}*"))
        assert found, page


def test_what_is_lost_is_told_once_for_whatever_happens():
    page = (HOME / "docs/operations.md").read_text(encoding="utf-8")
    section = page.partition("\n## What is lost when\n")[2].partition("\n## ")[0]
    happens = re.findall(r"^\| ([^-|][^|]*?) \| [^|]+ \|$", section, re.M)[1:]

    assert len(happens) > 9
    for one in happens:
        assert [other for other in happens if other.startswith(one)] == [one]
