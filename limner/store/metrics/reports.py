"""What single processes found wrong and others cannot see: a full disk, a clock that is off.

Written by whichever process finds it, and read with the numbers (``limner/store/metrics/numbers.py``), from
which ``limner/store/metrics/warning.py`` makes the one list that operators see. A report lapses by itself unless it
is made again, so a process that dies takes its complaints along.
"""

from __future__ import annotations

from collections.abc import Iterable

from limner.store.connection import guarded
from limner.store.scripts import Scripts

#: longer than the pauses between two looks at the same thing
KEPT_S = 60.0
TEXT_MAX = 500


class Reports:
    """The complaints of all processes: at most 64 of a code, each under a code and a subject."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    @guarded
    def make(
        self, code: str, subject: str, text: str, kept_s: float = KEPT_S, *, why: str = ""
    ) -> bool:
        """Report one sentence for ``kept_s`` seconds; return whether it is news.

        Args:
            code: one of ``limner.store.metrics.warning.Code``.
            subject: what it is about (a host, an engine); one report each.
            text: a sentence that anybody may read, in one line.
            kept_s: make it again within this time while it holds.
            why: more of it, for operators only.
        """
        kept_ms = round(kept_s * 1000)
        told = f"{text}\n{why}" if why else text
        return bool(self._scripts("report", code, subject, told[:TEXT_MAX], kept_ms))

    @guarded
    def withdraw(self, code: str, subject: str) -> bool:
        """Take a report back; return whether it stood."""
        return bool(self._scripts("report", code, subject, "", 0))

    @guarded
    def settle(self, names: Iterable[str]) -> tuple[list[str], list[str]]:
        """Make ``names`` the warnings that were logged last; return those that came and that went.

        Each change is returned to one caller only, so that a log line appears once for all hosts.
        """
        came, gone = self._scripts("warned", *names)
        return came, gone
