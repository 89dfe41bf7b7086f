"""The examples of docs/api.md, run as they stand against a real gateway."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.house import House

pytestmark = pytest.mark.slow

PAGE = (Path(__file__).parents[2] / "docs/api.md").read_text(encoding="utf-8")
ENGINE = """
[[engine]]
name = "stage"
driver = "rehearsal"
seconds = 0.5
steps = 3
fast = { slots = 4 }
relaxed = { slots = 2 }
"""
#: how each language is run, and under which name its example is kept
RUN = {
    "curl": (["bash", "-eu"], "example.sh", ("bash", "curl")),
    "python": ([sys.executable], "example.py", ()),
    "javascript": (["node"], "example.mjs", ("node",)),
}


@pytest.fixture(scope="module")
def gateway():
    with House(ENGINE) as house:
        house.start_all()
        yield house


def example(language: str) -> str:
    return re.search(rf"<!-- example: {language} -->\n```\w+\n(.*?)```", PAGE, re.S)[1]


def test_the_page_has_an_example_in_every_language():
    assert set(re.findall(r"<!-- example: (\w+) -->", PAGE)) == set(RUN)


@pytest.mark.parametrize("language", RUN)
def test_an_example_of_the_page_draws_a_picture(gateway, tmp_path, language):
    command, name, needed = RUN[language]
    for program in needed:
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")
    (tmp_path / name).write_text(example(language), encoding="utf-8")
    base = f"http://127.0.0.1:{gateway.settings.port}"

    done = subprocess.run(
        [*command, name],
        cwd=tmp_path,
        env=os.environ | {"GATEWAY": base, "TOKEN": gateway.token},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{base}/images/drawings/" in done.stdout
