"""``python -m limner.child MODULE …``: run a command that lives in another package, to the ends that ``limner`` has.

``limner engines check`` and the like become this, as the core imports no engine and no worker.
"""

from __future__ import annotations

import importlib
import logging
import sys

from limner.exits import exit_code


def main() -> int:
    """Run the ``main`` of the module that is named first with the other arguments; return its exit code."""
    _, module, *arguments = sys.argv
    # A log is for processes that run on: a command says in its own words what went wrong.
    logging.getLogger().addHandler(logging.NullHandler())
    return exit_code(lambda: int(importlib.import_module(module).main(arguments)))


if __name__ == "__main__":
    sys.exit(main())
