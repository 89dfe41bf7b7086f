"""Whose turn it is to look through the image store (``workers/pruner.py``): of all processes, one at a time.

A turn ends by itself where its process is gone, or hangs in a mount. Keys: see ``limner/store/prune_turn.lua``.
"""

from __future__ import annotations

from dataclasses import dataclass

from limner.ids import new_id
from limner.store.connection import guarded
from limner.store.scripts import Scripts

#: a turn of which nothing is heard for so long is over; deleting a day takes as long at most, as a rule
TURN_MS = 300_000


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be done in a turn; neither: it is not this process's."""

    #: whole days
    sweep: bool
    #: the sizes
    fit: bool


class PruneTurns:
    """The turns as one process takes them."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts
        self._process = new_id()

    @guarded
    def take(self, sweep_s: float, fit_s: float) -> Due:
        """Take the turn if one of both was not done for so long, and no other process has it."""
        sweep, fit = self._scripts(
            "prune_turn", self._process, "take", TURN_MS, round(sweep_s * 1000), round(fit_s * 1000)
        )
        return Due(sweep == "1", fit == "1")

    @guarded
    def keep(self) -> bool:
        """Say that the turn goes on; return whether it does: it may have ended, and another process taken it."""
        return bool(self._scripts("prune_turn", self._process, "keep", TURN_MS) == "1")

    @guarded
    def leave(self, sweep_rest_s: float | None, fit_rest_s: float | None) -> None:
        """End the turn; what was done rests for so many seconds at least. None: it was not done, or not to its end."""
        rests = ("" if s is None else round(s * 1000) for s in (sweep_rest_s, fit_rest_s))
        self._scripts("prune_turn", self._process, "leave", TURN_MS, *rests)
