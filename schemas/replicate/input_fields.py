"""Fields of a prediction's input, by the names that models share; lenient where models differ.

A value that another model would understand and this gateway does not is None here, and the logs say so.
"""

from __future__ import annotations

import re
from typing import Any

from limner.canvas import Size
from limner.errors import BodyTooLarge
from schemas.fields import AspectRatio, Integer, Strict
from schemas.references import MOST_REFERENCES, References

SIDE_MOST_PX = 8192
_SIZE = re.compile(r"([0-9]{1,5})\s*[xX*×]\s*([0-9]{1,5})")
_RATIO = re.compile(r"\s*[0-9.]+:[0-9.]+\s*")


class OneOrMorePictures(Strict[tuple[str, ...]]):
    """A picture, or a list of them: http(s) URLs, data URLs or base64."""

    def __init__(self) -> None:
        super().__init__(absent=())
        self._list = References(most=MOST_REFERENCES)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> tuple[str, ...]:
        some = value if isinstance(value, list) else [value]
        try:
            return self._list._deserialize([one for one in some if one != ""])
        except BodyTooLarge as error:
            sentences = [one for told in error.errors.values() for one in told]
            raise BodyTooLarge(errors={str(self.data_key): sentences}) from None


class AnyRatio(AspectRatio):
    """An aspect ratio; None: a word such as ``match_input_image``."""

    def __init__(self) -> None:
        super().__init__(absent=None)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        if isinstance(value, str) and not _RATIO.fullmatch(value):
            return None
        return super()._deserialize(value)


class AnySize(Strict[Size | None]):
    """A size in pixels; None: a word such as ``2K``."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Size | None:
        match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
        sides = (int(match[1]), int(match[2])) if match else (0, 0)
        return sides if all(0 < side <= SIDE_MOST_PX for side in sides) else None


class AnySeed(Integer):
    """A seed; None: below 0, which is random for some models."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        seed = super()._deserialize(value)
        return None if seed < 0 else seed
