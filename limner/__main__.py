"""The entry point of the ``limner`` command: run one subcommand, and turn errors into one line.

Exit codes: 0 success · 1 failure · 2 a setting or an argument is wrong · 130 interrupted.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from collections.abc import Sequence

from cli import parser
from limner.errors import ConfigError, LimnerError, StoreRefused
from limner.printing import silence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    _mend_streams()
    try:
        options = parser.parse(arguments)
        code = parser.run(options)
        # Here, where an error can still be reported, and not at exit.
        sys.stdout.flush()
        return code
    except ConfigError as error:
        return _complain(error, 2)
    except StoreRefused as error:
        return _complain(ConfigError("LIMNER_REDIS_URL", error.message), 2)
    except LimnerError as error:
        return _complain(error, 1)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader has closed the pipe (`limner clients list | head -1`); Python would complain at exit.
        silence(sys.stdout)
        return 0
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EIO, errno.EDQUOT):
            raise
        silence(sys.stdout)
        return _complain(LimnerError(f"cannot write: {error.strerror}"), 1)


def _complain(error: LimnerError, code: int) -> int:
    with contextlib.suppress(OSError):
        print(f"limner: {error.message}", file=sys.stderr, flush=True)
    return code


def _mend_streams() -> None:
    """Replace closed streams (`limner up >&-`), and make every character printable.

    Otherwise the next file to be opened, such as a lock or a socket, would become the output.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free descriptor is the missing one.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    sys.exit(main())
