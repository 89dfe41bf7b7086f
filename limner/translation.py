"""A job's words in English, where its engine understands no other: kept in the record, and shown.

Made by the drawing worker, and read by ``limner.brief``, which gives them to the engine.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Self

from limner.compact_json import compact_json
from limner.prompt import reworded
from limner.request import Request


@dataclass(frozen=True, slots=True)
class Translation:
    """What became of a job's words."""

    #: None: there is no translation of them
    prompt: str | None = None
    #: what must not be in the picture; None: as it was asked for
    negative: str | None = None
    #: why they are drawn as they stand, a clause for people
    failed: str | None = None

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what ``to_json`` wrote."""
        return cls(**json.loads(text))

    def to_json(self) -> str:
        """Return it as one line of JSON, for the record."""
        names = ("prompt", "negative", "failed")
        return compact_json({name: value for name in names if (value := getattr(self, name))})

    def of(self, request: Request) -> Request:
        """Return the request in these words, with the flags that its text has."""
        if self.prompt is None and self.negative is None:
            return request
        text = reworded(request.prompt_en, self.prompt, self.negative)
        negative = request.negative if self.negative is None else self.negative
        return replace(request, prompt_en=text, negative=request.negative and negative)
