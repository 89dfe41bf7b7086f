"""``limner schema``, and what is refused while the data are of a newer Limner: every process, every command."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from api import again, create_app, settled
from api.settled import settle_first
from limner.__main__ import main
from limner.errors import StoreUnfit
from limner.exits import exit_code
from limner.settings import Settings
from limner.store import Store
from stack import embedded, processes
from tests.builders import MESSAGES, a_worker
from tests.conftest import answers, free_port, wait_until
from tests.recorded.frozen.scene import dump
from tests.unit import test_cli_json
from tests.unit.test_cli_json import bare_environment  # noqa: F401
from workers.posting import trial
from workers.runtime import CallbackRuntime

REFUSED = "which only a Limner of schema 98 or newer can use"
NEWER = {"version": "99", "readable_from": "98", "limner": "9.0.0", "at": "1800000000000"}
#: commands that use no data, and those that are for finding out what is wrong
UNCONCERNED = ("engines", "images prune", "schema", "doctor")
COMMANDS = [
    command
    for command in test_cli_json.ANSWERS
    if command not in UNCONCERNED and "--print" not in command
]
PROCESSES = [
    *("api", "worker fast", "worker relaxed", "worker callbacks", "beat", "flower"),
    *("up", "up --no-flower"),
]


@pytest.fixture
def store(redis_url, monkeypatch):
    monkeypatch.setenv("LIMNER_REDIS_URL", redis_url)
    monkeypatch.setenv("LIMNER_PORT", str(free_port()))
    monkeypatch.setenv("LIMNER_FLOWER_PORT", str(free_port()))
    store = Store(redis_url)
    store.redis.flushall()
    yield store
    store.close()


@pytest.fixture
def newer(store):
    """A store whose data a newer Limner has migrated."""
    store.clients.add("ann", token="token-of-ann")
    store.redis.hset("limner:schema", mapping=NEWER)
    return store


def everything(store: Store) -> list[list]:
    """Each key's name, type and value."""
    return [entry[:3] for entry in dump(store)]


# -- newer data -----------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [*PROCESSES, *COMMANDS])
def test_nothing_starts_or_changes_on_data_of_a_newer_limner(newer, monkeypatch, capsys, command):
    def become(*_: object) -> None:
        pytest.fail("it started")

    monkeypatch.setattr(os, "execvpe", become)
    before = everything(newer)

    assert main(command.split()) == 2

    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert REFUSED in said.err
    assert everything(newer) == before


def test_what_becomes_another_program_is_refused_there(newer, capsys):
    before = everything(newer)

    trying = ["http://127.0.0.1:9/hook", "--client", "ann", "--enable"]
    assert exit_code(lambda: trial.main(trying)) == 2
    assert exit_code(lambda: again.main(["--client", "ann", "--yes"])) == 2

    assert capsys.readouterr().err.count(REFUSED) == 2
    assert everything(newer) == before


def test_an_api_that_came_up_before_redis_serves_nothing_but_its_health(newer, redis_url, tmp_path):
    app = create_app(Settings(redis_url=redis_url, data_dir=tmp_path), newer, MESSAGES)
    settle_first(app, newer.schema)
    caller = app.test_client()
    token = {"token": "token-of-ann"}

    assert caller.get("/healthz").status_code == 200
    for path in ("/readyz", "/draw/midjourney/jobs", "/metrics"):
        assert caller.get(path, headers=token).status_code == 503, path
    newer.redis.delete("limner:schema")
    assert caller.get("/draw/midjourney/jobs", headers=token).status_code == 200
    assert newer.schema.mark()[0].schema == newer.schema.ours, "the first request settled the data"


def test_of_many_first_requests_one_settles_the_data_and_all_are_served(
    store, redis_url, tmp_path, monkeypatch
):
    app = create_app(Settings(redis_url=redis_url, data_dir=tmp_path), store, MESSAGES)
    settle_first(app, store.schema)
    monkeypatch.setattr(settled, "WAIT_S", 60.0)
    begun, go_on, asked, really = threading.Event(), threading.Event(), [], store.schema.settle

    def slowly(wait_s: float) -> None:
        asked.append(wait_s)
        begun.set()
        assert go_on.wait(60)
        really(wait_s)

    monkeypatch.setattr(store.schema, "settle", slowly)
    with ThreadPoolExecutor(4) as threads:

        def ask():
            return threads.submit(lambda: app.test_client().get("/metrics").status_code)

        first = ask()
        assert begun.wait(60)
        others = [ask() for _ in range(3)]
        go_on.set()
        said = {one.result() for one in (first, *others)}
    assert len(asked) == 1
    assert said == {200}


