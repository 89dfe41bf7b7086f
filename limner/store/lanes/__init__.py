"""Slots, leases and recovery: what a worker asks the store on a job's way; called by workers only.

The scripts are ``take let_go begin handle progress free_slot finish give_back cancel renew leave sweep
send_again verdicts``; most stand on ``lib_lanes.lua``; ``lib_granting.lua`` says how slots are given. A
*token* is minted by the worker for each taking of a job; every later call carries it, so a worker that was
given up cannot change anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from redis import Redis

from limner.engine import Handle
from limner.errors import JobNotFound, StaleLease
from limner.job import Job, Picture
from limner.message import Messages
from limner.moves import Cause
from limner.reasons import Reason
from limner.request import Lane
from limner.store.connection import guarded
from limner.store.policy import Policy, to_ms
from limner.store.scripts import Scripts

#: a job that looks as if its message were lost is sent again after so long
MISSING_PATIENCE_S = 5.0
#: jobs sent again in one sweep
SWEEP_MOST = 1000


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a worker's try to take a job.

    ``granted``: draw ``job`` on its engine. ``wait``: ask again when told, or after ``again_s``.
    ``held``: another worker has it. ``gone``: it ended, or never was.
    """

    state: Literal["granted", "wait", "held", "gone"]
    job: Job | None = None
    again_s: float | None = None
    #: how many hand-overs came before this one, which is counted; None: ask ``begin``
    attempt: int | None = None
    #: an engine has room that does not suit this job: others need not wait behind it
    choosy: bool = False

    @property
    def engine(self) -> str | None:
        """The engine that the job was granted a slot on."""
        return self.job.engine if self.job else None


