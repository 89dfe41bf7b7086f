"""What ``limner --help`` and ``--help`` of every command print on a terminal of 80 columns.

``python -m tests.helps > tests/unit/cli_help.txt`` renews the snapshot after a change that was meant.
"""

from __future__ import annotations

from collections.abc import Iterator

import click

from cli import parser

WIDTH = 80


def every_command(
    of: click.Command | None = None, above: click.Context | None = None
) -> Iterator[click.Context]:
    """Yield each command and action, with those that it belongs to."""
    command = of or parser.build()
    name = command.name if above else "limner"
    settings = {**command.context_settings, "max_content_width": WIDTH, "terminal_width": WIDTH}
    context = click.Context(command, parent=above, info_name=name, **settings)
    yield context
    for one in getattr(command, "commands", {}).values():
        yield from every_command(one, context)


def helps() -> str:
    """Return all of it, each under its command."""
    parts = (f"$ {one.command_path} --help\n{one.get_help()}\n" for one in every_command())
    return "\n".join(parts)


if __name__ == "__main__":
    click.echo(helps(), nl=False)
