"""On a terminal the commands have colours and tables that fit; anywhere else, plain lines. And exit codes."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys

import pytest

from cli import show
from limner import printing
from limner.__main__ import main
from limner.errors import StoreRefused
from limner.settings import Settings
from limner.store import Store
from tests.builders import an_accepted_job

CODED = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith("LIMNER_"):
            monkeypatch.delenv(name)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def store(redis_url, monkeypatch):
    monkeypatch.setenv("LIMNER_REDIS_URL", redis_url)
    store = Store(redis_url)
    store.redis.flushall()
    yield store
    store.close()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def shown(monkeypatch):
    """Do something whose output goes to a terminal; return what came there."""

    def run(does, *arguments: object) -> str:
        screen = Terminal()
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stdout", screen)
            does(*arguments)
        return screen.getvalue()

    return run


ROWS = [("JOB", "STATE", "WHY"), ("a" * 32, "failing", "black pictures; tried again in 3 min " * 2)]


def test_elsewhere_a_table_is_plain_lines_of_any_length(capsys):
    show.table(ROWS)

    said = capsys.readouterr().out
    assert said == f"{'JOB':32}  STATE    WHY\n{'a' * 32}  failing  {ROWS[1][2].rstrip()}\n"


def test_on_a_terminal_a_table_fits_and_its_first_column_stays_whole(shown):
    said = shown(show.table, ROWS)

    lines = CODED.sub("", said).splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert lines[1].startswith("a" * 32)
    assert len(lines) > 2
    assert "\x1b[1;31mfailing\x1b[0m" in said


def test_no_colour_means_none(shown, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")

    assert "\x1b[1;31m" not in shown(show.table, ROWS)


def test_what_is_printed_cannot_control_the_terminal_and_is_no_markup(shown, capsys):
    nasty = "[red]a \x1b[2J\x9b1m\r\nfox[/red]"
    clean = "[red]a \\x1b[2J\\x9b1m\\x0d\\x0afox[/red]"

    show.facts({"prompt": nasty})
    show.table([("PROMPT",), (nasty,)])
    printing.line(nasty)

    assert capsys.readouterr().out.count(clean) == 3
    assert clean in CODED.sub("", shown(show.facts, {"prompt": nasty}))
    assert clean in CODED.sub("", shown(show.table, [("PROMPT",), (nasty,)]))
    assert clean in CODED.sub("", shown(printing.line, nasty))


def test_a_callers_prompt_cannot_control_the_terminal_of_an_operator(store, capsys):
    job = an_accepted_job(store, prompt_en="a fox \x1b[2J in the snow")

    assert main(["job", job.id]) == 0

    assert "a fox \\x1b[2J in the snow" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["clients list", "engines", "doctor", "job ID"])
def test_a_terminal_shows_the_words_that_a_pipe_gets(store, shown, capsys, command):
    store.clients.add("ann")
    words = command.replace("ID", an_accepted_job(store).id).split()
    code = main(words)
    plain = capsys.readouterr().out

    told = shown(main, words)

    assert code == 0
    assert "\x1b[" in told
    assert "\x1b[" not in plain
    # But for the clocks: one may have passed.
    assert len(CODED.sub("", told).split()) == len(plain.split())


def test_json_is_the_same_on_a_terminal(store, shown, capsys):
    store.clients.add("ann")
    main(["clients", "list", "--json"])

    assert shown(main, ["clients", "list", "--json"]) == capsys.readouterr().out


def test_rich_is_loaded_for_terminals_alone(store):
    code = (
        "import sys; from limner.__main__ import main; main(['engines']); "
        "sys.exit('rich' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")


# -- exit codes: the table in docs/operations.md ---------------------------------------------------


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("clients list", 0),
        ("callbacks dead", 0),
        ("messages drop", 0),
        ("engines retry nobody", 1),
        ("job nobody", 1),
        ("callbacks resend nobody", 1),
        ("clients show nobody", 2),
        ("callbacks enable nobody", 2),
        ("callbacks resend", 2),
        ("clients add ann --rate fast", 2),
        ("worker fast --check --print --nonsense", 2),
        ("nonsense", 2),
        ("clients", 2),
    ],
)
def test_the_exit_code_says_whether_it_was_done_or_asked_wrongly(store, capsys, command, code):
    assert exit_code(command) == code
    assert exit_code(f"{command} --json") == code
    assert (capsys.readouterr().err == "") == (code == 0)


def exit_code(command: str) -> int:
    try:
        return main(command.split())
    except SystemExit as ended:
        return int(ended.code or 0)


@pytest.mark.parametrize(
    "command",
    ["clients list", "job nobody", "callbacks dead", "messages", "callbacks try x", "top"],
)
def test_a_redis_that_is_away_is_exit_code_1(monkeypatch, capsys, command):
    monkeypatch.setenv("LIMNER_REDIS_URL", "redis://127.0.0.1:1/0")

    assert exit_code(command) == 1
    assert "Redis cannot be reached" in capsys.readouterr().err


def test_a_redis_that_will_not_serve_and_a_wrong_setting_are_exit_code_2(monkeypatch, capsys):
    def refuse(*_: object) -> None:
        raise StoreRefused("The password is wrong.")

    monkeypatch.setenv("LIMNER_LOG_FORMAT", "xml")
    assert exit_code("clients list") == 2
    monkeypatch.delenv("LIMNER_LOG_FORMAT")
    monkeypatch.setattr(Settings, "load", refuse)
    assert exit_code("clients list") == 2
    assert capsys.readouterr().err.count("\n") == 2


def test_an_interrupted_command_is_exit_code_130(monkeypatch):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Settings, "load", interrupt)
    assert exit_code("clients list") == 130
