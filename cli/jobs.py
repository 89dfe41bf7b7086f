"""``limner job``: a job's fields, its timeline, its callbacks, and why it waits."""

from __future__ import annotations

import argparse
import contextlib
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cli import show, waiting
from limner.callback.policy import Told, Wait
from limner.errors import JobNotFound
from limner.job import Job, Status
from limner.money import shown, units
from limner.plural import counted
from limner.printing import TITLE, document, line
from limner.settings import Settings
from limner.store import Store
from limner.store.metrics.numbers import JobNow

#: characters of what a receiver answered
ANSWER_SHOWN = 60
#: when, what, details
Line = tuple[float, str, str]
#: what the next callback waits for; ``at`` is its earliest time
WAITS = {
    Wait.SENDING: "One is being sent now.",
    Wait.RETRY: "The next attempt is due at {at}.",
    Wait.QUIET: "The next attempt is due at {at}, as the receiver asked.",
    Wait.BREAKER: "The client's last attempts at this receiver failed: the next one is made at {at} at the earliest.",
    Wait.HOST: "The host responds to nobody: clients take turns, with one attempt a second in all.",
    Wait.TURN: "The limit of concurrent callbacks is reached: the next attempt is made as soon as one ends.",
}


def job(options: argparse.Namespace) -> int:
    """Print all that is known about a job, found by its id or its tag."""
    store = show.open_store()
    found = _find(store, options.id)
    if options.json:
        document(body(store, found))
        return 0
    now, told = store.numbers.look(found.id), store.outbox.told(found.id)
    reasons = list(_reasons(store, found, now))
    _facts(found, now, told)
    _title("Timeline")
    _tell_timeline(found, _timeline(found, now, told))
    if untold := list(_untold(told)):
        _title("Callbacks not delivered")
    for text in untold:
        show.wrapped(["  "], text)
    if reasons:
        _title("Why it waits")
    for reason in reasons:
        show.wrapped(["  "], reason)
    return 0


def _tell_timeline(found: Job, happened: Sequence[Line]) -> None:
    day = ""
    for at_ms, what, about in happened:
        date, time = show.moment(at_ms)[:-1].split()
        if date != day:
            line(f"  {date}, in UTC")
            day = date
        after = f"+{_after_s(found, at_ms):.3f} s"
        style = show.STYLES.get(what, "")
        show.wrapped([f"  {time} {after:>12}  ", (f"{what:10}", style), " "], about)


def _reasons(store: Store, found: Job, now: JobNow) -> Iterator[str]:
    if found.status is Status.WAITING:
        numbers, verdicts = store.numbers.read(), store.lanes.verdicts(found.id)
        yield from waiting.reasons(found, now, numbers, verdicts)


def _title(text: str) -> None:
    line()
    line((text, TITLE))


def body(store: Store, found: Job) -> dict[str, Any]:
    """Return what the API shows of the job and of its callbacks, and what operators see besides."""
    # Not above: marshmallow takes longer to load than most commands take.
    from schemas.limner.callbacks import callbacks_body
    from schemas.limner.job import job_body

    now, told = store.numbers.look(found.id), store.outbox.told(found.id)
    timeline = _timeline(found, now, told)
    return job_body(found) | {
        "client": found.client,
        "parent": found.parent,
        "submitted": found.attempts,
        "cost": None if found.cost is None else units(found.cost),
        "workersLost": int(now.record.get("lost") or 0),
        "seqsSkipped": now.record.get("skipped", "").split(),
        "timeline": [
            {
                "at": show.wire_time(at_ms),
                "afterS": round(_after_s(found, at_ms), 3),
                "what": what,
                "about": about or None,
            }
            for at_ms, what, about in timeline
        ],
        "callbacks": callbacks_body(told),
        "whyItWaits": list(_reasons(store, found, now)),
    }


def _after_s(found: Job, at_ms: float) -> float:
    return at_ms / 1000 - found.created_at.timestamp()


def _find(store: Store, name: str) -> Job:
    """Return the job with that id, or else the newest one with that tag, of any client.

    Raises:
        JobNotFound: there is none.
    """
    with contextlib.suppress(JobNotFound):
        return store.jobs.get(name)
    tagged = []
    for client in store.clients.names():
        with contextlib.suppress(JobNotFound):
            tagged.append(store.jobs.newest_by_tag(client, name))
    if not tagged:
        raise JobNotFound
    return max(tagged, key=lambda job: job.created_at)


