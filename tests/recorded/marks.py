"""Marks in the place of what is random: job ids, picture URLs, the epoch in webhook-ids, tokens.

Times are not random: the house's clock moves by one second a step.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

PUBLIC_URL = "https://draw.example"
_PICTURE = re.compile(rf"{re.escape(PUBLIC_URL)}/images/\w+/\d{{8}}/[0-9a-f]{{32}}\.\w+")
_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
_EPOCH = re.compile(r"(?<=_)[0-9a-f]{10}\Z")
_MARK = re.compile(r"<\w+ \w+>")


class Marks:
    """Numbers each random value by its first appearance, and gives the same mark wherever it appears again."""

    def __init__(self) -> None:
        self._mark_of: dict[str, str] = {}
        self._value_of: dict[str, str] = {}

    def hidden(self, told: Any, ids: Collection[str]) -> Any:
        """Return ``told`` with marks; ``ids`` are the jobs' that the house has made."""
        match told:
            case dict():
                return {name: self.hidden(value, ids) for name, value in told.items()}
            case list():
                return [self.hidden(value, ids) for value in told]
            case str():
                return self._hidden_text(told, ids)
        return told

    def shown(self, asked: Any) -> Any:
        """Return ``asked`` with the values that its marks stand for; unknown marks stay."""
        match asked:
            case dict():
                return {name: self.shown(value) for name, value in asked.items()}
            case list():
                return [self.shown(value) for value in asked]
            case str():
                return _MARK.sub(lambda mark: self._value_of.get(mark[0], mark[0]), asked)
        return asked

    def _hidden_text(self, text: str, ids: Collection[str]) -> str:
        text = _PICTURE.sub(lambda found: self._mark("picture", found[0]), text)
        text = _ID.sub(
            lambda found: self._mark("job", found[0]) if found[0] in ids else found[0], text
        )
        return _EPOCH.sub("<epoch>", text) if text.startswith("msg_<job") else text

    def _mark(self, kind: str, value: str) -> str:
        if value not in self._mark_of:
            count = sum(mark.startswith(f"<{kind} ") for mark in self._value_of)
            mark = f"<{kind} {count + 1}>"
            self._mark_of[value], self._value_of[mark] = mark, value
        return self._mark_of[value]
