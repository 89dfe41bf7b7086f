"""What the console says, in each of its languages: one table per language and room, in ``texts/``.

Read by the templates and, as one document, by ``static/text.js``. A test compares the languages and looks for
texts that nothing uses.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from flask import request

FOLDER = Path(__file__).with_name("texts")
#: the first one is for browsers that ask for neither
LANGUAGES = ("en", "zh")
COOKIE = "limner_language"


@cache
def table(language: str) -> Mapping[str, str]:
    """Return all texts of a language by their keys."""
    found: dict[str, str] = {}
    for path in sorted((FOLDER / language).glob("*.json")):
        found |= json.loads(path.read_text(encoding="utf-8"))
    return found


def spoken() -> str:
    """Return the language for this request: the chosen one, else the one that its browser prefers."""
    chosen = request.cookies.get(COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    return request.accept_languages.best_match(LANGUAGES) or LANGUAGES[0]


def say(key: str, **values: object) -> str:
    """Return a text in this request's language, with ``{name}`` replaced by the value of that name."""
    text = table(spoken())[key]
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text
