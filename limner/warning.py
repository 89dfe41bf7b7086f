"""What is wrong with the gateway that an operator should know: one list for every place that shows it.

``/readyz``, ``limner doctor``, ``/metrics`` (``limner_warnings``) and the log (``warning.raised``,
``warning.cleared``) all show what ``warnings`` yields. To add one: a code, and a function here that
reads it from the numbers; what only one process can see, that process reports to the store
(``limner/store/reports.py``) under its code.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from limner.store.numbers import OUT, Numbers
from limner.store.server import ServerFacts

#: callbacks overdue for so long are not merely slow: nobody posts them
OVERDUE_S = 30.0


class Code(StrEnum):
    """What a warning is about; stable, for alerts."""

    SERVER = "server"
    ENGINE_OUT = "engine_out"
    NO_ENGINE = "no_engine"
    CELLS_ALIKE = "cells_alike"
    CALLBACKS_OVERDUE = "callbacks_overdue"


@dataclass(frozen=True, slots=True)
class Warned:
    """One thing that is wrong."""

    code: Code
    #: what it is about: an engine's name, a lane, a host; "" if there is only one
    subject: str
    #: one sentence
    text: str
    #: the reason; it may tell of the network, so it is for operators only
    why: str = ""

    @property
    def name(self) -> str:
        """The key that no other warning of the moment has."""
        return f"{self.code}|{self.subject}"

    def sentence(self, *, openly: bool) -> str:
        """Return what may be shown: with the reason to operators, without it to anybody."""
        return f"{self.text[:-1]}: {self.why}." if openly and self.why else self.text


def warnings(numbers: Numbers, facts: ServerFacts | None = None) -> Iterator[Warned]:
    """Yield everything that is wrong now; ``facts`` of the server where they were asked for."""
    if facts is not None:
        for text in facts.warnings():
            yield Warned(Code.SERVER, "", text)
    yield from _engines(numbers)
    yield from _callbacks(numbers)
    for report in numbers.reports:
        # Another version's process may report what this one has no word for.
        if report.code in set(Code):
            yield Warned(Code(report.code), report.subject, report.text)


def _engines(numbers: Numbers) -> Iterator[Warned]:
    out = [engine for engine in numbers.carried if engine.state in OUT]
    for engine in out:
        text = f"The engine {engine.name} is out of rotation ({engine.state})."
        yield Warned(Code.ENGINE_OUT, engine.name, text, engine.why)
    if len(out) == len(numbers.carried):
        yield Warned(Code.NO_ENGINE, "", "No engine is up: jobs are accepted and wait.")


def _callbacks(numbers: Numbers) -> Iterator[Warned]:
    if numbers.callbacks_overdue_s > OVERDUE_S:
        text = (
            f"Callbacks are overdue by {numbers.callbacks_overdue_s:.0f} s: "
            "is a callback worker running?"
        )
        yield Warned(Code.CALLBACKS_OVERDUE, "", text)
