"""What goes into the image: what the wheel is made of and the locks, and nothing else that lies beside it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.deploy.image import (
    DOCKERFILE,
    HOME,
    LOCKS,
    MODULES,
    SETUPTOOLS,
    let_in,
    let_in_one_by_one,
    needed,
)

builders = pytest.mark.parametrize("found", [let_in, let_in_one_by_one])
#: what somebody may have laid anywhere
SECRETS = (
    *(".env", ".env.production", "limner.toml", "id.pem", "token.txt", ".netrc", "app.py.bak"),
    *("id_rsa", "credentials", "token", "core", "py", "secrets/of-ours", "secrets/key.json"),
)


@builders
def test_into_the_image_goes_what_the_wheel_is_made_of_and_nothing_else(found):
    wanted = needed()

    assert {"celeryconfig.py", "limner/store/scripts.py", "api/console/static/dom.js"} <= wanted
    assert found(HOME) == wanted


@builders
def test_settings_secrets_and_data_stay_out_wherever_they_lie(tmp_path, found):
    folders = {str(Path(file).parent) for file in needed()} | {".", "tests", "mine", "limner/mine"}
    for path in (
        *(f"{folder}/{name}" for folder in folders for name in SECRETS),
        *("limner-data/local.env", "limner-data/images/a.png", "secrets/key.py", "backup.rdb"),
        *("docker-compose.override.yml", ".git/config", ".venv/lib/site.py", "mine/__init__.py"),
        *("limner/__pycache__/job.cpython-312.pyc", "requirements/mine.txt", "build/lib/api.py"),
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    assert found(tmp_path) == set()

    shutil.copy(HOME / "celeryconfig.py", tmp_path)
    assert found(tmp_path) == {"celeryconfig.py"}


def test_every_package_and_module_is_compiled_in_the_image():
    (named,) = re.findall(r"compileall -q (.+)$", DOCKERFILE, re.M)
    packages = {name.removesuffix("*") for name in SETUPTOOLS["packages"]["find"]["include"]}

    assert set(named.split()) == packages | {f"{module}.py" for module in MODULES}


def test_what_settings_may_ask_for_is_in_the_image_unless_a_build_leaves_it_out():
    (default,) = re.findall(r"^ARG LOCK=(.+)$", DOCKERFILE, re.M)
    locked = {
        lock: set(re.findall(r"^([\w-]+)==", text, re.M))
        for lock in LOCKS
        if (text := (HOME / f"requirements/{lock}.txt").read_text(encoding="utf-8"))
    }

    assert default == "image"
    assert {"s3fs", "opentelemetry-sdk"} <= locked["image"]
    assert locked["run"].isdisjoint({"s3fs", "botocore", "opentelemetry-sdk"})


def test_the_image_runs_as_a_number_that_is_not_roots():
    assert re.findall(r"^USER (.+)$", DOCKERFILE, re.M) == ["10001"]
    assert re.search(r"useradd --uid 10001\b", DOCKERFILE)
