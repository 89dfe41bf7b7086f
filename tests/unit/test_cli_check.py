"""``limner engines check``: each step is said, and the first that fails is the last."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from engines.check import main
from limner.exits import exit_code

HOME = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _configured(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith("LIMNER_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def configure(**options: object) -> None:
    options.setdefault("driver", '"rehearsal"')
    lines = options | {"fast": "{ slots = 1 }"}
    with open("limner.toml", "w") as file:
        file.write('[[engine]]\nname = "stage"\n')
        file.writelines(f"{name} = {value}\n" for name, value in lines.items())


def steps(capsys) -> list[list[str]]:
    return [line.split()[:2] for line in capsys.readouterr().out.splitlines()]


def test_a_good_engine_passes_every_step_and_leaves_its_pictures(capsys, tmp_path):
    configure(seconds=0.05)

    assert main(["stage", "--save", str(tmp_path / "out")]) == 0

    said = steps(capsys)
    assert {good for good, _ in said} == {"ok"}
    assert [step for _, step in said if step != "abilities"] == (
        ["settings", "health", "submit", "draw", "pictures", "note", "saved"]
    )
    sizes = []
    for path in sorted((tmp_path / "out").iterdir()):
        with Image.open(path) as picture:
            sizes.append(picture.size)
    assert sizes == [(512, 512)] * 4


def test_a_server_that_is_not_there_fails_at_its_health(capsys):
    configure(driver='"sdapi"', url='"http://127.0.0.1:1"')

    assert main(["stage"]) == 1

    assert steps(capsys)[-1] == ["FAIL", "health"]


def test_a_drawing_that_takes_too_long_is_stopped_and_told_to_the_engine(capsys):
    configure(seconds=60)

    assert main(["stage", "--limit", "0.2"]) == 1

    assert steps(capsys)[-2:] == [["FAIL", "draw"], ["ok", "cancel"]]


def test_an_engine_that_is_not_configured_is_refused_by_name(capsys):
    configure()

    assert exit_code(lambda: main(["nobody"])) == 2

    assert capsys.readouterr().err == "limner: engine: 'nobody' is none of stage\n"


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_a_reader_that_has_enough_does_not_end_the_check(as_json, tmp_path):
    configure(seconds=0.05)
    command = [sys.executable, "-m", "engines.check", "stage", "--save", str(tmp_path / "out")]
    environ = os.environ | {"PYTHONPATH": str(HOME)}
    with subprocess.Popen(
        [*command, *as_json], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        said = process.stderr.read()

    assert (process.returncode, said) == (0, b"")
    assert len(list((tmp_path / "out").iterdir())) == 4
