"""Strict fields for what callers send; used by the schemas of this package.

Marshmallow's own fields are lenient with wrong input (some take the text ``"on"`` for true, others NaN
for a number). These take what /docs documents and refuse the rest with one sentence.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Generic, TypeVar

from marshmallow import ValidationError, fields, missing

from limner.canvas import AREA_MAX_PX, SIDE_MAX_PX, SIDE_MIN_PX, STEP_PX
from limner.egress.target import UrlRefused, parse_target
from limner.ratios import CELL_SIZE_PX, SQUARE, nearest_ratio
from limner.request import NAME
from schemas.status import STATUS_CODE

T = TypeVar("T")

REQUIRED = "Is required."
_BOOLEANS: Mapping[str | None, bool] = {"true": True, "false": False, "1": True, "0": False}
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
#: no caller means a number as long as this; parsing it would only cost time
_NUMBER_LENGTH = 64
_TAG = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SIZE = re.compile(r"([0-9]{1,5})[xX]([0-9]{1,5})")
_RATIO = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,6})?):([0-9]{1,6}(?:\.[0-9]{1,6})?)")


class Strict(fields.Field[T], Generic[T]):
    """A field for which null, if it is optional, means the same as its absence."""

    def __init__(self, *, required: bool = False, absent: Any = None) -> None:
        super().__init__(
            required=required,
            allow_none=not required,
            error_messages={"required": REQUIRED},
            **({} if required else {"load_default": absent}),
        )
        self.absent = absent

    def deserialize(
        self,
        value: Any,
        attr: str | None = None,
        data: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Load one value; null is the same as leaving the field out.

        Our fields have none of the validators and hooks that marshmallow's own method looks for.
        """
        if value is None or value is missing:
            if self.required:
                raise self.make_error("required")
            return self.absent
        found = self._deserialize(value, attr, data, **kwargs)
        return self.absent if found is None else found


def clean_text(value: Any) -> str:
    """Return ``value`` if it is text that can be stored and returned unchanged."""
    if not isinstance(value, str):
        raise ValidationError("Must be a string.")
    if "\0" in value:
        raise ValidationError("Must not contain a NUL character.")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValidationError("Must not contain an unpaired surrogate.") from None
    return value


class Text(Strict[str]):
    """Text up to a number of characters; ``blank=False``: not only white space."""

    def __init__(
        self, *, longest: int, blank: bool = True, required: bool = False, absent: str | None = None
    ) -> None:
        super().__init__(required=required, absent=absent)
        self.longest = longest
        self.blank = blank

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        text = clean_text(value)
        if len(text) > self.longest:
            raise ValidationError(f"Must be at most {self.longest} characters.")
        if not self.blank and not text.strip():
            raise ValidationError("Must not be blank.")
        return text


class Boolean(Strict[bool]):
    """True or false, also as 1 or 0 and as text; the text ``"false"`` is false."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> bool:
        if isinstance(value, bool):
            return value
        if isinstance(value, (int, float)) and value in (0, 1):
            return bool(value)
        word = value.strip().lower() if isinstance(value, str) and len(value) < 10 else None
        if word not in _BOOLEANS:
            raise ValidationError("Must be true or false.")
        return _BOOLEANS[word]


class Number(Strict[float]):
    """A number within bounds, also as text; never NaN, infinity or a boolean."""

    def __init__(self, low: float, high: float, *, absent: float | None = None) -> None:
        super().__init__(absent=absent)
        self.low = low
        self.high = high

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> float:
        number = _number(value)
        if not self.low <= number <= self.high:
            raise ValidationError(f"Must be from {self.low:.10g} to {self.high:.10g}.")
        return number


class Integer(Number):
    """A whole number within bounds, also as text."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        number = super()._deserialize(value)
        if number != int(number):
            raise ValidationError("Must be a whole number.")
        return int(number)


class NumberOf(Strict[float]):
    """One of a few numbers, also as text."""

    def __init__(self, numbers: Iterable[float]) -> None:
        super().__init__()
        self.numbers = tuple(numbers)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> float:
        number = _number(value)
        if number not in self.numbers:
            raise ValidationError(f"Must be one of {', '.join(f'{n:g}' for n in self.numbers)}.")
        return number