def test_an_api_that_runs_when_the_data_are_taken_further_is_not_ready(store, redis_url, tmp_path):
    caller = create_app(
        Settings(redis_url=redis_url, data_dir=tmp_path), store, MESSAGES
    ).test_client()
    a_worker(store)
    assert caller.get("/readyz").status_code == 200

    store.redis.hset("limner:schema", mapping=NEWER)

    assert caller.get("/readyz").status_code == 503


def test_a_sweep_of_a_process_that_runs_on_is_refused_too(newer, redis_url, tmp_path):
    runtime = CallbackRuntime(Settings(redis_url=redis_url, data_dir=tmp_path), app=None)
    try:
        with pytest.raises(StoreUnfit, match=REFUSED):
            runtime.tick()
    finally:
        runtime.end()


@pytest.mark.slow
def test_a_worker_that_was_started_without_the_command_ends_with_the_sentence(newer, tmp_path):
    settings = Settings.load()
    done = subprocess.run(
        processes.worker("callbacks", settings, "1"),
        cwd=processes.HOME,
        env=processes.environment(settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 2
    assert REFUSED in done.stderr
    assert "Traceback" not in done.stderr


# -- limner schema --------------------------------------------------------------------------------


def test_it_shows_the_data_s_schema_and_ours(store, capsys):
    store.clients.add("ann")

    assert main(["schema"]) == 0
    assert "older: the next process of this Limner that starts" in capsys.readouterr().out
    store.schema.settle()
    assert main(["schema"]) == 0
    said = capsys.readouterr().out
    assert f"schema {store.schema.ours}, marked by Limner" in said
    assert "well" in said


def test_it_says_that_the_data_are_too_new_and_so_does_the_doctor(newer, capsys):
    assert main(["schema", "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert (said["schema"], said["readableFrom"], said["state"]) == (99, 98, "newer")
    assert main(["doctor"]) == 1
    assert REFUSED in capsys.readouterr().out


def test_newer_data_that_may_be_used_are_said_to_be(newer, capsys):
    newer.redis.hset("limner:schema", "readable_from", "1")

    assert main(["schema", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "open"
    assert main(["clients", "list"]) == 0


def test_data_are_taken_back_with_a_line_in_the_audit_trail(store, capsys):
    store.clients.add("ann")
    store.schema.settle()

    assert main(["schema", "back"]) == 0
    assert "start Limner 0.1.0" in capsys.readouterr().out
    assert store.schema.mark()[0].schema == store.schema.ours - 1
    line = store.levers.audit(1)[0]
    assert (line.what, line.after) == ("schema", {"schema": str(store.schema.ours - 1)})
    assert main(["schema", "back"]) == 0
    assert "nothing is to be taken back" in capsys.readouterr().out
    assert store.levers.audit(1)[0] == line


def test_the_embedded_server_is_run_for_it_and_not_under_a_running_limner(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("LIMNER_DATA_DIR", str(tmp_path / "data"))
    assert main(["schema", "back"]) == 2
    assert "there is no" in capsys.readouterr().err
    server = embedded.start(tmp_path / "data")
    try:
        store = Store.of(Settings.load())
        wait_until(lambda: answers(store), what="the embedded server")
        store.clients.add("ann")
        store.schema.settle()
        assert main(["schema", "back"]) == 2
        assert "another Limner runs on" in capsys.readouterr().err
        assert store.schema.mark()[0].schema == store.schema.ours
        store.close()
    finally:
        server.terminate()
        server.wait()

    assert main(["schema", "back"]) == 0
    assert "start Limner 0.1.0" in capsys.readouterr().out


@pytest.mark.parametrize("to", ["0", "99"])
def test_a_schema_that_there_is_not_is_refused(store, capsys, to):
    assert main(["schema", "back", "--to", to]) == 2
    assert "--to" in capsys.readouterr().err
