"""The cursors of lists of jobs; used by the schemas of every face that has such lists."""

from __future__ import annotations

import re
from typing import Any

from marshmallow import ValidationError

from schemas.fields import Strict

_CURSOR = re.compile(r"[0-9]{1,15}-[0-9a-f]{32}")


class Cursor(Strict[str]):
    """The start of the next page of a list."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        if not _CURSOR.fullmatch(value):
            raise ValidationError("Must be the cursor of an earlier page.")
        return str(value)
