"""What the command line is declared with: commands, groups of them, their arguments and options.

Each command is declared once, with its function, one line about it, and an example. Parsing gives the function's
options: a plain namespace, as ``api/again.py`` and ``/ops`` make them, too.
"""

from __future__ import annotations

import importlib
from argparse import Namespace
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

#: takes the parsed options and returns the exit code
Run = Callable[[Namespace], int]
#: where a command keeps the words that it hands on unchanged
_REST = "limner.rest"


class _Shown(click.Command):
    """A command whose help ends with examples."""

    examples: Sequence[str] = ()

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, a line each, as they are to be typed."""
        if self.examples:
            with formatter.section("Examples" if len(self.examples) > 1 else "Example"):
                for example in self.examples:
                    formatter.write(f"{'':{formatter.current_indent}}{example}\n")


class ShownCommand(_Shown):
    """A command that does something."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words, and keep them as they were for a process that gets them unchanged."""
        ctx.meta[_REST] = list(args)
        return super().parse_args(ctx, args)


class ShownGroup(_Shown, click.Group):
    """A command with actions. With a function of its own it may also be used without one."""

    #: the root's: title → names of commands
    sections: dict[str, tuple[str, ...]] = {}

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands in their sections, each with its line."""
        for title, names in (self.sections or {"Actions": tuple(self.commands)}).items():
            found = {name: self.commands[name] for name in names}
            rows = [(name, one.get_short_help_str()) for name, one in found.items()]
            with formatter.section(title):
                formatter.write_dl(rows)

    def has(self, *commands: click.Command) -> ShownGroup:
        """Take these commands in, and return the group."""
        for one in commands:
            self.add_command(one)
        return self


Shown = TypeVar("Shown", ShownCommand, ShownGroup)


def command(
    name: str,
    run: Run,
    about: str,
    *params: click.Parameter,
    examples: Sequence[str],
    json: bool = True,
) -> ShownCommand:
    """Return a command. ``json=False``: it has an option of that name, or none."""
    made = ShownCommand(name, callback=_options_for(run), help=_sentence(about), short_help=about)
    return _with(made, params, examples, json=json)


def group(
    name: str,
    about: str,
    *params: click.Parameter,
    run: Run | None = None,
    examples: Sequence[str] = (),
) -> ShownGroup:
    """Return a command with actions; ``run``: what it does without one."""
    made = ShownGroup(name, help=_sentence(about), short_help=about)
    if run:
        made.callback = _options_for(run)
        made.invoke_without_command, made.no_args_is_help = True, False
        made.subcommand_metavar = "[ACTION] [ARGS]..."
    else:
        made.subcommand_metavar = "ACTION [ARGS]..."
    return _with(made, params, examples, json=run is not None)


def _with(
    made: Shown, params: Sequence[click.Parameter], examples: Sequence[str], *, json: bool
) -> Shown:
    made.params = list(params)
    if json:
        made.params.append(flag("--json", "print JSON (a process: log in JSON)"))
    made.examples = examples
    return made


def argument(name: str, metavar: str, **more: Any) -> click.Argument:
    """Return an argument that is required unless ``more`` says otherwise."""
    return click.Argument([name], metavar=metavar, **more)


def option(names: str, metavar: str | None, about: str, **more: Any) -> click.Option:
    """Return an option with a value; ``names``: separated by spaces."""
    return click.Option(names.split(), metavar=metavar, help=about, **more)


def flag(names: str, about: str, **more: Any) -> click.Option:
    """Return an option without a value."""
    return click.Option(names.split(), is_flag=True, help=about, **more)


def one_of(name: str, values: Sequence[str], **more: Any) -> click.Argument:
    """Return an argument that must be one of some words."""
    return click.Argument([name], type=click.Choice(values), **more)


def later(module: str, function: str) -> Run:
    """Return a function whose module is loaded when it runs: it needs what takes long to load."""

    def run(options: Namespace) -> int:
        return int(getattr(importlib.import_module(module), function)(options))

    return run


def _sentence(about: str) -> str:
    return f"{about[0].upper()}{about[1:]}."


def _options_for(run: Run) -> Callable[..., Namespace]:
    """Return what makes a function's options of what was parsed."""

    def options(**given: Any) -> Namespace:
        context = click.get_current_context()
        _, *words = context.command_path.split()
        # `messages --json drop` as well
        above = context.parent.params.get("json") if context.parent else None
        given["json"] = given.get("json") or above or False
        return Namespace(
            **given,
            run=run,
            command=words[0],
            action=words[1] if len(words) > 1 else None,
            rest=context.meta.get(_REST, []),
        )

    return options
