"""Why a job waits, in sentences for operators: what ``limner job`` says of a waiting job.

The rules are those of ``lib_granting.lua``, told from the same facts; nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Iterator

from limner.cli.show import duration
from limner.job import Job
from limner.request import Lane
from limner.store.numbers import EngineNow, JobNow, Numbers
from limner.warning import STALLED_S


def reasons(job: Job, now: JobNow, numbers: Numbers) -> Iterator[str]:
    """Yield what stands between a waiting job and its drawing, the lane first."""
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
    if job.position and job.position > 1:
        yield f"{job.position - 1} jobs of the lane are ahead of it."
    engines = [engine for engine in numbers.engines if engine.workers]
    if not engines:
        yield "The running workers have no engine."
        return
    verdicts = [(engine, _verdict(engine, job, now, numbers)) for engine in engines]
    for engine, verdict in verdicts:
        yield f"Engine {engine.name} {verdict or 'has room for it'}."
    if not all(verdict for _, verdict in verdicts) and not now.held:
        yield (
            "No worker holds it yet: its message waits behind others, or was lost and is sent again "
            "within seconds."
        )


def _verdict(engine: EngineNow, job: Job, now: JobNow, numbers: Numbers) -> str | None:
    """Return why the engine does not draw the job now; None: it could."""
    missing = [need for need in now.record.get("needs", "").split() if need in engine.lacks]
    if missing:
        return f"does not suit it: it cannot do {', '.join(missing)}"
    if engine.clients and job.client not in engine.clients:
        return "does not suit it: it draws for other clients"
    if not engine.slots[job.lane]:
        return f"has no slots for the lane {job.lane}"
    if engine.paused_s:
        why = f" ({engine.why})" if engine.why else ""
        return f"is {engine.state}{why} and is tried again in {duration(engine.paused_s)}"
    if not engine.free[job.lane]:
        if engine.state != "ok":
            return f"is on trial after it was {engine.state}: one drawing at a time"
        busy = ", ".join(f"{engine.leased[lane]} {lane}" for lane in Lane if engine.leased[lane])
        return f"is full: {busy} of {engine.slots[job.lane]} slots"
    if engine.opens_s[job.lane]:
        return f"keeps its gap: it may start another in {duration(engine.opens_s[job.lane])}"
    if job.lane is Lane.RELAXED and numbers.lanes[Lane.FAST].waiting:
        return "draws waiting fast jobs first"
    return None
