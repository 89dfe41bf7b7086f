"""Every end of a drawing except success: stopped, given back, lost, failed."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import NoReturn

from limner.errors import EngineDown, EngineError, EngineStuck, JobLost, StaleLease, StoreDown
from limner.log import event
from limner.message import Messages
from limner.reasons import PAID_FOR, Reason
from limner.store import Store
from limner.store.lanes import Trouble
from workers.drawing.grant import Grant
from workers.drawing.patience import Patience
from workers.drawing.trouble import cost_of, crash, handover, too_late, trouble_of

log = logging.getLogger(__name__)


class JobFailed(Exception):
    """The job failed; Flower shows this as the task's result."""


class GivenBack(Exception):
    """The job went back to its lane; another delivery of its message continues it."""


class Endings:
    """Ends the drawings of one process that do not succeed.

    Every public method except ``cancel`` raises ``JobFailed`` if the job ended, ``GivenBack`` if it waits
    again, and ``StaleLease`` if another worker has it.
    """

    def __init__(self, store: Store, messages: Callable[[], Messages], patience: Patience) -> None:
        self._store = store
        self._messages = messages
        self._patience = patience

    def stopped(self, grant: Grant) -> NoReturn:
        """End a drawing that the keeper told to stop, depending on the reason."""
        drawing = grant.drawing
        if drawing.stop_reason == "stale":
            if not drawing.attach:
                # Whoever has the job now draws it again: nobody needs this drawing.
                self.cancel(grant)
            raise StaleLease
        if drawing.stop_reason == "shutdown":
            self._lose(grant, handover(), keep=True)
        if drawing.stop_reason == "late":
            self.cancel(grant)
            self.fail(grant, Reason.TIMED_OUT, trouble=too_late())
        # If another worker can attach, perhaps only the news stopped, and it finds a finished drawing.
        self._lose(grant, trouble_of(EngineStuck(), submitted=True), keep=True)

    def broken(self, grant: Grant, error: EngineError) -> NoReturn:
        """End a drawing that its engine could not continue."""
        drawing = grant.drawing
        event(
            log,
            "engine.failed",
            level=logging.WARNING,
            job=grant.job.id,
            engine=grant.engine_name,
            error_class=type(error).__name__,
            why=str(error.__cause__ or error),
        )
        submitted = drawing.began_s is not None
        # Without a handle, the engine did not take it, or says by the error that it may have.
        cost = cost_of(error, submitted=drawing.handle is not None)
        trouble = replace(trouble_of(error, submitted=submitted), cost=cost)
        if isinstance(error, JobLost):
            drawing.over()
        if _paid_for(error) and grant.on_lost == "fail":
            self.cancel(grant)
            self.fail(grant, error.reason, error.summary(), trouble=trouble)
        self._give_back(grant, trouble, keep=trouble.engine_state == "down")

    def crashed(self, grant: Grant) -> NoReturn:
        """End a drawing after a bug in our own code or a driver; called in the exception's handler."""
        event(log, "drawing.crashed", level=logging.ERROR, error=True, job=grant.job.id)
        # A drawing that was paid for is attached to again, if possible.
        self._lose(grant, crash(), keep=grant.drawing.paid != "")

    def fail(
        self,
        grant: Grant,
        reason: Reason,
        sentence: str = "",
        *,
        answered: bool = False,
        trouble: Trouble | None = None,
        cost: int | None = None,
    ) -> NoReturn:
        """Fail the job; ``answered``: the engine itself decided so.

        ``sentence``: a sentence for people, if more is known than the reason's own says. ``cost``: what the drawing
        cost all the same, if ``trouble`` does not say.
        """
        self._patience.store(
            lambda: self._store.lanes.failed(
                grant.job.id,
                grant.drawing.token,
                sentence or reason.sentence,
                reason,
                answered=answered,
                trouble=trouble,
                cost=trouble.cost if trouble else cost,
            ),
        )
        event(log, "job.finished", job=grant.job.id, status="failed", reason_code=reason.value)
        raise JobFailed(reason.value)

    def cancel(self, grant: Grant) -> None:
        """Stop a drawing on its engine that nobody continues, now or as soon as it can be reached."""
        handle = grant.drawing.handle
        if handle is None or grant.drawing.ended:
            return
        try:
            grant.engine.cancel(handle)
        except EngineDown:
            with contextlib.suppress(StoreDown):
                self._store.engines.cancel_later(grant.engine_name, handle)
        # The job's end does not depend on whether its engine can be reached.
        except Exception:  # noqa: BLE001
            event(log, "engine.cancel_failed", level=logging.WARNING, error=True)

    def _lose(self, grant: Grant, trouble: Trouble, *, keep: bool) -> NoReturn:
        """Give back a job whose drawing may be lost by that, unless it would be paid for twice."""
        drawing = grant.drawing
        if drawing.paid != "fail" or (keep and drawing.attach):
            self._give_back(grant, trouble, keep=keep)
        self.cancel(grant)
        struck = trouble if trouble.counter else None
        self.fail(grant, Reason.DRAWING_LOST, PAID_FOR, trouble=struck)

    def _give_back(self, grant: Grant, trouble: Trouble, *, keep: bool) -> NoReturn:
        """Give the job back, or fail it; ``keep``: the drawing continues, if another worker can attach."""
        drawing, job = grant.drawing, grant.job
        keep = keep and drawing.attach and drawing.handle is not None
        if not keep:
            self.cancel(grant)
        state = self._patience.store(
            lambda: self._store.lanes.give_back(
                job.id, drawing.token, trouble, self._messages(), keep=keep
            ),
        )
        if state == "failed":
            if keep:
                self.cancel(grant)
            _, code = trouble.told
            event(log, "job.finished", job=job.id, status="failed", reason_code=code)
            raise JobFailed(code)
        event(log, "job.returned", job=job.id, kept=keep, why=trouble.engine_why)
        raise GivenBack(trouble.engine_why or "the worker stops")


def _paid_for(error: EngineError) -> bool:
    """Whether drawing again pays again, for the whole or for a part that was drawn."""
    if isinstance(error, JobLost):
        return error.charged
    # What is away still has it.
    return error.partly and not isinstance(error, EngineDown)
