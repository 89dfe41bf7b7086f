"""The pages of drivers show entries that can be used as they stand, and options that are read."""

from __future__ import annotations

import re
import textwrap
import tomllib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import engines
from limner.errors import ConfigError
from limner.settings import EngineSettings, Settings
from limner.settings.engines import engines_of

PAGES = Path(__file__).parents[2] / "docs/engines"
DRIVERS = sorted(page.stem for page in PAGES.glob("*.md") if page.stem != "hosted")
#: what hosted engines share stands on a page of its own
SHARING = ("replicate", "fal", "bfl")
#: options of any engine, or of a table that lists presets
NOT_THE_DRIVERS = ("versions",)


def text_of(driver: str) -> str:
    return (PAGES / f"{driver}.md").read_text(encoding="utf-8")


def entries(driver: str) -> Iterator[EngineSettings]:
    for block in re.findall(r"```toml\n(.*?)```", text_of(driver), re.S):
        told: Any = tomllib.loads(textwrap.dedent(block)).get("engine")
        if told:
            yield from engines_of(told, Settings())


def options_on(page: str) -> set[str]:
    rows: set[str] = set()
    for table in re.findall(r"^\| option \|.*?\n\n", page, re.M | re.S):
        for cell in re.findall(r"^\| (.*?) \|", table, re.M):
            rows |= set(re.findall(r"`([a-z][a-z0-9_]*)`", cell))
    return rows - set(NOT_THE_DRIVERS)


@pytest.fixture(autouse=True)
def keys(monkeypatch):
    for driver in DRIVERS:
        for entry in entries(driver):
            for name, value in entry.options.items():
                if name.endswith("_env") and isinstance(value, str):
                    monkeypatch.setenv(value, "a-key")


# That of diffusers looks for its packages, which are not everywhere.
@pytest.mark.parametrize("driver", [one for one in DRIVERS if one != "diffusers"])
def test_the_entries_of_a_page_are_taken_as_they_stand(driver):
    found = list(entries(driver))

    assert found
    for entry in found:
        assert entry.driver == driver
        with closing(engines.load(entry)):
            pass


@pytest.mark.parametrize("driver", DRIVERS)
def test_every_option_of_a_page_is_read_by_its_driver(driver):
    entry = next(entries(driver))
    page = text_of(driver) + "\n" + (text_of("hosted") if driver in SHARING else "")
    names = options_on(page)

    assert names
    for name in sorted(names):
        # No option has such a value: who reads it says so, and of what nobody reads the engine says that.
        with pytest.raises(ConfigError) as caught:
            engines.load(replace(entry, options={**entry.options, name: [[[]]]}))
        assert "no such option" not in str(caught.value), f"{driver}: {name}"
        assert name.removesuffix("_env").removesuffix("_file") in str(caught.value)
