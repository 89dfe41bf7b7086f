"""The draft: a follow-up that was begun and still lacks what its caller will say in a second request.

Protocols that open a window for a mask or for words need one; kept by ``limner/store/drafts``.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

from limner.compact_json import compact_json
from limner.followup import Press
from limner.job import from_ms
from limner.request import Lane


@dataclass(frozen=True, slots=True)
class Draft:
    """A button pressed without its fields. The job that it becomes gets its id."""

    id: str
    press: Press
    created_at: datetime

    def to_json(self) -> str:
        """Return the draft as one line of JSON."""
        press = {name: value for name, value in asdict(self.press).items() if value is not None}
        return compact_json(
            {"press": press, "created_ms": round(self.created_at.timestamp() * 1000)}
        )

    @classmethod
    def from_json(cls, draft_id: str, text: str) -> Self:
        """Parse what ``to_json`` wrote, here or in another release."""
        stored: dict[str, Any] = json.loads(text)
        press = {name: value for name, value in stored["press"].items() if name in Press.__slots__}
        press["lane"] = Lane(press["lane"])
        if press.get("callback_statuses") is not None:
            press["callback_statuses"] = tuple(press["callback_statuses"])
        return cls(draft_id, Press(**press), from_ms(stored["created_ms"]))
