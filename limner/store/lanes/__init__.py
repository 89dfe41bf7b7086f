"""Slots, leases and recovery: the store's operations on a job's way; called by workers only.

The scripts are ``take let_go begin handle translated progress free_slot keep_slot finish give_back cancel renew leave sweep mend
send_again verdicts deadlines plan claim positions front``; most use ``lib_lanes.lua``; ``lib_granting.lua`` decides who gets a slot. The worker
creates a *token* each time it takes a job; every later call carries it, so that a worker that was given up
cannot change anything.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from redis import Redis

from limner.engine import Handle
from limner.errors import JobNotFound, StaleLease
from limner.job import Picture
from limner.message import Messages
from limner.moves import Cause
from limner.reasons import Reason
from limner.request import Lane
from limner.store.connection import DOWN, guarded
from limner.store.lanes.answers import Begun, FrontAnswer, PlannedJob, Result, Taken, Trouble
from limner.store.mending import walk
from limner.store.policy import Policy, to_ms
from limner.store.scripts import Scripts
from limner.translation import Translation

__all__ = ["Begun", "Lanes", "PlannedJob", "Result", "Taken", "Trouble"]

#: how long a job's message must seem lost before it is resent
MISSING_PATIENCE_S = 5.0
#: most messages resent in one sweep
SWEEP_MOST = 1000


class Lanes:
    """The lanes' slots and the leases on them."""

    def __init__(self, redis: Redis, prefix: str, scripts: Scripts, policy: Policy) -> None:
        self._redis: Any = redis
        self._prefix = prefix
        self._scripts = scripts
        self._policy = policy.arguments()
        self._engine_absent_ms = to_ms(policy.engine_absent_s)

    @guarded
    def take(
        self, job_id: str, token: str, worker: str, messages: Messages, *, begin: bool = False
    ) -> Taken:
        """Hold a waiting job, and start it if an engine of this worker has a free slot.

        ``begin``: the worker submits it at once if nothing must be fetched first; that also counts the
        submission.
        """
        answer = self._run("take", job_id, token, worker, int(begin))
        self._send(answer[2], messages)
        return Taken.of(answer)

    @guarded
    def claim(
        self,
        lane: Lane,
        token: str,
        worker: str,
        named: str,
        messages: Messages | None,
        *,
        begin: bool = False,
    ) -> tuple[str, Taken] | None:
        """Take the job whose turn it is, as ``take`` does, for a message that names any; return its id, too.

        None: no job waits in the lane that nobody holds. ``messages``: None leaves to ``sweep`` what it sends.
        """
        job_id, *answer = self._run("claim", lane.value, token, worker, int(begin), named)
        # The job is taken: it must not be lost with a message of others, which ``sweep`` finds missing.
        if messages:
            with contextlib.suppress(*DOWN):
                self._send(answer[2], messages)
        return (job_id, Taken.of(answer)) if job_id else None

    @guarded
    def wait_for_grant(self, job_id: str, timeout_s: float) -> float | None:
        """Block until a held job may have been granted a slot; ``take`` then decides.

        Returns the seconds after which it is worth asking again, if the script knew, else None.
        """
        told = self._redis.blpop(f"{self._prefix}grant:{job_id}", timeout=timeout_s)
        return int(told[1]) / 1000 if told and told[1] != "granted" else None

    @guarded
    def let_go(self, job_id: str, token: str, messages: Messages) -> bool:
        """Give up a job that is only held; False if it was granted meanwhile."""
        state, unsent = self._run("let_go", job_id, token)
        self._send(unsent, messages)
        return bool(state != "granted")

    @guarded
    def begin(self, job_id: str, token: str) -> Begun:
        """Count a submission to the engine, just before it happens, unless the gap is still open.

        Raises:
            StaleLease: another worker owns the job.
        """
        before, wait_ms = self._owned(self._run("begin", job_id, token))
        if before == "wait":
            return Begun(None, int(wait_ms) / 1000)
        return Begun(int(before))

    @guarded
    def keep_handle(
        self, job_id: str, token: str, handle: Handle, *, attach: bool, paid: str = ""
    ) -> None:
        """Store the engine's handle; ``attach``: another worker could attach to it.

        ``paid``: "" or, for a drawing that costs money, what to do if it is lost: "retry" or "fail".

        Raises:
            StaleLease: another worker owns the job.
        """
        self._owned(self._run("handle", job_id, token, json.dumps(handle), int(attach), paid))

    @guarded
    def keep_slot(self, job_id: str, token: str) -> None:
        """Note that a drawing is done, and keeps its slot until there is room to store it.

        Raises:
            StaleLease: another worker owns the job.
        """
        self._owned(self._run("keep_slot", job_id, token))

    @guarded
    def translated(self, job_id: str, token: str, translation: Translation) -> None:
        """Store what became of a job's words.

        Raises:
            StaleLease: another worker owns the job.
        """
        self._owned(self._run("translated", job_id, token, translation.to_json()))

    @guarded
    def progress(self, job_id: str, token: str, percent: int, preview: Picture | None) -> None:
        """Store the drawing's progress, 0-100, with a new preview if there is one.

        Raises:
            StaleLease: another worker owns the job.
        """
        picture = (preview.url, preview.width, preview.height) if preview else ("", "", "")
        self._owned(self._run("progress", job_id, token, percent, *picture))

    @guarded
    def free_slot(self, job_id: str, token: str, *, checked: bool = False) -> bool:
        """Free the slot, because the engine has finished; the job still belongs to this worker.

        Returns False if the engine is on trial or has failed other jobs: call it again with ``checked`` once
        the pictures have proved to be good, and the engine is cleared.

        Raises:
            StaleLease: another worker owns the job.
        """
        return bool(self._owned(self._run("free_slot", job_id, token, int(checked))))

    @guarded
    def done(
        self,
        job_id: str,
        token: str,
        result: Result,
    ) -> None:
        """End the job with its result.

        Raises:
            StaleLease: another worker owns the job.
        """
        flat = (part for item in result.fields().items() for part in item)
        self._owned(
            self._run(
                "finish",
                job_id,
                token,
                Cause.FINISHED,
                *("", "", "drew", "", 0, 0),
                _said(result.cost),
                *flat,
            ),
        )

    @guarded
    def failed(
        self,
        job_id: str,
        token: str,
        sentence: str,
        reason: Reason,
        *,
        answered: bool = False,
        trouble: Trouble | None = None,
        cost: int | None = None,
    ) -> None:
        """End the job with a sentence for people and a reason for programs.

        ``answered``: the engine decided so, and can be reached. ``trouble``: the engine failed.
        ``cost``: what the drawing cost all the same, millionths; None: its price, if the engine has it, or had.

        Raises:
            StaleLease: another worker owns the job.
        """
        did = "failed" if trouble else "answered" if answered else ""
        why = trouble or Trouble()
        self._owned(
            self._run(
                *("finish", job_id, token, Cause.FAILED, sentence, reason, did, why.engine_why),
                *(to_ms(why.pause_s), to_ms(why.pause_max_s), _said(cost)),
            )
        )

    @guarded
    def give_back(
        self, job_id: str, token: str, trouble: Trouble, messages: Messages, *, keep: bool = False
    ) -> Literal["waiting", "failed"]:
        """Return the job to its place in the lane, or fail it if this happened too often.

        ``keep``: the engine keeps drawing; the handle is kept, and the slot stays taken for a while.

        Raises:
            StaleLease: another worker owns the job.
        """
        state, unsent = self._run(
            "give_back",
            job_id,
            token,
            int(keep),
            trouble.counter or "",
            trouble.limit,
            *trouble.told,
            trouble.engine_state or "",
            trouble.engine_why,
            to_ms(trouble.pause_s),
            to_ms(trouble.pause_max_s),
            _said(trouble.cost),
        )
        self._send(unsent, messages)
        if state == "stale":
            raise StaleLease
        return "failed" if state == "failed" else "waiting"

    @guarded
    def cancel(self, job_id: str, *, operator: bool = False, if_abandoned: bool = False) -> bool:
        """End a job as cancelled by its caller or an operator; False if it had ended otherwise before.

        ``if_abandoned``: only if no request waits for it (``limner.store.awaited``); False if one does.

        Raises:
            JobNotFound: there is no such job.
        """
        cancelled = self._run("cancel", job_id, int(operator), int(if_abandoned))
        if cancelled is None:
            raise JobNotFound
        return bool(cancelled)

    @guarded
    def pass_deadlines(self) -> int:
        """End the jobs whose deadlines have passed; return how many."""
        return int(self._run("deadlines"))

    @guarded
    def plan(
        self, lane: Lane, needs: Iterable[str], client: str, asked: Iterable[str]
    ) -> PlannedJob:
        """Return what would become of a job with these needs (``needs_of``) and wishes (``asked_of``)."""
        engine, applied, position = self._run(
            "plan", lane.value, " ".join(needs), client, " ".join(asked)
        )
        return PlannedJob(engine or None, json.loads(applied) if applied else None, int(position))

    @guarded
    def to_front(self, job_id: str, who: str) -> FrontAnswer:
        """Move a waiting job to the front of its lane; return ``moved``, or why it is not."""
        answer: FrontAnswer = self._scripts("front", job_id, who)
        return answer

    @guarded
    def renew(
        self, worker: str, lane: Lane, engines: Iterable[str], owned: Mapping[str, str]
    ) -> set[str]:
        """Send a worker's heartbeat for itself and its jobs (id → token); return those it no longer owns."""
        pairs = (part for item in owned.items() for part in item)
        return set(self._run("renew", worker, lane.value, " ".join(engines), *pairs))

    @guarded
    def leave(self, worker: str, lane: Lane) -> None:
        """Remove a worker that has stopped and owns nothing."""
        self._scripts("leave", worker, lane.value)

    @guarded
    def sweep(self, messages: Messages) -> int:
        """Reclaim what silent workers held, and resend lost messages; return how many were resent.

        Also drops engines that no worker has any more, and makes some of what was lost again (``mend.lua``).
        """
        unsent = self._run("sweep", to_ms(MISSING_PATIENCE_S), SWEEP_MOST, self._engine_absent_ms)
        self._send(unsent, messages)
        self._mend()
        return len(unsent)

    def _mend(self) -> None:
        """Look at some more keys for what was lost; where something was missing, at more of them."""
        walk(lambda again: self._run("mend", again))

    @guarded
    def verdicts(self, job_id: str) -> dict[str, str]:
        """Return what keeps each engine of the running workers from drawing a waiting job now.

        The words are those of ``verdicts.lua``; "": nothing does.
        """
        flat = self._run("verdicts", job_id)
        return dict(zip(flat[::2], flat[1::2], strict=True))

    @guarded
    def workers_seen(self, lane: Lane, now_ms: int) -> int:
        """Return how many workers of a lane have sent a heartbeat within their lease."""
        return int(self._redis.zcount(f"{self._prefix}workers:{lane.value}", now_ms, "+inf"))

    def _run(self, name: str, *args: str | int | float) -> Any:
        return self._scripts(name, *self._policy, *args)

    def _owned(self, answer: Any) -> Any:
        if answer is None:
            raise StaleLease
        return answer

    def _send(self, unsent: list[tuple[str, str, str]], messages: Messages) -> None:
        """Push the messages of jobs left without one; the first job of a lane last, so that it is at the head.

        If this worker dies before that, ``sweep`` finds them.
        """
        for lane, job_id, _place in sorted(unsent, key=lambda job: -float(job[2])):
            self._scripts("send_again", job_id, lane, messages.fill(Lane(lane), job_id))


def _said(cost: int | None) -> int | str:
    return "" if cost is None else cost
