"""Accept jobs and look them up; called by the API and, for one job at a time, by the workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from redis import Redis

from limner.client import Budgets, Spending
from limner.compact_json import compact_json
from limner.errors import (
    IdempotencyConflict,
    InlineFull,
    JobConflict,
    JobNotFound,
    WaitingFull,
)
from limner.followup import FollowUp
from limner.job import Job, Picture, Standing, Status, from_ms, new_record, tag_key
from limner.message import Messages
from limner.refusals import RefusalCode
from limner.request import Request
from limner.store.connection import guarded
from limner.store.jobs.assurance import Assurance
from limner.store.jobs.cursors import cursor_of, rank_after
from limner.store.jobs.first_record import more_of
from limner.store.jobs.keys import Idempotency, Try
from limner.store.jobs.pages import BATCH, PAGE_SCAN, JobFilter, Page
from limner.store.jobs.spending import refusal
from limner.store.levers import Levers
from limner.store.policy import Policy, to_ms
from limner.store.scripts import Scripts
from limner.store.spool import Charge
from limner.tracing import JobTrace

#: Retry-After for a client whose waiting cap or quota of inline pictures is full
FULL_RETRY_AFTER_S = 10.0
#: most calls to make room for a job's pictures, 200 older jobs' at a time; other scripts run in between
ROOM_CALLS_MOST = 25
_NOTHING = Charge()
_UNLIMITED = Budgets()


@dataclass(frozen=True, slots=True)
class Accepted:
    """The job to return for a POST; ``again``: an earlier POST with this key made it."""

    job: Job
    again: bool = False
    #: files of ended jobs that made room in the spool, which the reader of this has to delete
    to_drop: tuple[str, ...] = ()


class Jobs:
    """The records of all jobs."""

    def __init__(
        self, redis: Redis, prefix: str, scripts: Scripts, policy: Policy, levers: Levers
    ) -> None:
        self._redis: Any = redis
        self._prefix = prefix
        self._scripts = scripts
        self._keep_ms = to_ms(policy.keep_job_s)
        self._currency = policy.currency
        self._levers = levers
        self._assurance = Assurance(scripts, policy)

    @guarded
    def accept(
        self,
        job_id: str,
        client: str,
        request: Request,
        seeds: Sequence[int],
        messages: Messages,
        *,
        waiting_cap: int,
        destination: str | None = None,
        idempotency: Idempotency | Try | None = None,
        follow_up: FollowUp | None = None,
        picked: Picture | None = None,
        charge: Charge = _NOTHING,
        budgets: Budgets = _UNLIMITED,
        trace: JobTrace | None = None,
    ) -> Accepted:
        """Store a new job and enqueue its message, in one script.

        ``destination`` is the key under which callbacks to the request's URL share their fate
        (``limner.callback.policy.destination``); None: there are no callbacks. On return Redis has the record
        and the message, and as many replicas as ``Policy.replicas`` says have the record. ``follow_up`` marks its
        parent in the same script; ``picked``: the job is done with that picture at once, and nothing is enqueued.
        ``charge``: the job's files in the spool, charged to the client in the same script. ``budgets``: what the
        client may have drawn; counted in it, too. ``trace``: what the job's later spans go on from.
        A ``Try`` gets the job of the try before it while that goes on or has just ended; a first one never does.

        Raises:
            IdempotencyConflict: the key was used with another body.
            WaitingFull: the client has ``waiting_cap`` waiting jobs already.
            BudgetSpent: it has used up a budget.
            InlineFull: its other pictures in the spool leave no room for these.
            JobConflict: the parent is not done, or the button works only once and was used.
            TooFewReplicas, JobInDoubt: too few replicas have the job; it is not accepted, or may go on.
        """
        record = new_record(job_id, client, request, seeds)
        record |= more_of(destination, follow_up, picked)
        if trace:
            record |= trace.fields
        arguments: tuple[str | int, ...] = (
            client,
            request.lane.value,
            tag_key(request.tag),
            "" if picked else messages.fill(request.lane, job_id),
            waiting_cap,
            idempotency.key if idempotency else "",
            idempotency.body_hash if idempotency else "",
            idempotency.kept_ms if idempotency else 0,
            self._keep_ms,
            follow_up.parent if follow_up else "",
            follow_up.button if follow_up else "",
            int(bool(follow_up and follow_up.once)),
            # One string: redis-py takes longer to pack thirty arguments than json takes to join them.
            compact_json(record),
            charge.size_bytes,
            charge.quota_bytes,
            " ".join(charge.keys),
            "" if request.deadline_s is None else to_ms(request.deadline_s),
            _most(budgets.per_day),
            _most(budgets.per_month),
            idempotency.try_number if idempotency else "",
            _most(budgets.cost_per_day),
            _most(budgets.cost_per_month),
        )
        for _ in range(ROOM_CALLS_MOST):
            answer = self._assurance.accept(job_id, *arguments)
            if answer[0] != "spool_more":
                break
        match answer[0]:
            case "again":
                return Accepted(self.get(answer[1]), again=True)
            case "conflict":
                raise IdempotencyConflict
            case "full":
                raise WaitingFull(FULL_RETRY_AFTER_S)
            case "budget":
                raise refusal(budgets, self._currency, *answer[1:])
            # Usually "full"; the room made so far is kept, and the next attempt finds it.
            case "spool_full" | "spool_more":
                raise InlineFull(FULL_RETRY_AFTER_S)
            case "no_parent":
                message = "Only a job that is done can be followed up."
                raise JobConflict(message, RefusalCode.NOT_DONE)
            case "used":
                assert follow_up is not None
                message = f"{follow_up.button} was used on this job before."
                raise JobConflict(message, RefusalCode.ALREADY_USED)
        if picked:
            return Accepted(self.get(job_id))
        job = Job(
            id=job_id,
            client=client,
            request=request,
            final_prompt=record["final_prompt"],
            draw_type=record["draw_type"],
            seeds=tuple(seeds),
            created_at=from_ms(answer[2]),
            standing=None if answer[4] else Standing.of(answer[1]),
            waits_for=answer[4] or None,
            parent=record.get("parent"),
            asked=tuple(record.get("asked", "").split()),
        )
        return Accepted(job, to_drop=tuple(answer[3]))

    @guarded
    def get(self, job_id: str, client: str | None = None) -> Job:
        """Return one job, if ``client`` may see it (None: the gateway itself asks).

        Raises:
            JobNotFound: there is none, or it is another client's.
        """
        record = self._record(job_id)
        if not record or (client is not None and record["client"] != client):
            raise JobNotFound
        return self._read([record])[0]

    @guarded
    def several(self, ids: Sequence[str], client: str) -> list[Job]:
        """Return those of these jobs that the client has, in this order."""
        jobs = self._many(ids, settles=True)
        return [job for job in jobs if job is not None and job.client == client]

    @guarded
    def earlier(self, client: str, idempotency: Idempotency | Try) -> Job | None:
        """Return the job that an earlier POST with this key, or an earlier try, made, if any.

        Raises:
            IdempotencyConflict: the key was used with another body.
            TooFewReplicas, JobInDoubt: as ``accept``.
        """
        if isinstance(idempotency, Try):
            again = idempotency.again
            first = (again and self._scripts("tried", client, idempotency.key)) or ""
        else:
            seen = self._redis.get(f"{self._prefix}idem:{client}:{idempotency.key}") or ""
            body_hash, _, first = seen.partition(" ")
            if first and body_hash != idempotency.body_hash:
                raise IdempotencyConflict
        if not first:
            return None
        self._assurance.again(first)
        return self.get(first)

    @guarded
    def newest_by_tag(self, client: str, tag: str) -> Job:
        """Return the client's newest job with that tag, dashed or not.

        Raises:
            JobNotFound: there is none.
        """
        newest = self._redis.zrevrange(f"{self._prefix}tag:{client}:{tag_key(tag)}", 0, 0)
        if not newest:
            raise JobNotFound
        return self.get(newest[0], client)

    @guarded
    def page(
        self,
        client: str,
        *,
        tag: str | None = None,
        status: Status | None = None,
        ended: bool | None = None,
        words: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page:
        """Return some of the client's jobs, newest first.

        A page may have fewer than ``limit`` jobs and still have a next one: with a filter, at most
        ``PAGE_SCAN`` jobs are scanned for a page. ``words``: each of them is part of the prompt, in whatever
        case. ``cursor`` must be an earlier page's, else ValueError.
        """
        wanted = JobFilter.of(status, ended, words)
        index = (
            f"{self._prefix}tag:{client}:{tag_key(tag)}" if tag else f"{self._prefix}jobs:{client}"
        )
        start = rank_after(self._redis, index, cursor)
        found: list[Job] = []
        batch = limit if wanted.everything else min(max(limit, BATCH), PAGE_SCAN)
        for offset in range(start, start + PAGE_SCAN, batch):
            rows = self._redis.zrevrange(index, offset, offset + batch - 1, withscores=True)
            jobs = self._many([job_id for job_id, _created in rows], settles=bool(tag))
            for place, (job, row) in enumerate(zip(jobs, rows, strict=True), start=offset):
                if job is None or not wanted.fits(job):
                    continue
                found.append(job)
                if len(found) == limit:
                    more = self._redis.zcard(index) > place + 1
                    return Page(tuple(found), cursor_of(*row) if more else None)
            if len(rows) < batch:
                return Page(tuple(found), None)
            last = rows[-1]
        return Page(tuple(found), cursor_of(*last))

    @guarded
    def budgets_used(self, client: str) -> Budgets:
        """Return how many drawings of its budgets a client has used, today and in this month."""
        return Budgets(*map(int, self._scripts("budgets", client)[:2]))

    @guarded
    def spending(self, client: str) -> Spending:
        """Return what the jobs cost that a client has asked for today and in this month."""
        return Spending(*map(int, self._scripts("budgets", client)[2:]))

    @guarded
    def waiting_count(self, client: str) -> int:
        """Return how many of the client's jobs wait."""
        return int(self._redis.scard(f"{self._prefix}waits:{client}"))

    @guarded
    def running_count(self, client: str) -> int:
        """Return how many of the client's jobs are submitted or drawing."""
        return int(self._redis.scard(f"{self._prefix}runs:{client}"))

    @guarded
    def failures(self, limit: int) -> list[Job]:
        """Return the jobs that failed last, of any client, newest first; without cancelled ones."""
        ids = self._redis.lrange(f"{self._prefix}failures", 0, limit - 1)
        return [job for job in self._many(ids) if job is not None and job.finished_at]

    def _record(self, job_id: str) -> dict[str, str]:
        """Return a job's record, empty if there is none; who asks for a tentative job must be told what lasts."""
        name = self._prefix + "job:" + job_id
        record: dict[str, str] = self._redis.hgetall(name)
        if record and "status" not in record:
            self._assurance.settle(job_id)
            record = self._redis.hgetall(name)
        return record if "status" in record else {}

    def _many(self, ids: Sequence[str], *, settles: bool = False) -> list[Job | None]:
        """Return these jobs; a tentative one is none yet, or with ``settles`` from now on."""
        with self._redis.pipeline(transaction=False) as pipe:
            for job_id in ids:
                pipe.hgetall(self._prefix + "job:" + job_id)
            found = zip(ids, pipe.execute(), strict=True)
        records = [
            self._record(job_id) if settles and record and "status" not in record else record
            for job_id, record in found
        ]
        jobs = {job.id: job for job in self._read([one for one in records if "status" in one])}
        return [jobs.get(job_id) for job_id in ids]

    def _read(self, records: Sequence[dict[str, str]]) -> list[Job]:
        waiting = [record["id"] for record in records if record["status"] == Status.WAITING]
        waits_for = self._levers.waits_for(waiting)
        standings = self._standings([job_id for job_id in waiting if not waits_for.get(job_id)])
        return [
            replace(
                Job.from_record(record),
                standing=standings.get(record["id"]),
                waits_for=waits_for.get(record["id"]),
            )
            for record in records
        ]

    def _standings(self, ids: Sequence[str]) -> dict[str, Standing]:
        """Return where those of these jobs stand that wait."""
        rows = self._scripts("positions", *ids) if ids else []
        return {i: Standing.of(row) for i, row in zip(ids, rows, strict=True) if row}


def _most(budget: int | None) -> int | str:
    return "" if budget is None else budget
