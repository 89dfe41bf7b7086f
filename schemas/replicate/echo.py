"""What a prediction's caller gets back as sent: kept with the job (``Request.echo``), and read by this face alone."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from limner.compact_json import compact_json
from limner.job import Job

#: the face's name
NAME = "replicate"
ECHO_MAX_BYTES = 8 * 1024
#: a longer text is cut
TEXT_LENGTH = 1000
NAMES_MOST = 64
NAME_LENGTH = 64
REDACTED = "[REDACTED]"
_SECRET = re.compile(r"token|secret|password|api_?key", re.IGNORECASE)
#: stands for the prompt, which the job has anyway
_PROMPT = None
_DEPTH = 4


@dataclass(frozen=True, slots=True)
class Echo:
    """A caller's own words, without pictures and secrets."""

    model: str
    #: as the caller named it; None: it named none
    version: str | None = None
    input: Mapping[str, Any] = field(default_factory=dict)
    #: lines for the logs: what of the input is not used
    notes: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Return it as JSON of at most ``ECHO_MAX_BYTES``."""
        given = shortened(self.input)
        kept = {
            "model": self.model,
            "version": self.version,
            "input": given,
            "notes": list(self.notes),
        }
        while len(text := _storable(kept)) > ECHO_MAX_BYTES and given:
            del given[max(given, key=lambda name: len(compact_json(given[name])))]
        return text.decode()

    @classmethod
    def of(cls, job: Job) -> Self | None:
        """Return what the caller of a job sent; None: it came through another face."""
        if job.request.face != NAME or not job.request.echo:
            return None
        kept = json.loads(job.request.echo)
        given = kept.get("input") or {}
        given = {
            name: job.request.prompt_en if name == "prompt" and value is _PROMPT else value
            for name, value in given.items()
        }
        return cls(
            kept.get("model", ""), kept.get("version"), given, tuple(kept.get("notes") or ())
        )


def _storable(value: Any) -> bytes:
    """Return JSON in which half characters, which cannot be stored, are question marks."""
    return compact_json(value).encode("utf-8", "replace")


def shortened(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return an input without pictures, secrets and long texts."""
    found: dict[str, Any] = {}
    for name, value in list(given.items())[:NAMES_MOST]:
        name = name[:NAME_LENGTH]
        if name == "prompt":
            found[name] = _PROMPT
        elif _SECRET.search(name):
            found[name] = REDACTED
        else:
            found[name] = _short(value, _DEPTH)
    return found


def _short(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        if value[:5].lower() == "data:":
            return f"{value[:64].partition(',')[0]},… ({len(value)} characters)"
        if len(value) > TEXT_LENGTH:
            return f"{value[:64]}… ({len(value)} characters)"
        return value
    if isinstance(value, (list, dict)) and not depth:
        return "…"
    if isinstance(value, list):
        return [_short(one, depth - 1) for one in value[:NAMES_MOST]]
    if isinstance(value, dict):
        some = list(value.items())[:NAMES_MOST]
        return {
            name[:NAME_LENGTH]: REDACTED if _SECRET.search(name) else _short(one, depth - 1)
            for name, one in some
        }
    return value
