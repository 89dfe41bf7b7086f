"""Releases: the changelog has the project's version, and the page on upgrades has every schema."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from limner.store.schema.steps import STEPS
from tests.acceptance.upgrade import RELEASE

HOME = Path(__file__).parents[2]
PROJECT = tomllib.loads((HOME / "pyproject.toml").read_text(encoding="utf-8"))["project"]
RELEASES = re.findall(
    r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$",
    (HOME / "CHANGELOG.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)
#: release, schema, and the releases that may run beside it
ROWS = re.findall(
    r"^\| (\d+\.\d+\.\d+) \| (\d+)[^|]* \| ([^|]*)\|$",
    (HOME / "docs/operations.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)


def test_the_changelog_begins_with_this_version_and_has_each_release_once():
    numbers = [tuple(map(int, release.split("."))) for release in RELEASES]

    assert RELEASES[0] == PROJECT["version"]
    assert numbers == sorted(set(numbers), reverse=True)
    assert RELEASE in RELEASES


def test_the_page_on_upgrades_has_every_schema_and_what_may_run_beside_it():
    assert [(since, int(schema)) for since, schema, _ in ROWS] == [
        (step.since, step.schema) for step in STEPS
    ]
    for step, (_, _, beside) in zip(STEPS, ROWS, strict=True):
        older = [one.since for one in STEPS if step.readable_from <= one.schema < step.schema]
        assert [name for name in beside.strip().split(", ") if name] == older
    assert {step.since for step in STEPS} <= set(RELEASES)
