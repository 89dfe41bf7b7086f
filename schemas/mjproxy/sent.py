"""The fields of bodies of midjourney-proxy's protocol: lenient with all that its clients send."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError

from limner.request import Lane
from schemas.fields import Strict, Text, clean_text
from schemas.prompt_fields import EXTRA_LENGTH
from schemas.references import MOST_REFERENCES, check_reference

LANE_OF = {"FAST": Lane.FAST, "TURBO": Lane.FAST, "RELAX": Lane.RELAXED}


class SentState(Strict[str]):
    """The caller's own words, which it gets back; a number becomes its text."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        if isinstance(value, (int, float)):
            value = str(value).lower() if isinstance(value, bool) else f"{value}"
        text = clean_text(value)
        if len(text) > EXTRA_LENGTH:
            raise ValidationError(f"Must be at most {EXTRA_LENGTH} characters.")
        return text


class SentPicture(Strict[str | None]):
    """One picture: a data URL, bare base64 or an http(s) URL."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str | None:
        if value == "":
            return None
        check_reference(value)
        return str(value).strip()


class SentPictures(Strict[tuple[str, ...]]):
    """A list of pictures; empty ones are left out."""

    def __init__(self) -> None:
        super().__init__(absent=())

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise ValidationError("Must be a list.")
        found = [item for item in value if item not in (None, "")]
        if len(found) > MOST_REFERENCES:
            raise ValidationError(f"Must have at most {MOST_REFERENCES} images.")
        for item in found:
            check_reference(item)
        return tuple(item.strip() for item in found)


class Speed(Strict[Lane | None]):
    """``mode``, or the first of ``accountFilter.modes``; what says nothing to us is ignored."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Lane | None:
        modes = value.get("modes") if isinstance(value, dict) else [value]
        first = modes[0] if isinstance(modes, list) and modes else None
        return LANE_OF.get(first.strip().upper()) if isinstance(first, str) else None


class Words(Text):
    """Some text; ``""`` is the same as leaving it out."""

    def __init__(self, longest: int, *, required: bool = False) -> None:
        super().__init__(longest=longest, blank=not required, required=required)
