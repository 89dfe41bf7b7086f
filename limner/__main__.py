"""The door of the ``limner`` command: run one subcommand, and turn errors into one line.

Exit codes: 0 done · 1 it did not work · 2 a setting or an argument is wrong · 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from limner.cli import parser
from limner.errors import ConfigError, LimnerError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    options = parser.parse(arguments)
    try:
        return parser.run(options)
    except ConfigError as error:
        return _complain(error, 2)
    except LimnerError as error:
        return _complain(error, 1)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read us has enough (`limner clients list | head -1`); Python would complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _complain(error: LimnerError, code: int) -> int:
    print(f"limner: {error.message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
