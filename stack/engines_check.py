"""Build every engine of the settings once, as a worker does at its start; run by ``stack.reload``.

In a process of its own: drivers import what they need, and a third party's may do anything.
"""

from __future__ import annotations

import sys

import engines
from limner.errors import ConfigError
from limner.settings import Settings


def main() -> int:
    """Return 0, or 2 after one line that says what is wrong."""
    try:
        for engine in [engines.load(each) for each in Settings.load().engines]:
            engine.close()
    except ConfigError as error:
        sys.stderr.write(f"{error.message}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
