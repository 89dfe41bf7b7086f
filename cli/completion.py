"""``limner completion``: what a shell evaluates so that it completes commands, options and names."""

from __future__ import annotations

import argparse
import contextlib
import sys

import click
from click.shell_completion import get_completion_class, shell_complete

from limner.errors import ConfigError, StoreDown
from limner.settings import Settings
from limner.store import Store

SHELLS = ("bash", "zsh", "fish")
NAME = "limner"
#: by which the shell's function asks us; not a setting of Limner, by its first letter
VARIABLE = "_LIMNER_COMPLETE"


def completion(options: argparse.Namespace) -> int:
    """Print the shell's function."""
    kind = get_completion_class(options.shell)
    assert kind is not None
    # The function is the same whatever there is to complete.
    sys.stdout.write(kind(click.Command(NAME), {}, NAME, VARIABLE).source() + "\n")
    return 0


def completed(command: click.Command, instruction: str) -> int:
    """Answer the shell's function, which asks by ``VARIABLE``; return the exit code."""
    return shell_complete(command, {}, NAME, VARIABLE, instruction)


def engines(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """Return the names of engines that begin so."""
    with contextlib.suppress(ConfigError):
        names = (engine.name for engine in Settings.load().engines)
        return [name for name in names if name.startswith(begun)]
    return []


def clients(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """Return the names of clients that begin so; none if the store does not answer."""
    with contextlib.suppress(ConfigError, StoreDown):
        store = Store.of(Settings.load())
        return [name for name in store.clients.names() if name.startswith(begun)]
    return []
