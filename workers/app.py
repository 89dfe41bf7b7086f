"""The Celery app, its tasks and what Celery's signals start and stop; run by ``workers.start``.

Only this module, ``workers.gate`` (how many messages a process may take), ``workers.binding`` (which job a
message is for), ``workers.announcing`` (what Flower shows of a task), ``workers.control`` (what Flower's buttons
do), ``workers.stopping`` (what signals do) and ``workers.transport`` (which messages it accepts) know Celery. Tasks
call plain functions.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import time
from collections.abc import Callable
from typing import Any

from celery import Celery, Task, signals
from celery.exceptions import Retry

from limner.errors import ConfigError, JobNotFound, StoreDown, StoreUnfit
from limner.log import event
from limner.message import TASK
from limner.request import Lane
from limner.settings import Settings
from stack import traces
from stack.privacy import keep_to_ourselves
from stack.pulse import Pulse
from stack.readiness import tell_ready
from workers import announcing, control, stopping
from workers.announcing import Announcer
from workers.binding import CLAIM, binder
from workers.descriptors import raise_limit
from workers.drawing import ClaimedJob, GivenBack, JobFailed
from workers.drawing.patience import STORE_RETRY_S
from workers.gate import Gate, GatedRequest, install
from workers.runtime import CallbackRuntime, LaneRuntime
from workers.transport import AMQP, sieve
from workers.vetting import TICK

app = Celery("limner", amqp=AMQP)
app.config_from_object("celeryconfig")

log = logging.getLogger(__name__)

#: SIGHUP as it was at start: `nohup` ignores it, and Celery would take it as a request to restart
HANGUP_IGNORED = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN

gate = Gate()
announcer = Announcer()
pulse = Pulse.of()


def _cancel_job(job_id: str) -> None:
    """Cancel a job, if this process draws any.

    Raises:
        JobNotFound, StoreDown: there is none of that id, or Redis is down.
    """
    if process.lanes is not None:
        process.lanes.store.lanes.cancel(job_id)


control.take_over(_cancel_job)
# At import: Celery builds the consumer before it announces which queues it consumes.
install(app, gate)
announcing.install(app, announcer)


class Process:
    """What this process runs, once Celery has announced which queues it consumes."""

    lanes: LaneRuntime | None = None
    callbacks: CallbackRuntime | None = None
    end_traces: Callable[[], None] | None = None

    def parts(self) -> list[LaneRuntime | CallbackRuntime]:
        """Return the parts that run."""
        return [part for part in (self.lanes, self.callbacks) if part is not None]


process = Process()


@app.task(
    name=TASK,
    bind=True,
    throws=(JobFailed,),
    Request=GatedRequest,
    Strategy="workers.binding:strategy",
)
def imagine(self: Task[Any, Any], job_id: str) -> str:
    """Draw the job; its lane is the queue that the message came from."""
    place = gate.place_of(self.request)
    place.begin()

    def started(engine: str) -> None:
        # Flower shows this with the task, whose id is the job's. Not sent before the engine has the
        # job: until then its slot is idle.
        lane = (self.request.delivery_info or {}).get("routing_key")
        announcer.started(job_id, kwargs=repr({"lane": lane, "engine": engine}))

    try:
        assert process.lanes is not None, "this process consumes no lane"
        claim: ClaimedJob | None = getattr(self.request, CLAIM, None)
        return process.lanes.draftsman.imagine(job_id, place.leave, started, place.overlook, claim)
    except GivenBack as why:
        # The job's next message continues it; Flower shows that as a retry.
        raise Retry(str(why)) from None
    finally:
        place.leave()


@app.task(name=TICK, throws=(StoreDown,))
def tick() -> str:
    """Look after the lanes, whatever state their workers are in."""
    assert process.callbacks is not None, "this process does not consume callbacks"
    return process.callbacks.tick()


@signals.celeryd_after_setup.connect
def _build(**_: Any) -> None:
    raise_limit()
    keep_to_ourselves()
    consumed = set(app.amqp.queues.consume_from)
    lanes = [lane for lane in Lane if lane.value in consumed]
    try:
        settings = Settings.load()
        if lanes:
            process.lanes = LaneRuntime(settings, lanes, app)
            binder.take = process.lanes.claim
        if "callbacks" in consumed:
            process.callbacks = CallbackRuntime(settings, app)
        process.end_traces = traces.start(settings, " ".join(["worker", *sorted(consumed)]))
        for part in process.parts():
            sieve.set_aside = part.store.aside.put
    except ConfigError as error:
        # Celery swallows exceptions of signal handlers, but not SystemExit.
        event(log, "process.refused", level=logging.ERROR, why=error.message)
        raise SystemExit(2) from None


@signals.task_revoked.connect
def _cancel(request: Any = None, expired: bool = False, **_: Any) -> None:
    # Workers ignore a revoked task for hours, and the job would wait that long; the operator wants it gone.
    if request.task == TASK and not expired:
        with contextlib.suppress(StoreDown, JobNotFound):
            _cancel_job(request.id)


@signals.worker_ready.connect
def _start(**_: Any) -> None:
    for part in process.parts():
        while not gate.closed:
            pulse.beat()
            try:
                part.start(pulse.beat)
                break
            except StoreUnfit as error:
                # Redis was down when the start was checked (`cli/processes.py`). Celery swallows all else.
                event(log, "process.refused", level=logging.ERROR, why=error.message)
                raise SystemExit(2) from None
            except StoreDown as error:
                # Celery would swallow the exception and leave a worker without a heartbeat.
                event(log, "store.missed", why=error.message)
                time.sleep(STORE_RETRY_S)
    tell_ready()


@signals.worker_shutting_down.connect
def _drain(**_: Any) -> None:
    gate.closed = True
    for part in process.parts():
        part.drain()


def _retire() -> None:
    gate.closed = True
    for part in process.parts():
        part.retire()


stopping.install(app, _retire, hangup_ignored=HANGUP_IGNORED)


@signals.worker_shutdown.connect
def _end(**_: Any) -> None:
    for part in process.parts():
        part.end()
    if process.end_traces:
        process.end_traces()
