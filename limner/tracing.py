"""The seam of traces: what is worth a span, and the context by which a job's trace goes on in other processes.

Off until ``install`` is called, which only ``stack.traces`` does; then every call here returns at once. Called
where a job is accepted, waits, is drawn, stored and told of. A job is one trace: the span that accepts it
belongs to its caller's trace, if the caller has one, and every later span of the job to that one. The record
keeps both contexts, in W3C's form, so that any process can go on. Facts are short names, as in log events; never
a prompt, a token, or a full URL: of what is called ``server``, only the host is kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, Self

Fact = str | int | float | bool
Kind = Literal["internal", "producer", "consumer", "client"]

#: most characters of a ``tracestate`` that are kept, the least that W3C has everybody pass on
STATE_MOST = 512
#: version, trace id, span id, flags; a later version may have more, which we do not pass on
_PARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_STATE = re.compile(r"[\x20-\x7e\t]*")


@dataclass(frozen=True, slots=True)
class Carried:
    """A span as others are told of it. Source: W3C Trace Context, levels 1 and 2."""

    #: 55 characters
    traceparent: str
    #: at most ``STATE_MOST`` characters; "" = none
    tracestate: str = ""

    @classmethod
    def of(cls, traceparent: str | None, tracestate: str | None = None) -> Self | None:
        """Read two headers; None if the first is missing or wrong, as W3C has it: it is then ignored."""
        found = _PARENT.fullmatch(traceparent.strip()) if traceparent else None
        if found is None:
            return None
        version, trace, span, flags, more = found.groups()
        if version == "ff" or (version == "00" and more) or not int(trace, 16) * int(span, 16):
            return None
        return cls(f"00-{trace}-{span}-{flags}", _whole_members(tracestate or ""))

    @property
    def trace_id(self) -> str:
        """The trace's id, 32 hex digits."""
        return self.traceparent[3:35]

    @property
    def headers(self) -> dict[str, str]:
        """The headers that carry it on."""
        state = {"tracestate": self.tracestate} if self.tracestate else {}
        return {"traceparent": self.traceparent} | state


@dataclass(frozen=True, slots=True)
class JobTrace:
    """A job's trace, as its record keeps it."""

    #: the span that accepted it
    accepted: Carried
    #: its caller's span
    caller: Carried | None = None
    #: when it began to wait again, ms since 1970; None: it waits for the first time
    returned_ms: int | None = None

    @classmethod
    def of(cls, record: Mapping[str, str]) -> Self | None:
        """Read the fields that ``fields`` wrote; None: no trace was kept when it was accepted."""
        if "trace" not in record:
            return None
        state = record.get("tracestate")
        accepted = Carried.of(record["trace"], state)
        if accepted is None:
            return None
        returned = record.get("returned_ms")
        caller = Carried.of(record.get("traceparent"), state)
        return cls(accepted, caller, int(returned) if returned else None)

    @property
    def fields(self) -> dict[str, str]:
        """The fields of the record."""
        kept = {"trace": self.accepted.traceparent}
        return kept | (self.caller.headers if self.caller else {})


class Span(Protocol):
    """A stretch of work that lasts as long as its ``with`` block; one that raises is marked as failed."""

    def note(self, **facts: Fact) -> None:
        """Add facts."""

    def broke(self, kind: str) -> None:
        """Mark it as failed: ``kind`` is a fixed word for why."""

    @property
    def carried(self) -> Carried | None:
        """What others are told of this span; None while traces are off."""


class Tracer(Protocol):
    """Where spans go."""

    def span(
        self,
        name: str,
        kind: Kind,
        facts: Mapping[str, Fact],
        under: Carried | None = None,
        linked: Carried | None = None,
    ) -> AbstractContextManager[Span]:
        """Return the block of a span below ``under``; None: it begins a trace."""

    def step(
        self, name: str, kind: Kind, facts: Mapping[str, Fact]
    ) -> AbstractContextManager[Span] | None:
        """Return the block of a span below the one that this thread is in; None if it is in none."""

    def past(
        self, name: str, facts: Mapping[str, Fact], trace: JobTrace, from_ns: int, to_ns: int | None
    ) -> None:
        """Tell of a span afterwards; ns since 1970, ``to_ns`` None: now."""

    def here(self) -> Carried | None:
        """Return the span that this thread is in."""


class _Nothing:
    """The span of a process that keeps none."""

    carried: Carried | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Let exceptions pass."""

    def note(self, **facts: Fact) -> None:
        """Forget them."""

    def broke(self, kind: str) -> None:
        """Forget it."""


_NOTHING = _Nothing()
_tracer: Tracer | None = None


def install(tracer: Tracer | None) -> None:
    """Let this process's spans go to ``tracer``; None: nowhere."""
    global _tracer
    _tracer = tracer


def on() -> bool:
    """Return whether spans go anywhere."""
    return _tracer is not None


def accepting(caller: Carried | None, /, **facts: Fact) -> AbstractContextManager[Span]:
    """Return the block in which a job is accepted: ``caller`` waits for its end, and so is its parent."""
    if _tracer is None:
        return _NOTHING
    return _tracer.span("accept", "producer", facts, caller)


def of_job(
    name: str, trace: JobTrace | None, kind: Kind = "internal", /, **facts: Fact
) -> AbstractContextManager[Span]:
    """Return the block of a job's later work, in whichever process.

    It hangs below the span that accepted the job, and is linked to its caller's, whose wait has ended.
    """
    if _tracer is None or trace is None:
        return _NOTHING
    return _tracer.span(name, kind, facts, trace.accepted, trace.caller)


def step(name: str, kind: Kind = "internal", /, **facts: Fact) -> AbstractContextManager[Span]:
    """Return the block of a part of what this thread does for a job; no span if it does nothing for one."""
    return (_tracer and _tracer.step(name, kind, facts)) or _NOTHING


def waited(
    trace: JobTrace | None, created: datetime, granted: datetime | None, /, **facts: Fact
) -> None:
    """Tell that a job has waited for its slot, from when it was accepted or came back."""
    if _tracer is None or trace is None:
        return
    if trace.returned_ms is None:
        _tracer.past("wait", facts, trace, _ns(created), _ns(granted) if granted else None)
    else:
        # The record keeps the time of the first grant only.
        _tracer.past("wait", facts, trace, trace.returned_ms * 1_000_000, None)


def outgoing() -> dict[str, str]:
    """Return the header for a request that this thread makes for a job: none if it is for no job.

    It goes to engines, which may be a third party's: what the caller's ``tracestate`` says is not for them.
    """
    here = _tracer.here() if _tracer else None
    return {"traceparent": here.traceparent} if here else {}


def _ns(moment: datetime) -> int:
    return round(moment.timestamp() * 1000) * 1_000_000


def _whole_members(state: str) -> str:
    """Return as many whole members from the left, which are the newest, as there is room for."""
    if not _STATE.fullmatch(state):
        return ""
    if len(state) > STATE_MOST:
        state = state[: STATE_MOST + 1].rpartition(",")[0]
    return state.strip()
