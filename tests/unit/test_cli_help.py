"""``--help`` of every command, and what a mistyped command or option is answered."""

from __future__ import annotations

import difflib
import shlex
from pathlib import Path

import click
import pytest

from cli import completion, parser
from engines.sketch import sheet
from limner.__main__ import main
from tests.helps import WIDTH, every_command, helps

SNAPSHOT = Path(__file__).with_name("cli_help.txt")
CONTEXTS = {one.command_path: one for one in every_command()}
#: a shell and a colon stand before what is typed there
SHELLS = tuple(f"{shell}:" for shell in completion.SHELLS)


def test_help_is_as_it_was_last_looked_at():
    before, now = SNAPSHOT.read_text(encoding="utf-8"), helps()
    changes = "\n".join(difflib.unified_diff(before.split("\n"), now.split("\n"), lineterm=""))
    assert now == before, f"{changes}\nIf that is meant: python -m tests.helps > {SNAPSHOT}"


def test_help_fits_80_columns_but_for_examples_that_are_copied_whole():
    assert [
        line
        for line in helps().splitlines()
        if len(line) > WIDTH and not line.startswith(("  limner ", *SHELLS))
    ] == []


@pytest.mark.parametrize("path", [name for name in CONTEXTS if name != "limner"])
def test_each_command_has_examples_that_it_understands(path):
    command = CONTEXTS[path].command
    if isinstance(command, click.Group) and not command.callback:
        assert command.commands
        return
    assert command.examples
    if path == "limner completion":
        assert len(command.examples) == len(completion.SHELLS)
        return
    for example in command.examples:
        name, *words = shlex.split(example, comments=True)
        assert name == "limner"
        parsed = parser.parse(words)
        meant = [parsed.command, *([parsed.action] if parsed.action else [])]
        # Another one may show what goes with it.
        if "limner " + " ".join(meant) != path:
            assert (path, meant) in (
                ("limner listen", ["draw"]),
                ("limner clients rotate", ["clients", "rotate-secret"]),
            ) or meant == path.split()[1:2]


@pytest.mark.parametrize("path", CONTEXTS)
def test_a_mistyped_word_is_answered_by_the_one_that_was_meant(path, capsys):
    context = CONTEXTS[path]
    before = path.split()[1:]
    actions = [name for name in getattr(context.command, "commands", {}) if len(name) > 3]
    options = [one for p in context.command.get_params(context) for one in p.opts if "--" in one]
    for name in [*actions, *(option for option in options if len(option) > 5)]:
        assert name in refused(capsys, *before, name[:-2] + name[-1])


def refused(capsys, *words: str) -> str:
    """Return the one line that is said."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    said = capsys.readouterr()
    assert (ended.value.code, said.out, said.err.count("\n")) == (2, "", 1)
    assert said.err.startswith("limner: No such ")
    return said.err


def test_without_a_command_help_is_printed_and_it_is_an_error(capsys):
    for words in ([], ["clients"]):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 2
        assert capsys.readouterr().err.startswith("Usage: limner")


def test_the_painter_takes_what_its_command_takes():
    ours = {name for p in CONTEXTS["limner sketch"].command.params for name in p.opts}
    theirs = {name for action in sheet._parser()._actions for name in action.option_strings}
    assert {name for name in ours if name.startswith("-")} == theirs - {"-h", "--help"}


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_a_shell_completes_commands_options_and_words(shell, capsys, monkeypatch):
    assert main(["completion", shell]) == 0
    assert completion.VARIABLE in capsys.readouterr().out

    def completed(line: str) -> list[str]:
        monkeypatch.setenv(completion.VARIABLE, f"{shell}_complete")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", "" if shell == "fish" else str(line.count(" ")))
        if shell == "fish":
            monkeypatch.setenv("COMP_CWORD", line.rpartition(" ")[2])
        with pytest.raises(SystemExit) as ended:
            main([])
        assert ended.value.code == 0
        return capsys.readouterr().out.replace(",", " ").split()

    assert "callbacks" in completed("limner ca")
    assert "--fast-slots" in completed("limner engines set a --fast-s")
    assert "relaxed" in completed("limner pause lane r")


def test_names_of_clients_and_engines_are_completed_and_a_store_that_is_away_completes_nothing(
    monkeypatch, redis_url, store, tmp_path
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIMNER_REDIS_URL", redis_url)
    (tmp_path / "limner.toml").write_text(
        '[[engine]]\nname = "stage"\ndriver = "rehearsal"\nfast = { slots = 2 }\n'
    )
    store.clients.add("shop")
    store.clients.add("ann")
    context = CONTEXTS["limner pause"]
    parameter = context.command.params[1]

    def of(subject: str, begun: str) -> list[str]:
        context.params["subject"] = subject
        return [one.value for one in parameter.shell_complete(context, begun)]

    assert of("client", "s") == ["shop"]
    assert of("engine", "") == ["stage"]
    monkeypatch.setenv("LIMNER_REDIS_URL", "redis://127.0.0.1:1/0")
    assert of("client", "s") == []
    monkeypatch.setenv("LIMNER_PORT", "no")
    assert of("engine", "") == []
