"""Warnings for operators: one list for every place that shows them.

``/readyz``, ``limner doctor``, ``/metrics`` (``limner_warnings``) and the log (``warning.raised``,
``warning.cleared``) all show what ``warnings`` yields. To add one, add a code and a function here that
derives it from the metrics; what only one process can see, it reports to the store under the code
(``limner/store/metrics/reports.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from limner.plural import counted
from limner.request import Lane
from limner.store.engines import OUT
from limner.store.image_stores import StoresInUse
from limner.store.metrics.numbers import Numbers
from limner.store.server import ServerFacts

#: callbacks overdue for this long are not just slow: nobody posts them
OVERDUE_S = 30.0
#: a lane that starts nothing for this long is not just waiting for its worker's next poll. With the
#: interval of the sweep (``tick_s``), that is noticed within half a minute.
STALLED_S = 15.0
#: how long a message that was set aside is worth a warning
ASIDE_S = 600.0
#: receivers refuse a callback signed more than five minutes before or after their own time
CLOCK_OFF_S = 30.0
#: how many paused clients are named
CLIENTS_NAMED = 20
#: how many hosts are warned of at once for having an image store of their own
HOSTS_NAMED = 20


class Code(StrEnum):
    """The kinds of warnings; stable, for alerts."""

    SERVER = "server"
    REPLICAS = "replicas"
    MEMORY = "memory"
    ENGINE_OUT = "engine_out"
    NO_ENGINE = "no_engine"
    NO_WORKER = "no_worker"
    CELLS_ALIKE = "cells_alike"
    STORING_SLOW = "storing_slow"
    CALLBACKS_OVERDUE = "callbacks_overdue"
    LANE_STALLED = "lane_stalled"
    MESSAGES_ASIDE = "messages_aside"
    IMAGES_AWAY = "images_away"
    IMAGES_APART = "images_apart"
    DISK_LOW = "disk_low"
    INLINE_FULL = "inline_full"
    CLOCK = "clock"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Warned:
    """One current warning."""

    code: Code
    #: what it concerns: an engine's name, a lane, a host; "" if there is only one
    subject: str
    #: one sentence
    text: str
    #: the reason; it may reveal details of the network, so it is for operators only
    why: str = ""

    @property
    def name(self) -> str:
        """A key that is unique among current warnings."""
        return f"{self.code}|{self.subject}"

    def sentence(self, *, openly: bool) -> str:
        """Return the sentence to show: with the reason to operators, without it to others."""
        return f"{self.text[:-1]}: {self.why}." if openly and self.why else self.text


def warnings(numbers: Numbers, facts: ServerFacts | None = None) -> Iterator[Warned]:
    """Yield all current warnings; ``facts`` about the server, if they were read."""
    if facts is not None:
        for setting, text in facts.warnings().items():
            yield Warned(Code.SERVER, setting, text)
        for what, text in facts.memory_warnings().items():
            yield Warned(Code.MEMORY, what, text)
        if few := facts.too_few_replicas():
            yield Warned(Code.REPLICAS, "", few)
    for lane in lanes_without_workers(numbers):
        yield Warned(Code.NO_WORKER, lane.value, f"No worker of the lane {lane} is running.")
    yield from _engines(numbers)
    yield from _callbacks(numbers)
    yield from _lanes(numbers)
    yield from _apart(numbers.image_stores)
    yield from clocks_off(numbers.clocks)
    yield from _halted(numbers)
    for report in numbers.reports:
        # A process of another version may report a code that this one does not know.
        if report.code in set(Code):
            yield Warned(Code(report.code), report.subject, report.text, report.why)


def lanes_without_workers(numbers: Numbers) -> Iterator[Lane]:
    """Yield the lanes that engines have slots for but no worker runs for."""
    engines = numbers.carried or numbers.engines
    for lane, now in numbers.lanes.items():
        drawn = not engines or any(engine.slots[lane] for engine in engines)
        if drawn and not now.workers:
            yield lane


def _engines(numbers: Numbers) -> Iterator[Warned]:
    out = [engine for engine in numbers.carried if engine.state in OUT]
    for engine in out:
        text = f"The engine {engine.name} is out of rotation ({engine.state})."
        yield Warned(Code.ENGINE_OUT, engine.name, text, engine.why)
    if len(out) == len(numbers.carried):
        yield Warned(Code.NO_ENGINE, "", "No engine is up: jobs are accepted and wait.")


def _lanes(numbers: Numbers) -> Iterator[Warned]:
    for lane, now in numbers.lanes.items():
        if now.workers and now.stalled_s >= STALLED_S:
            text = (
                f"The lane {lane} stands still: jobs wait ({now.waiting}), a slot is free, and nothing "
                f"has started for {now.stalled_s:.0f} s. Restart its workers."
            )
            yield Warned(Code.LANE_STALLED, lane.value, text)
    if numbers.aside_s is not None and numbers.aside_s < ASIDE_S:
        text = "Messages that are not Limner's were on its queues: see `limner messages`."
        yield Warned(Code.MESSAGES_ASIDE, "", text)


def _callbacks(numbers: Numbers) -> Iterator[Warned]:
    if numbers.callbacks_overdue_s > OVERDUE_S:
        text = (
            f"Callbacks are overdue by {numbers.callbacks_overdue_s:.0f} s: "
            "is a callback worker running?"
        )
        yield Warned(Code.CALLBACKS_OVERDUE, "", text)


def _apart(stores: StoresInUse) -> Iterator[Warned]:
    """Yield a warning for each host whose image store is not the gateway's."""
    strangers = {use.host: use for use in stores.strangers_to(stores.identity)}
    ours = [use for use in stores.uses if use.identity == stores.identity]
    for host, use in sorted(strangers.items())[:HOSTS_NAMED]:
        if ours:
            text = "Hosts have different image stores: what one stores, the others do not find."
            why = (
                f"{use.place} on {host} is not the one at {ours[0].place} on {ours[0].host}; "
                "LIMNER_IMAGE_STORE must lead all to one"
            )
        else:
            text = (
                "The image store is not the one that was used before, whose pictures are not in it."
            )
            why = f"{use.place} on {host}; `limner images adopt` accepts it"
        yield Warned(Code.IMAGES_APART, host, text, why)


def _halted(numbers: Numbers) -> Iterator[Warned]:
    halted = numbers.halted
    for what, found in (("lane", halted.lanes), ("engine", halted.engines)):
        for name, how in found.items():
            text = f"The {what} {name} is {how}, by an operator: it starts nothing."
            yield Warned(Code.PAUSED, f"{what} {name}", text)
    if halted.clients:
        more = len(halted.clients) - CLIENTS_NAMED
        names = [*halted.clients[:CLIENTS_NAMED], *([f"{more} more"] if more > 0 else [])]
        text = f"Paused by an operator: {counted(len(halted.clients), 'client')}."
        yield Warned(Code.PAUSED, "clients", text, ", ".join(names))


def clocks_off(clocks: Mapping[str, float]) -> Iterator[Warned]:
    """Yield a warning for each host whose clock differs too much from the server's."""
    for host, ahead_s in sorted(clocks.items()):
        if abs(ahead_s) > CLOCK_OFF_S:
            way = "ahead of" if ahead_s > 0 else "behind"
            text = f"A host's clock is {abs(ahead_s):.0f} s {way} that of Redis."
            yield Warned(Code.CLOCK, host, text, host)
