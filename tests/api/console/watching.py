"""A page's stream as a browser reads it, frame by frame."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.api.console.browsing import Browser, frames


class Watched:
    """One open stream, read frame by frame."""

    def __init__(self, browser: Browser, path: str = "/console/live") -> None:
        self._answer = browser.call("GET", path)
        assert self._answer.status_code == 200, self._answer.text
        self._pieces: Iterator[bytes] = self._answer.iter_encoded()

    def next(self, event: str) -> Any:
        """The data of the next event of that name."""
        for piece in self._pieces:
            for name, data in frames(piece.decode()):
                if name == event:
                    return data
        raise AssertionError(f"the stream ended without {event}")

    def rest(self) -> list[tuple[str, Any]]:
        return frames(b"".join(self._pieces).decode())

    def close(self) -> None:
        self._answer.close()
