"""Why a job waits, in sentences for operators; shown by ``limner job``.

What keeps an engine from a job is decided in ``lib_granting.lua``; here it is put into sentences.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cli.show import duration
from limner.job import Job
from limner.plural import counted
from limner.request import Lane
from limner.store.engines import EngineNow
from limner.store.metrics.numbers import JobNow, Numbers
from limner.store.metrics.warning import STALLED_S


def reasons(job: Job, now: JobNow, numbers: Numbers, verdicts: Mapping[str, str]) -> Iterator[str]:
    """Yield the reasons why a job waits, those of its lane first.

    ``verdicts``: by engine, as ``Lanes.verdicts`` returns them.
    """
    lane = numbers.lanes[job.lane]
    if not lane.workers:
        yield (
            f"No worker of the lane {job.lane} is running: start one with "
            f"`limner worker {job.lane}`."
        )
        return
    if lane.stalled_s >= STALLED_S:
        yield (
            f"The lane {job.lane} stands still: a slot is free, and nothing has started for "
            f"{duration(lane.stalled_s)}. Restart its workers."
        )
    if job.waits_for == "lane paused":
        yield f"The lane {job.lane} is paused by an operator: `limner resume lane {job.lane}`."
        return
    if job.waits_for == "client paused":
        yield f"Its client is paused by an operator: `limner resume client {job.client}`."
        return
    if job.position and job.position > 1:
        yield f"Ahead of it in the lane: {counted(job.position - 1, 'job')}."
    engines = [engine for engine in numbers.engines if engine.name in verdicts]
    if not engines:
        yield "The running workers have no engine."
        return
    for engine in engines:
        word = verdicts[engine.name]
        yield f"Engine {engine.name} {_sentence(word, engine, job, now.record.get('needs', ''))}."
    if not all(verdicts.values()) and not now.held:
        yield (
            "No worker holds it yet: its message waits behind others, or was lost and is resent "
            "within seconds."
        )


def _sentence(word: str, engine: EngineNow, job: Job, needs: str) -> str:
    """Return what follows an engine's name in the sentence for a verdict of ``verdicts.lua``."""
    match word:
        case "lacks":
            missing = ", ".join(need for need in needs.split() if need in engine.lacks)
            return f"does not suit it: it cannot do {missing}"
        case "pinned":
            return "does not suit it: the job is for another engine"
        case "version":
            return "does not suit it: it has no model for the version"
        case "clients":
            return "does not suit it: it draws for other clients"
        case "engine_paused":
            return f"is paused by an operator: `limner resume engine {engine.name}`"
        case "engine_draining":
            return f"is draining, by an operator: `limner resume engine {engine.name}`"
        case "no_slots":
            return f"has no slots for the lane {job.lane}"
        case "elsewhere":
            return "is not the one that continues its drawing"
        case "failed":
            return "has failed it, and another one is up"
        case "aside":
            return "has failed it: others go first for a few seconds"
        case _ if engine.paused_s:
            why = f" ({engine.why})" if engine.why else ""
            return f"is {engine.state}{why} and is tried again in {duration(engine.paused_s)}"
        case "fast_first":
            return "draws waiting fast jobs first"
        case "full" if engine.state != "ok":
            return f"is on trial after it was {engine.state}: one drawing at a time"
        case "full":
            busy = ", ".join(
                f"{engine.leased[lane]} {lane}" for lane in Lane if engine.leased[lane]
            )
            kept = sum(engine.storing.values())
            why = f"; to be stored yet: {counted(kept, 'drawing')}" if kept else ""
            return f"is full: {busy} of {counted(engine.slots[job.lane], 'slot')}{why}"
        case "gap":
            opens = duration(engine.opens_s[job.lane])
            return f"keeps its gap: it may start another in {opens}"
    return "has room for it"