def _facts(found: Job, now: JobNow, told: Told) -> None:
    lost = now.record.get("lost", "0")
    show.facts(
        {
            "id": found.id,
            "client": found.client,
            "tag": found.tag,
            "lane": found.lane,
            "asked for": found.draw_type + (f" of {found.parent}" if found.parent else ""),
            "status": found.status,
            "progress": f"{found.progress} %",
            "position": found.position,
            "waits for": found.waits_for,
            "engine": found.engine,
            "submitted": counted(found.attempts, "time"),
            "cost": None if found.cost is None else shown(found.cost, Settings.load().currency),
            "workers lost": None if lost == "0" else lost,
            "newest event": f"seq {found.seq}",
            "callbacks to": now.record.get("dest"),
            "last error": error_of(told),
            "seqs skipped": now.record.get("skipped"),
            "prompt": found.final_prompt,
            "translated": found.translation and found.translation.prompt,
            "picture": found.picture and found.picture.url,
            "reason": found.reason,
            "reason code": found.reason_code,
        }
    )


def _timeline(found: Job, now: JobNow, told: Told) -> list[Line]:
    """Return what happened to a job, in order."""
    created_ms = found.created_at.timestamp() * 1000
    happened: list[Line] = [(created_ms, "accepted", f"into the lane {found.lane}")]
    if now.moments:
        happened += [(m.at_ms, m.fields.get("status", "?"), _about(m.fields)) for m in now.moments]
    else:
        # Events are kept until an hour after the end, the record for days.
        if found.started_at:
            happened.append(
                (found.started_at.timestamp() * 1000, "first slot", f"on {found.engine or '?'}")
            )
        if found.finished_at:
            happened.append(
                (found.finished_at.timestamp() * 1000, str(found.status), found.reason_code or "")
            )
    happened += [(attempt["at"], "callback", _attempt(attempt)) for attempt in told.attempts]
    return sorted(happened, key=lambda row: row[0])


def _about(fields: Mapping[str, str]) -> str:
    """Return an event's details besides its status."""
    match fields.get("status"):
        case Status.WAITING:
            if "waits_for" in fields:
                return f"again, {fields['waits_for']}"
            return f"again, at position {fields.get('position', '?')}"
        case Status.SUBMITTED:
            return f"to {fields.get('engine', '?')}"
        case Status.DRAWING:
            return f"{fields.get('progress', '0')} %"
        case Status.FAILED:
            return f"{fields.get('reason_code', '')}: {fields.get('reason', '')}"
    return ""


def error_of(told: Told, seq: int | None = None) -> str | None:
    """Return how the last attempt at a job's callbacks, or at one of them, failed, in a few words; None: it did not."""
    for attempt in reversed(told.attempts):
        if seq is None or attempt["seq"] == seq:
            return None if attempt.get("status", 0) // 100 == 2 else _outcome(attempt)
    return None


def _outcome(attempt: Mapping[str, Any]) -> str:
    """Return an attempt's status or error, and how the receiver put it."""
    word = str(attempt.get("status") or attempt.get("error") or "?")
    if word.startswith("2") or not attempt.get("answer"):
        return word
    return f"{word}: {textwrap.shorten(attempt['answer'], ANSWER_SHOWN, placeholder='…')}"


def _attempt(attempt: Mapping[str, Any]) -> str:
    word = attempt.get("status") or attempt.get("error") or "?"
    text = f"event {attempt['seq']}, attempt {attempt['attempt']}: {word} in {attempt['ms']} ms"
    if attempt.get("next"):
        text += f", again at {show.seconds_of(attempt['next'])}"
    return text + (" (resent)" if attempt.get("resent") else "")


def _untold(told: Told) -> Iterator[str]:
    for event in (*told.pending, *told.resending):
        status = event.fields.get("status", "?")
        yield f"event {event.seq} ({status}): waits{' to be resent' if event.resent else ''}"
    for letter in told.dead:
        status = letter.event.fields.get("status", "?")
        error = error_of(told, letter.event.seq)
        how = f", {letter.why}; at last {error}" if error else f", {letter.why}"
        yield f"event {letter.event.seq} ({status}): given up{how}"
    if told.waits_for:
        yield WAITS[told.waits_for].format(at=show.seconds_of(told.due_ms) if told.due_ms else "")
