"""Every link from one of our documents to another, and to a place in it, leads there."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from tests.docs.blocks import HOME, PAGES

DOCUMENTS = [
    *PAGES,
    HOME / "CHANGELOG.md",
    HOME / "CONTRIBUTING.md",
    *sorted((HOME / "deploy").rglob("*.md")),
]
_LINK = re.compile(r"\]\((?!\w+:)([^)\s]+)\)|(?:src|href)=\"(?!\w+:)([^\"]+)\"")


@cache
def places(page: Path) -> frozenset[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"^ *```.*?^ *```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    titles = re.findall(r"^#+ (.+)$", text, re.M)
    plain = (re.sub(r"\[(.+?)\]\(.+?\)", r"\1", title).lower() for title in titles)
    return frozenset(re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in plain)


def broken(page: Path, text: str) -> list[str]:
    """Return the links of a page that lead nowhere; those in its blocks are no links."""
    text = re.sub(r"^ *```.*?^ *```$|`[^`\n]+`", "", text, flags=re.M | re.S)
    found = []
    for link in ("".join(pair) for pair in _LINK.findall(text)):
        file, _, place = link.partition("#")
        target = page.parent / file if file else page
        if not target.exists() or (place and place not in places(target)):
            found.append(link)
    return found


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.relative_to(HOME).as_posix())
def test_every_link_of_a_document_leads_somewhere(page):
    assert broken(page, page.read_text(encoding="utf-8")) == []


def test_a_link_to_nothing_is_noticed():
    text = "[a](none.md) [b](#nowhere) [c](docs/api.md#nothing) [d](docs/api.md#limits)\n"
    text += '<img src="none.jpg"> [e](https://example.com/none.md) `[f](none.md)`\n'
    found = broken(HOME / "README.md", text)
    assert found == ["none.md", "#nowhere", "docs/api.md#nothing", "none.jpg"]
