"""The prompt, and the bounds of what comes with it; used by the schemas of every face."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError

from limner.prompt import parse_prompt
from limner.visible import shows_something
from schemas.fields import Text

PROMPT_LENGTH = 6000
NEGATIVE_LENGTH = 2000
EXTRA_LENGTH = 4096
SEED_MOST = 2**32 - 1
#: DEADLINE_MAX_MS in lib_lanes.lua
DEADLINE_MAX_S = 30 * 86_400


class PromptText(Text):
    """A prompt with something to draw besides its flags."""

    def __init__(self, *, required: bool = True) -> None:
        super().__init__(longest=PROMPT_LENGTH, required=required)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        text = super()._deserialize(value)
        if not shows_something(text):
            raise ValidationError("Must not be blank.")
        if not shows_something(parse_prompt(text).words):
            raise ValidationError("Must say what to draw, besides its flags.")
        return text
