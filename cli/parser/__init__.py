"""The command line of ``limner``: every command, declared in a file a subject, and what makes options of words.

``words`` has what they are declared with. The library is click: it tells of a mistyped command which one was meant,
writes help that fits a terminal, and completes commands in shells.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Sequence

import click

from cli import completion
from cli.parser import callers, keeping, operators, processes
from cli.parser.words import Run, ShownGroup, group
from limner.exits import complain
from limner.version import version

#: the root's help: title → commands
SECTIONS = {
    "Draw, from anywhere": ("draw", "press", "follow", "cancel", "jobs", "status"),
    "Write a receiver of callbacks": ("listen", "verify", "callbacks"),
    "Run the gateway": ("up", "reload", "demo", "doctor", "top"),
    "Look after it": (
        *("clients", "operators", "console", "engines", "pause", "resume", "drain"),
        *("audit", "job", "messages", "images", "schema"),
    ),
    "Its processes, one by one": ("api", "worker", "beat", "flower"),
    "Besides": ("sketch", "completion"),
}
WIDTH = 80


def build() -> ShownGroup:
    """Return the whole command."""
    root = group("limner", "A self-hosted imagine gateway; settings: LIMNER_* and limner.toml")
    root.subcommand_metavar = "COMMAND [ARGS]..."
    root.context_settings = {"max_content_width": WIDTH, "help_option_names": ["-h", "--help"]}
    root.sections = SECTIONS
    root.params.append(
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_print_version,
            help="print the version",
        )
    )
    for part in (callers, processes, operators, keeping):
        root.has(*part.commands())
    return root


def parse(arguments: Sequence[str] | None) -> Namespace:
    """Parse the command line; errors go to standard error, with exit code 2."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    root = build()
    if asked := os.environ.get(completion.VARIABLE):
        raise SystemExit(completion.completed(root, asked))
    try:
        with root.make_context("limner", words) as context:
            parsed: Namespace = root.invoke(context)
            return parsed
    except click.exceptions.Exit as ended:
        raise SystemExit(ended.exit_code) from None
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        raise SystemExit(2) from None
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "limner"
        said = error.format_message().replace("\n", " ")
        raise SystemExit(complain(f"{said} See `{path} --help`.", 2)) from None


def run(options: Namespace) -> int:
    """Run the chosen command and return its exit code."""
    command: Run = options.run
    return command(options)


def _print_version(context: click.Context, _parameter: click.Parameter, given: bool) -> None:
    if given and not context.resilient_parsing:
        click.echo(f"limner {version()}")
        context.exit()
