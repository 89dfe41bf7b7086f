"""Four prompts for a picture, by a model that can look at it: ``/chat/completions``; pure functions.

Source: OpenAI's API reference of chat completions, with a picture as a data URL in ``image_url``. Models
keep to a form only more or less, so prompts are read from a JSON array, or from lines.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engines.remote.reading import read_json
from limner.errors import BadResult, Rejected

PROMPTS = 4
PROMPT_MAX_CHARACTERS = 1000
_ASKED = (
    "Write four different prompts for an image model, each of which would draw a picture like this one: "
    "its subject, setting, composition, light, colours and style. Answer with a JSON array of four "
    "strings and with nothing else."
)
#: what models begin a line of a list with
_BULLET = re.compile(r"^\s*(?:[-*•]|\d{1,2}\s*[.):]|\d\ufe0f?\u20e3)?\s*")


@dataclass(frozen=True, slots=True)
class DescriptionRequest:
    """One request for prompts."""

    fields: dict[str, Any] = field(repr=False)
    path: str = "/chat/completions"
    prompt: str = _ASKED
    callers_size: bool = False

    def arguments(self) -> dict[str, Any]:
        """Return what ``requests`` needs to send it."""
        return {"json": self.fields}


def description_of(picture: Path, model: str) -> DescriptionRequest:
    """Return the request for four prompts for a picture.

    Raises:
        Rejected: it cannot be read.
    """
    try:
        url = "data:image/png;base64," + base64.b64encode(picture.read_bytes()).decode()
    except OSError:
        raise Rejected("reference", "The picture cannot be read.") from None
    content = [
        {"type": "text", "text": _ASKED},
        {"type": "image_url", "image_url": {"url": url}},
    ]
    return DescriptionRequest({"model": model, "messages": [{"role": "user", "content": content}]})


def words_of(told: dict[str, Any]) -> str:
    """Return what the model said.

    Raises:
        BadResult: nothing.
    """
    try:
        content = told["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError):
        content = None
    if not isinstance(content, str) or not content.strip():
        raise BadResult("The engine described nothing.")
    return content


def prompts_of(said: str) -> tuple[str, ...]:
    """Return the four prompts in what a model said.

    Raises:
        BadResult: there are fewer that differ.
    """
    found: dict[str, str] = {}
    for prompt in _array(said) or said.splitlines():
        words = " ".join(_BULLET.sub("", prompt).strip(' "').split())
        if words:
            found.setdefault(words.casefold(), words[:PROMPT_MAX_CHARACTERS])
    # Before a list of lines, there may be a line about it.
    prompts = tuple(found.values())[-PROMPTS:]
    if len(prompts) < PROMPTS:
        raise BadResult("The engine gave fewer than four prompts.")
    return prompts


def _array(said: str) -> list[str]:
    start, end = said.find("["), said.rfind("]")
    try:
        value = read_json(said[start : end + 1].encode()) if 0 <= start < end else []
    except BadResult:
        return []
    return [one for one in value if isinstance(one, str)]
