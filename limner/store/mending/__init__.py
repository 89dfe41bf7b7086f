"""The walk through all keys that makes again what was lost, ``mend.lua``; called by the lanes' sweep only."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from redis.exceptions import ResponseError

from limner.log import event
from limner.store.connection import told

#: most steps in one sweep
MOST = 50
#: it ends after so many that found nothing missing
IN_VAIN = 4

log = logging.getLogger(__name__)


def walk(step: Callable[[int], Any]) -> None:
    """Look at some more keys for what was lost; where something was missing, at more of them.

    ``step`` runs ``mend.lua``: 0 unless somebody has just done so, 1 in any case. What cannot be looked at is logged,
    and keeps nobody from the rest.
    """
    empty_handed, was_told = IN_VAIN - 1, False
    for again in range(MOST + 1):
        try:
            found, malformed = step(int(again > 0))
        except ResponseError as error:
            if told(error):
                raise
            found, malformed = 0, str(error)
        if malformed and not was_told:
            event(log, "key.malformed", level=logging.WARNING, what=malformed[:300])
            was_told = True
        empty_handed = 0 if found else empty_handed + 1
        if empty_handed == IN_VAIN:
            return
