"""The entry point of the ``limner`` command: run one subcommand, and turn errors into one line."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from limner.exits import exit_code


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code (``limner/exits.py``)."""
    return exit_code(lambda: _run(arguments))


def _run(arguments: Sequence[str] | None) -> int:
    # Not above: Ctrl-C while the commands are loaded is one as well.
    from cli import parser

    return parser.run(parser.parse(arguments))


if __name__ == "__main__":
    sys.exit(main())