class Size(Strict[tuple[int, int] | None]):
    """A picture's size, as WIDTHxHEIGHT in pixels."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> tuple[int, int] | None:
        text = value.strip() if isinstance(value, str) else value
        if text == "":
            return None
        match = _SIZE.fullmatch(text) if isinstance(text, str) else None
        if not match:
            raise ValidationError("Must be a size like 1024x768.")
        width, height = int(match[1]), int(match[2])
        if width % STEP_PX or height % STEP_PX:
            raise ValidationError(f"Width and height must be multiples of {STEP_PX}.")
        if not all(SIDE_MIN_PX <= side <= SIDE_MAX_PX for side in (width, height)):
            raise ValidationError(
                f"Width and height must be from {SIDE_MIN_PX} to {SIDE_MAX_PX} pixels."
            )
        if width * height > AREA_MAX_PX:
            raise ValidationError(f"Must have at most {AREA_MAX_PX} pixels.")
        return width, height


class Name(Strict[str | None]):
    """The name of an engine or a version; whether there is one is known to the gateway only."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str | None:
        # A version looks like a number: people send it as one.
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 99:
            value = f"{value:g}"
        text = value.strip() if isinstance(value, str) else None
        if text == "":
            return None
        if text is None or not NAME.fullmatch(text):
            raise ValidationError("Must be a name: letters, digits, dots, dashes, underscores.")
        return text


class Statuses(Strict[tuple[str, ...]]):
    """A list of statuses, as their numbers on the wire."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise ValidationError("Must be a list.")
        known = {code: status for status, code in STATUS_CODE.items()}
        if len(value) > len(known) or any(
            isinstance(one, bool) or not isinstance(one, (int, float)) or one not in known
            for one in value
        ):
            raise ValidationError(
                f"Must be a list of statuses: {', '.join(map(str, sorted(known)))}."
            )
        return tuple(known[one].value for one in value)


class Tag(Strict[str]):
    """The caller's mark: a UUID as 32 hex digits or dashed; stored as sent."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        if not isinstance(value, str) or not _TAG.fullmatch(value):
            raise ValidationError("Must be a UUID: 32 hex digits, or the dashed form.")
        return value


class OneOf(Strict[str | None]):
    """One of a few words; ``""`` is the same as leaving the field out."""

    def __init__(self, words: Iterable[str], *, required: bool = False) -> None:
        super().__init__(required=required)
        self.words = tuple(words)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str | None:
        if value == "" and not self.required:
            return None
        if not isinstance(value, str) or value not in self.words:
            raise ValidationError(f"Must be one of {', '.join(self.words)}.")
        return value


class AspectRatio(Strict[tuple[str, str | None]]):
    """One of the seven ratios and, if that is only the nearest, the ratio asked for."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> tuple[str, str | None]:
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value == 0:
            return SQUARE, None
        if not isinstance(value, str) or len(value) > _NUMBER_LENGTH:
            raise ValidationError("Must be a ratio like 3:2.")
        asked = value.strip()
        if asked in ("", "0"):
            return SQUARE, None
        if asked in CELL_SIZE_PX:
            return asked, None
        match = _RATIO.fullmatch(asked)
        width, height = (float(match[1]), float(match[2])) if match else (0.0, 0.0)
        if not width or not height:
            raise ValidationError("Must be a ratio like 3:2.")
        return nearest_ratio(width, height), asked


class CallbackUrl(Strict[str | None]):
    """A well-formed http(s) URL; ``""`` is the same as leaving the field out."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str | None:
        return http_url(clean_text(value)) if value != "" else None


def http_url(text: str) -> str:
    """Return ``text`` if it is a URL we may call; its addresses are checked when it is dialled."""
    try:
        parse_target(text)
    except UrlRefused as error:
        raise ValidationError(str(error)) from None
    return text


def _number(value: Any) -> float:
    if isinstance(value, str):
        text = value.strip()
        # float() accepts more than callers can mean: underscores, "nan", digits of other scripts.
        if len(text) <= _NUMBER_LENGTH and _NUMBER.fullmatch(text):
            value = float(text)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValidationError("Must be a number.")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValidationError("Must be a finite number.")
    return number
