"""``limner worker … --alive``: tells by the age of a file, which the worker's own heartbeat touches, and by nothing else."""

from __future__ import annotations

import json
import os
import time

import pytest

from cli import processes
from limner.__main__ import main
from limner.errors import StoreDown
from limner.settings import short_path
from stack import pulse
from stack.pulse import LIMIT_S, VARIABLE, Pulse
from workers import app

ALIVE = ["worker", "fast", "--name", "a/b", "--alive"]


@pytest.fixture(autouse=True)
def bare(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith("LIMNER_"):
            monkeypatch.delenv(name)
    monkeypatch.setattr(short_path, "_ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    # Nothing answers there; and settings that are wrong just now end no worker.
    monkeypatch.setenv("LIMNER_REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("LIMNER_LEASE_S", "soon")


@pytest.mark.parametrize("ago_s", [LIMIT_S + 9, -LIMIT_S - 9], ids=["long ago", "clock set back"])
def test_a_worker_is_alive_while_its_heartbeat_is_recent_whatever_redis_does(capsys, ago_s):
    assert main(ALIVE) == 1
    assert capsys.readouterr().out == "no heartbeat\n"

    file = pulse.pulse_file("fast", "a/b")
    Pulse(file).beat()
    assert main(ALIVE) == 0
    assert main(["worker", "relaxed", "--name", "a/b", "--alive"]) == 1

    os.utime(file, (time.time() - ago_s,) * 2)
    capsys.readouterr()
    assert main([*ALIVE, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["ok"] is False
    Pulse(file).beat()
    assert main(ALIVE) == 0


def test_who_has_no_name_has_no_heartbeat_to_look_at(capsys):
    assert main(["worker", "fast", "--alive"]) == 2
    assert "--name" in capsys.readouterr().err


@pytest.mark.parametrize("named", [True, False])
def test_a_worker_with_a_name_is_told_the_file_that_is_looked_at(monkeypatch, named):
    monkeypatch.delenv("LIMNER_LEASE_S")
    told = []
    monkeypatch.setattr(processes.os, "execvpe", lambda *call: told.append(call[2]))
    monkeypatch.setattr(processes.os, "chdir", lambda _folder: None)
    monkeypatch.setattr(processes, "set_up", lambda *_: None)

    main(["worker", "fast", *(["--name", "a/b"] if named else [])])

    assert told[0].get(VARIABLE) == (str(pulse.pulse_file("fast", "a/b")) if named else None)


def test_a_worker_that_waits_for_redis_at_its_start_is_alive_and_goes_on_with_it(
    monkeypatch, tmp_path
):
    file, given = tmp_path / "alive", []

    class Part:
        def start(self, alive) -> None:
            given.append((file.exists(), alive))
            file.unlink()
            if len(given) == 1:
                raise StoreDown

    monkeypatch.setattr(app, "pulse", Pulse.of({VARIABLE: str(file)}))
    monkeypatch.setattr(app, "STORE_RETRY_S", 0)
    monkeypatch.setattr(app.process, "lanes", Part())

    app._start()

    assert [was_there for was_there, _ in given] == [True, True]
    assert not file.exists()
    given[-1][1]()
    assert file.exists()


def test_a_file_that_cannot_be_made_ends_nothing_and_is_told_once(tmp_path, caplog):
    beating = Pulse(tmp_path / "gone" / "file")
    beating.beat()
    beating.beat()

    assert [record.message for record in caplog.records] == ["pulse.missed"]
