"""The pages about deploying show the files of deploy/ as they are."""

from __future__ import annotations

import pytest

from tests.docs.blocks import HOME, blocks

SHOWN = [block for block in blocks() if block.name.startswith("deploy/")]
#: of these folders every file is shown, or linked where the page says what is in it
FOLDERS = ("deploy/nginx", "deploy/caddy", "deploy/logrotate", "deploy/systemd", "deploy/backup")


@pytest.mark.parametrize("block", SHOWN, ids=lambda block: block.name)
def test_a_page_shows_a_file_as_it_is(block):
    assert block.text == (HOME / block.name).read_text(encoding="utf-8")


def test_every_file_is_on_a_page():
    pages = "".join(
        page.read_text(encoding="utf-8") for page in (HOME / "docs/deploying").glob("*.md")
    )
    files = [path for name in FOLDERS for path in (HOME / name).rglob("*") if path.is_file()]

    assert len(files) > 10
    for path in files:
        name = path.relative_to(HOME).as_posix()
        # Units are known by what they start.
        assert name in pages or path.name.removesuffix(".service") in pages, name