@dataclass(frozen=True, slots=True)
class Begun:
    """How many hand-overs came before this one; None: wait so long for the lane's gap first."""

    attempt: int | None
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a job is given back, how often that may happen, and what it says of the engine.

    What is counted counts against the engine as well, once for each job: one that fails several in a
    row rests, as ``failing``, and its jobs wait without paying for it.
    """

    #: field of the record that counts it; None: not counted
    counter: str | None = None
    limit: int = 0
    #: why it then ends; None: it never does by this
    reason: Reason | None = None
    #: the engine rests before its next start; None: it has failed this job, and no more is known
    engine_state: Literal["busy", "down", "refused"] | None = None
    engine_why: str = ""
    pause_s: float = 0.0
    pause_max_s: float = 0.0
    #: for people, where more is known than the reason's own says
    sentence: str = ""

    @property
    def told(self) -> tuple[str, str]:
        """The sentence and the code that the job ends with."""
        if self.reason is None:
            return "", ""
        return self.sentence or self.reason.sentence, self.reason.value


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

        ``begin``: the worker hands it over at once where it need fetch nothing before; so that is
        counted, too.
        """
        state, detail, unsent, *more = self._run("take", job_id, token, worker, int(begin))
        self._send(unsent, messages)
        match state:
            case "granted":
                record = dict(zip(detail[::2], detail[1::2], strict=True))
                attempt = None if more[0] == "" else int(more[0])
                return Taken("granted", Job.from_record(record), attempt=attempt)
            case "wait":
                again_s = int(detail) / 1000 if detail else None
                return Taken("wait", again_s=again_s, choosy=more == ["1"])
        return Taken(state)

    @guarded
    def wait_for_grant(self, job_id: str, timeout_s: float) -> float | None:
        """Block until a held job may have been granted a slot; then ``take`` says for sure.

        Returns seconds after which asking is worth it, where the script knew, else None.
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
        """Count a hand-over to the engine, just before it happens, unless the gap is not over.

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
        """Write the engine's handle down; ``attach``: another worker could go on with it.

        ``paid``: "" or, of a drawing that costs money, "retry" or "fail" if it is lost.

        Raises:
            StaleLease: another worker owns the job.
        """
        self._owned(self._run("handle", job_id, token, json.dumps(handle), int(attach), paid))

    @guarded
    def progress(self, job_id: str, token: str, percent: int, preview: Picture | None) -> None:
        """Write how far the drawing is, 0-100, with a new preview if there is one.

        Raises:
            StaleLease: another worker owns the job.
        """
        picture = (preview.url, preview.width, preview.height) if preview else ("", "", "")
        self._owned(self._run("progress", job_id, token, percent, *picture))

    @guarded
    def free_slot(self, job_id: str, token: str, *, checked: bool = False) -> bool:
        """Say that the engine has drawn: its slot is free, the job is still this worker's.

        Returns False if the engine is on trial, or has failed others: it is cleared of that when this
        is said again with ``checked``, which says that the pictures are well.

        Raises:
            StaleLease: another worker owns the job.
        """
        return bool(self._owned(self._run("free_slot", job_id, token, int(checked))))

    @guarded
    def done(
        self,
        job_id: str,
        token: str,
        grid: Picture,
        cells: Sequence[Picture],
        notes: Mapping[str, Any],
    ) -> None:
        """End the job with its pictures.

        Raises:
            StaleLease: another worker owns the job.
        """
        fields: dict[str, str | int] = {
            "progress": 100,
            "url": grid.url,
            "width": grid.width,
            "height": grid.height,
            "cells": json.dumps([_picture(cell) for cell in cells]),
            "notes": json.dumps(notes, ensure_ascii=False),
        }
        flat = (part for item in fields.items() for part in item)
        self._owned(
            self._run("finish", job_id, token, Cause.FINISHED, "", "", "drew", "", 0, 0, *flat),
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
    ) -> None:
        """End the job with a sentence for people and a reason for programs.

        ``answered``: the engine said so, and can be reached. ``trouble``: it is the engine that failed.

        Raises:
            StaleLease: another worker owns the job.
        """
        did = "failed" if trouble else "answered" if answered else ""
        why = trouble or Trouble()
        self._owned(
            self._run(
                "finish",
                job_id,
                token,
                Cause.FAILED,
                sentence,
                reason,
                did,
                why.engine_why,
                to_ms(why.pause_s),
                to_ms(why.pause_max_s),
            )
        )

    @guarded
    def give_back(
        self, job_id: str, token: str, trouble: Trouble, messages: Messages, *, keep: bool = False
    ) -> Literal["waiting", "failed"]:
        """Put the job back at its place in the lane, or fail it if this happened too often.

        ``keep``: the engine goes on drawing; its handle stays, and its slot stays taken for a while.

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
        )
        self._send(unsent, messages)
        if state == "stale":
            raise StaleLease
        return "failed" if state == "failed" else "waiting"

    @guarded
    def cancel(self, job_id: str) -> bool:
        """End a job as cancelled; False if it had ended otherwise before.

        Raises:
            JobNotFound: there is no such job.
        """
        cancelled = self._run("cancel", job_id)
        if cancelled is None:
            raise JobNotFound
        return bool(cancelled)

    @guarded
    def renew(
        self, worker: str, lane: Lane, engines: Iterable[str], owned: Mapping[str, str]
    ) -> set[str]:
        """Beat once for a worker and the jobs it owns (id → token); return those it owns no more."""
        pairs = (part for item in owned.items() for part in item)
        return set(self._run("renew", worker, lane.value, " ".join(engines), *pairs))

    @guarded
    def leave(self, worker: str, lane: Lane) -> None:
        """Say that a worker is gone and owns nothing any more."""
        self._scripts("leave", worker, lane.value)

    @guarded
    def sweep(self, messages: Messages) -> int:
        """Take back what silent workers held and send lost messages again; return how many.

        Engines that no worker has any more are dropped, too.
        """
        unsent = self._run("sweep", to_ms(MISSING_PATIENCE_S), SWEEP_MOST, self._engine_absent_ms)
        self._send(unsent, messages)
        return len(unsent)

    @guarded
    def verdicts(self, job_id: str) -> dict[str, str]:
        """Return what keeps each engine of a living worker from drawing a waiting job now.

        Words: see ``verdicts.lua``; "" if nothing does.
        """
        flat = self._run("verdicts", job_id)
        return dict(zip(flat[::2], flat[1::2], strict=True))

    @guarded
    def workers_seen(self, lane: Lane, now_ms: int) -> int:
        """Return how many workers of a lane have beaten within their lease."""
        return int(self._redis.zcount(f"{self._prefix}workers:{lane.value}", now_ms, "+inf"))

    def _run(self, name: str, *args: str | int | float) -> Any:
        return self._scripts(name, *self._policy, *args)

    def _owned(self, answer: Any) -> Any:
        if answer is None:
            raise StaleLease
        return answer

    def _send(self, unsent: list[tuple[str, str, str]], messages: Messages) -> None:
        """Push the messages of jobs left without one; the one that is first in its lane comes last.

        If this worker dies before, ``sweep`` finds them.
        """
        for lane, job_id, _place in sorted(unsent, key=lambda job: -float(job[2])):
            self._scripts("send_again", job_id, lane, messages.fill(Lane(lane), job_id))


def _picture(picture: Picture) -> dict[str, Any]:
    return {"url": picture.url, "width": picture.width, "height": picture.height}
