"""The first client's token and secret in a file, for a start whose output is no terminal but somebody's log.

Called by ``cli.greeting``. Logs are shipped, kept and read by more people than may draw.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from limner.client import NewClient

#: in the data folder; `stack.privacy` knows it as ours
NAME = "local.env"


def credentials_file(data_dir: Path) -> Path:
    """Return the path of the file, whether or not it is there."""
    return data_dir / NAME


class Credentials:
    """The file, opened before there is anything to write: who cannot keep a token should not make it.

    Raises:
        OSError: the data folder cannot be written.
    """

    def __init__(self, data_dir: Path) -> None:
        self.path = credentials_file(data_dir)
        # Made anew: one that is there may be open to others, or a link to somewhere else.
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()
        self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)

    def keep(self, made: NewClient) -> Path:
        """Write what only the maker of a client is shown, as a shell reads it; return where."""
        lines = (
            f"# Of the client {made.client.name}; shown nowhere else.",
            f"TOKEN={made.token}",
            f"SECRET={made.client.secrets[0]}",
        )
        with os.fdopen(self._descriptor, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        return self.path
