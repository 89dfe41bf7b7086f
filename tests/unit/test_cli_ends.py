"""How every command ends where something is amiss: one line that says where it looked, and the exit code of its table.

The table is docs/operations.md's; a command that becomes another program is run here, in this process.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from limner import child
from limner.__main__ import main
from limner.settings import Settings
from limner.store import Store
from tests.builders import MESSAGES, WORKER, a_worker, an_accepted_job
from tests.conftest import free_port
from tests.helps import every_command

TESTS = Path(__file__).parents[1]
DOCS = (TESTS.parent / "docs/operations.md").read_text(encoding="utf-8")
CONTEXTS = {one.command_path.removeprefix("limner "): one.command for one in every_command()}
RUN = {path for path, command in CONTEXTS.items() if command.callback}
SECRET = "whsec_AAAA"

#: each command that asks Redis, as it may be typed
ASKING = [
    "worker fast --name a --check",
    *("clients add ann", "clients set ann --rate 2", "clients list", "clients show ann"),
    *("clients disable ann", "clients enable ann", "clients remove ann"),
    *("clients rotate-token ann", "clients rotate-secret ann", "clients rotate ann"),
    *("operators add eve --role view", "operators set eve --role steer", "operators list"),
    *("operators rotate-token eve", "operators remove eve", "console link"),
    *("engines", "engines retry stage", "engines set stage --weight 2"),
    *("pause lane fast", "resume client ann", "drain stage", "audit", "top"),
    *("job 1", "jobs", "jobs list", "jobs cancel --client ann", "jobs again --client ann"),
    *("jobs front 1", "callbacks dead", "callbacks resend --all", "callbacks enable ann"),
    *("callbacks try http://127.0.0.1:1/", "messages", "messages drop", "images adopt"),
    *("schema", "draw fox", "press 1 u1", "follow 1", "cancel 1", "status", "listen"),
]
#: the others, and which test below has them
WITHOUT = {
    "images prune": "test_a_folder_that_nothing_ran_on_is_named",
    "schema back": "test_a_folder_that_nothing_ran_on_is_named",
    "reload": "test_a_folder_that_nothing_ran_on_is_named",
    "doctor": "test_what_was_found_amiss_is_exit_code_1",
    "engines check": "test_what_was_found_amiss_is_exit_code_1",
    "sketch": "test_a_wrong_argument_or_setting_is_exit_code_2",
    "verify": "test_a_port_in_use_is_named",
    "api": "test_a_port_in_use_is_named",
    "flower": "test_a_port_in_use_is_named",
    "up": "test_a_port_in_use_is_named",
    "worker": "test_what_was_found_amiss_is_exit_code_1",
    "beat": "test_a_wrong_argument_or_setting_is_exit_code_2",
    # nothing of it can be amiss beforehand
    "demo": "test_a_wrong_argument_or_setting_is_exit_code_2",
    "completion": "test_a_wrong_argument_or_setting_is_exit_code_2",
}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith("LIMNER_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("LIMNER_DATA_DIR", str(tmp_path / "nowhere"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "limner.toml").write_text(
        '[[engine]]\nname = "stage"\ndriver = "rehearsal"\nfast = { slots = 2 }\n'
    )

    def become(_file: str, command: list[str], environ: dict[str, str]) -> None:
        assert command[1:3] == ["-m", "limner.child"]
        monkeypatch.setattr(sys, "argv", command[2:])
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        sys.exit(child.main())

    monkeypatch.setattr("cli.processes.os.execvpe", become)
    monkeypatch.setattr("cli.processes.os.chdir", lambda folder: None)


@pytest.fixture
def ends(capsys):
    """Run a command that must not be done; return the one line that says why."""

    def run(command: str, code: int) -> str:
        assert ended(command) == code, (command, capsys.readouterr())
        said = capsys.readouterr().err
        assert said.startswith("limner: "), said
        assert said.count("\n") == 1, said
        assert not re.search("Traceback|RabbitMQ|amqp", said)
        return said

    return run


def ended(command: str) -> int:
    try:
        return main(command.split())
    except SystemExit as end:
        return int(end.code or 0)


def path_of(words: str) -> str:
    """The command, and its action if it has one, without what is given to it."""
    command, *more = words.split()
    return f"{command} {more[0]}" if more and f"{command} {more[0]}" in RUN else command


def test_every_command_is_tried_here():
    assert RUN - {path_of(words) for words in ASKING} - set(WITHOUT) == set()
    assert set(WITHOUT.values()) <= set(globals())


# -- 1: Redis is away, or nothing runs there ------------------------------------------------------


@pytest.mark.parametrize("command", ASKING)
def test_where_nothing_runs_the_folder_is_named_and_what_helps(command, ends, tmp_path):
    said = ends(command, 1)

    assert f"no `limner up` runs on {tmp_path}/nowhere: start it, call this from its folder" in said


@pytest.mark.parametrize("command", ASKING)
def test_a_redis_that_is_away_is_named_by_its_address_without_its_password(
    command, ends, monkeypatch
):
    monkeypatch.setenv("LIMNER_REDIS_URL", "redis://me:hidden@127.0.0.1:1/3")

    said = ends(command, 1)

    assert (
        "Redis cannot be reached: Connection refused (redis://127.0.0.1:1/3, by LIMNER_RE" in said
    )
    assert "hidden" not in said


@pytest.mark.parametrize("command", ["images prune", "schema back", "reload"])
def test_a_folder_that_nothing_ran_on_is_named(command, ends, tmp_path):
    said = ends(command, 2 if command == "schema back" else 1)
    assert f"{tmp_path}/nowhere" in said
    assert "folder" in said


# -- 1: asked, and not done ------------------------------------------------------------------------


@pytest.fixture
def store(redis_url, monkeypatch):
    monkeypatch.setenv("LIMNER_REDIS_URL", redis_url)
    store = Store(redis_url)
    store.redis.flushall()
    yield store
    store.close()


@pytest.fixture
def furnished(store):
    """A client with a job that draws, and one whose last callback is given up."""
    store.clients.add("ann", callback_url="http://127.0.0.1:1/", callback_allow="127.0.0.1:*")
    store.clients.add("bob")
    drawing, _ = an_accepted_job(store), an_accepted_job(store, client="bob")
    a_worker(store)
    store.lanes.take(drawing.id, "token", WORKER, MESSAGES)
    return drawing


NOT_DONE = {
    "engines retry nobody": "no running worker has registered such an engine",
    "job nobody": "There is no such job.",
    "callbacks resend nobody": "has no such callback to resend",
    "clients remove ann": "ann has 1 unfinished job: wait for them, or `limner jobs cancel",
    "listen --port 0 --client ann --count 1 --seconds 0.1": "0 of 1 callback came.",
    "jobs cancel --client ann": None,
    "jobs front nobody": None,
    "drain stage --wait 0.1": None,
    "callbacks try http://127.0.0.1:1/ --client ann": None,
    "callbacks enable ann": None,
    "worker fast --name nobody --alive": None,
    "api --check": None,
    "flower --check": None,
}


@pytest.mark.parametrize("command", NOT_DONE)
def test_what_was_not_done_is_exit_code_1(command, furnished, capsys, monkeypatch):
    monkeypatch.setenv("LIMNER_PORT", str(free_port()))
    monkeypatch.setenv("LIMNER_FLOWER_PORT", str(free_port()))
    for as_json in ("", " --json"):
        assert ended(command + as_json) == 1
        said = capsys.readouterr()
        if sentence := NOT_DONE[command]:
            assert said.err.startswith("limner: ")
            assert sentence in said.err
        else:
            assert said.out


def test_failed_jobs_are_not_submitted_again_without_a_yes(store, capsys):
    store.clients.add("ann")
    job = an_accepted_job(store)
    a_worker(store)
    store.lanes.take(job.id, "token", WORKER, MESSAGES)
    store.lanes.failed(job.id, "token", "No.", "moderated")

    assert ended("jobs again --client ann") == 1
    assert capsys.readouterr().out.startswith("1 job: 1 failed")


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("doctor", "BAD"),
        ("engines check stage --limit 0.001", "FAIL"),
        ("worker fast --name a --alive", "no heartbeat"),
    ],
)
def test_what_was_found_amiss_is_exit_code_1(command, sentence, monkeypatch, capsys):
    monkeypatch.setenv("LIMNER_REDIS_URL", "redis://127.0.0.1:1/0")
    assert ended(command) == 1
    assert sentence in capsys.readouterr().out


def test_a_worker_that_does_not_answer_is_named_and_celery_says_nothing(furnished, ends):
    said = ends("worker fast --name nobody --check", 1)
    assert "no worker fast-nobody answers on this host" in said


# -- 1 and 2: ports and files ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (f"verify --secret {SECRET} --port PORT", 1),
        (f"listen --secret {SECRET} --port PORT", 1),
        ("api", 2),
        ("flower", 2),
        ("up --port PORT", 2),
        ("up --flower-port PORT", 2),
    ],
)
def test_a_port_in_use_is_named(command, code, ends, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv("LIMNER_PORT", str(port if command == "api" else free_port()))
        monkeypatch.setenv("LIMNER_FLOWER_PORT", str(port if command == "flower" else free_port()))
        assert f"127.0.0.1:{port}" in ends(command.replace("PORT", str(port)), code)


@pytest.mark.parametrize(
    "command",
    [
        "sketch fox --shrink 32 --out /proc/fox.png",
        f"verify --secret {SECRET} --json /proc/marks --seconds 0.1 --port 0",
        "engines check stage --save /proc/pictures",
    ],
)
def test_a_file_that_cannot_be_written_is_named(command, capsys):
    assert ended(command) == 1
    assert re.search(r"limner: cannot .*write /proc/\w+", capsys.readouterr().err)


@pytest.mark.parametrize("command", ["up", "api", "worker fast", "beat", "flower"])
def test_a_process_whose_log_is_json_says_there_why_it_does_not_start(command, monkeypatch, capsys):
    monkeypatch.setenv("LIMNER_LOG_FORMAT", "json")
    monkeypatch.setenv("LIMNER_TICK_S", "soon")

    assert ended(command) == 2
    line = json.loads(capsys.readouterr().err)
    assert (line["level"], line["event"]) == ("error", "process.refused")
    assert "LIMNER_TICK_S" in line["why"]

    # What a person types beside it answers that person.
    assert ended("clients list") == 2
    assert capsys.readouterr().err.startswith("limner: LIMNER_TICK_S")


# -- 2: asked wrongly ------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(RUN))
def test_an_option_that_there_is_not_is_exit_code_2(path, ends):
    assert "No such option '--nonsense'" in ends(f"{path} --nonsense", 2)


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ("sketch fox --ar wide", "--ar"),
        ("sketch fox --out q.xyz", "--out"),
        ("sketch fox --reference none.png", "--reference"),
        ("sketch", "prompt"),
        ("verify --secret bad", "--secret"),
        ("listen --secret bad", "--secret"),
        ("listen --secret whsec_", "--secret"),
        ("draw fox --out fox.txt", "--out"),
        ("engines check nobody", "engine"),
        ("completion tcsh", "tcsh"),
        ("worker turbo", "turbo"),
        ("up --port 99999", "--port"),
        ("jobs list --since yesterday", "--since"),
        ("jobs --url nowhere", "--url"),
        ("console link --client nobody", "client name"),
        ("clients remove nobody", "client name"),
    ],
)
def test_a_wrong_argument_or_setting_is_exit_code_2(store, command, named, ends):
    assert named in ends(command, 2)


@pytest.mark.parametrize(
    "command", ["up", "beat", "worker fast", "engines check stage", "draw fox"]
)
def test_a_wrong_setting_is_exit_code_2(command, ends, monkeypatch):
    monkeypatch.setenv("LIMNER_LOG_FORMAT", "xml")
    assert "LIMNER_LOG_FORMAT" in ends(command, 2)


# -- interrupted, and unread -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    ["engines check stage", "sketch fox", "callbacks try", "jobs again --client a", "top"],
)
def test_an_interrupted_command_says_nothing_and_is_exit_code_130(
    command, furnished, capsys, monkeypatch
):
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    for place in ("engines.load", "engines.sketch.sheet.grid", "cli.top.look.Observer.look"):
        monkeypatch.setattr(place, interrupt)
    monkeypatch.setattr("workers.posting.trial.try_url", interrupt)
    monkeypatch.setattr("api.again.run", interrupt)

    assert ended(command.replace("try", "try http://127.0.0.1:1/ --client ann")) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_a_closed_pipe_ends_a_command_and_the_program_that_it_becomes_without_a_word(furnished):
    environ = os.environ | {"LIMNER_REDIS_URL": Settings.load().redis_url or ""}
    for words in (["clients", "list"], ["--help"], ["jobs", "again", "--client", "ann"]):
        command = [sys.executable, "-m", "limner", *words]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ
        ) as process:
            process.stdout.close()
            assert process.stderr.read() == b""
        assert process.returncode == 0


# -- the table -------------------------------------------------------------------------------------


#: what may end with 1 though Redis is there → the test that shows it
ONE = {
    **{path_of(words): "test_what_was_not_done_is_exit_code_1" for words in NOT_DONE},
    "jobs again": "test_failed_jobs_are_not_submitted_again_without_a_yes",
    "doctor": "test_what_was_found_amiss_is_exit_code_1",
    "engines check": "test_what_was_found_amiss_is_exit_code_1",
    "engines": "test_where_nothing_runs_the_folder_is_named_and_what_helps",
    "images prune": "test_a_folder_that_nothing_ran_on_is_named",
    "reload": "test_a_folder_that_nothing_ran_on_is_named",
    "verify": "test_a_port_in_use_is_named",
    "sketch": "test_a_file_that_cannot_be_written_is_named",
    "draw": "test_a_job_that_fails_is_exit_code_1_with_its_reason",
    "follow": "test_a_job_that_fails_is_exit_code_1_with_its_reason",
    "press": "test_a_button_is_pressed_by_the_jobs_id_or_tag_and_an_unknown_one_names_the_open_ones",
    "cancel": "test_a_job_is_followed_cancelled_and_listed",
    "status": "test_a_wrong_token_a_missing_one_and_a_gateway_that_is_not_there_are_told_apart",
    "schema": "test_it_says_that_the_data_are_too_new_and_so_does_the_doctor",
    "demo": "test_a_broken_promise_fails_the_demo",
    "up": "test_a_redis_that_would_lose_jobs_is_warned_of_and_one_that_is_not_there_refused",
}
#: where those are that are not here
ELSEWHERE = (
    "acceptance/test_callers_commands.py",
    "unit/test_cli_schema.py",
    "unit/test_cli_demo.py",
    "acceptance/test_up.py",
)


def test_the_table_of_exit_code_1_has_each_command_that_is_tried_and_no_other():
    table = DOCS.partition("<!-- exit code 1 -->\n")[2].partition("\n\n")[0]
    named = {
        words.split(" --")[0]
        for line in table.splitlines()
        for words in re.findall(r"`([^`]+)`", line.split("|")[1])
    }
    assert named == set(ONE)
    there = "".join((TESTS / path).read_text(encoding="utf-8") for path in ELSEWHERE)
    assert [
        name for name in ONE.values() if name not in globals() and f"def {name}(" not in there
    ] == []


def test_a_command_of_the_readme_is_found_when_its_folder_is_wrong_by_a_whole_process(tmp_path):
    with contextlib.chdir(tmp_path):
        environ = {name: value for name, value in os.environ.items() if "LIMNER" not in name}
        done = subprocess.run(
            [sys.executable, "-m", "limner", "clients", "list"],
            capture_output=True,
            text=True,
            env=environ,
        )
    assert done.returncode == 1
    assert f"no `limner up` runs on {tmp_path}/limner-data" in done.stderr
