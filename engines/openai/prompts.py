"""What a brief asks for, in words that no server takes for parameters; pure functions."""

from __future__ import annotations

import dataclasses
import re

from engines.remote.wording import SharedWords, worded
from limner.engine import Brief

#: sd-server parses parameters in the prompt between such tags: callers must not set them
_EXTRA_ARGS = re.compile(r"</?\s*sd_cpp_extra_args\s*>", re.IGNORECASE)


def prompt_of(
    brief: Brief, suffix: str, cell: int, about_pictures: str, *, negative_apart: bool
) -> str:
    """Return the words for a cell; ``negative_apart``: the server takes what must not show elsewhere."""
    said = dataclasses.replace(brief, prompt=safe(brief.prompt), negative=safe(brief.negative))
    return worded(said, cell, SharedWords(suffix, about_pictures, negative_apart))


def safe(text: str) -> str:
    """Return a caller's text without what sd-server would take for parameters."""
    return _EXTRA_ARGS.sub(" ", text)
