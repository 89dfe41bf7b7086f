"""Other accounts of the machine: what they may not read, and what happens where they may."""

from __future__ import annotations

import os
import stat
import subprocess
import sys

import pytest

from limner.errors import ConfigError
from stack import embedded
from stack.privacy import close_to_others, exposed_mode


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(0o755)
    return folder


def mode(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("exposed", [0o755, 0o750, 0o701, 0o777, 0o2770])
def test_an_exposed_data_folder_is_closed(folder, exposed, caplog):
    (folder / "images").mkdir()
    (folder / "beat-schedule.db").touch()
    folder.chmod(exposed)

    close_to_others(folder)

    assert mode(folder) == 0o700
    assert [record.message for record in caplog.records] == ["folder.closed"]
    close_to_others(folder)
    assert len(caplog.records) == 1


def test_a_folder_that_holds_other_things_is_not_closed_but_refused(folder):
    (folder / "somebody-elses").touch()

    with pytest.raises(ConfigError, match="LIMNER_DATA_DIR: other accounts may read") as told:
        embedded.lock(folder)

    assert f"chmod 700 {folder}" in told.value.message
    assert mode(folder) == 0o755
    folder.chmod(0o700)
    os.close(embedded.lock(folder))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders away")
def test_a_folder_of_another_account_is_refused(folder):
    os.chown(folder, 65534, 65534)

    with pytest.raises(ConfigError, match="not Limner's alone"):
        close_to_others(folder)


def test_the_server_is_never_started_in_an_exposed_folder(folder):
    descriptor = embedded.lock(folder)

    assert exposed_mode(folder) == 0
    os.close(descriptor)


@pytest.mark.parametrize(
    "arguments", [("api",), ("worker", "fast"), ("beat",), ("flower",)], ids=" ".join
)
def test_each_process_keeps_what_it_writes_from_others(tmp_path, arguments):
    """Each command becomes its process by exec, and that keeps the umask: here, one that tells it."""
    code = (
        "import os, sys\n"
        "from limner.__main__ import main\n"
        "os.execvpe = lambda *_: print(oct(os.umask(0)))\n"
        f"main({list(arguments)!r})\n"
    )
    environ = {k: v for k, v in os.environ.items() if not k.startswith("LIMNER_")}
    told = subprocess.run(
        [sys.executable, "-c", f"import os; os.umask(0o022)\n{code}"],
        cwd=tmp_path,
        env=environ | {"LIMNER_DATA_DIR": str(tmp_path / "d")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == "0o77\n"
