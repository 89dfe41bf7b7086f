"""Problems that only a single process can see: a full disk, a clock that is off.

Written by the process that finds one, and read with the metrics (``limner/store/metrics/numbers.py``), from
which ``limner/store/metrics/warning.py`` makes the one list that operators see. A report expires unless
it is repeated, so the reports of a process that dies disappear.
"""

from __future__ import annotations

from collections.abc import Iterable

from limner.store.connection import guarded
from limner.store.scripts import Scripts

#: longer than the interval between two checks of the same thing
KEPT_S = 60.0
TEXT_MAX = 500


class Reports:
    """The reports of all processes, by code and subject; at most 64 per code."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    @guarded
    def make(
        self, code: str, subject: str, text: str, kept_s: float = KEPT_S, *, why: str = ""
    ) -> bool:
        """Report one sentence for ``kept_s`` seconds; return whether it is new.

        Args:
            code: one of ``limner.store.metrics.warning.Code``.
            subject: what it concerns (a host, an engine); one report each.
            text: a sentence for everyone, in one line.
            kept_s: repeat it within this time as long as it holds.
            why: details, for operators only.
        """
        kept_ms = round(kept_s * 1000)
        told = f"{text}\n{why}" if why else text
        return bool(self._scripts("report", code, subject, told[:TEXT_MAX], kept_ms))

    @guarded
    def withdraw(self, code: str, subject: str) -> bool:
        """Withdraw a report; return whether it existed."""
        return bool(self._scripts("report", code, subject, "", 0))

    @guarded
    def settle(self, names: Iterable[str]) -> tuple[list[str], list[str]]:
        """Store ``names`` as the warnings logged last; return those that are new and those that are gone.

        Each change is returned to one caller only, so that it is logged once for all hosts.
        """
        came, gone = self._scripts("warned", *names)
        return came, gone
