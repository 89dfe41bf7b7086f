"""Accept a job only once enough replicas of Redis have it (``LIMNER_REDIS_REPLICAS``); used by ``Jobs``.

Three steps: ``accept.lua`` makes it tentative, ``WAIT`` on the same connection counts who has it, and ``settle.lua``
takes it up, or ``withdraw.lua`` withdraws it. docs/decisions/0012-tentative-until-replicated.md says why, and why
whatever is lost in between leaves no caller without an answer.
"""

from __future__ import annotations

from typing import Any, NoReturn

from redis.exceptions import RedisError

from limner.errors import JobInDoubt, StoreDown, TooFewReplicas
from limner.ids import new_id
from limner.store.policy import Policy, to_ms
from limner.store.scripts import Command, Scripts
from limner.store.waits import allowed_s

#: how long replicas have to acknowledge a job
WAIT_S = 1.0
#: how much of what a request may wait is kept for what follows
AFTER_S = 0.5
#: the answers of scripts that wrote what replicas must have
WRITTEN = ("accepted", "touched")


class Assurance:
    """What makes sure that replicas have a job; without the setting, nothing."""

    def __init__(self, scripts: Scripts, policy: Policy) -> None:
        self._scripts = scripts
        self._replicas = policy.replicas
        self._keep_ms = to_ms(policy.keep_job_s)

    def accept(self, job_id: str, *arguments: str | int) -> Any:
        """Run accept.lua and return its answer; "accepted" and "again" only if enough replicas have the job.

        Raises:
            TooFewReplicas: they have not, and the job is not accepted.
            JobInDoubt: they have not, and it may be taken up.
        """
        if not self._replicas:
            return self._scripts("accept", job_id, *arguments, "", 0)
        # Ids do not tell calls apart: some callers ask for one job under one id as often as they like.
        call = new_id()
        answer, have = self._then_wait(job_id, "accept", job_id, *arguments, call)
        match answer[0]:
            case "few":
                raise TooFewReplicas(self._said(answer[1]))
            case "accepted":
                if not self._enough(have):
                    self._withdraw(job_id, call, have)
                return self._taken_up(job_id, answer)
            case "again":
                # Perhaps of this very call, whose first answer was lost.
                self.again(answer[1], call)
        return answer

    def again(self, job_id: str, call: str = "") -> None:
        """Make sure that replicas have a job that was accepted before, perhaps by the call of that name.

        Raises: as ``accept``.
        """
        if not self._replicas:
            return
        # Whoever has what is written now has all that was written before.
        answer, have = self._then_wait(job_id, "touch")
        if answer[0] == "few":
            have = answer[1]
        if self._enough(have):
            self._settled(job_id)
        elif call:
            self._withdraw(job_id, call, have)
        else:
            raise JobInDoubt(self._said(have), job_id)

    def settle(self, job_id: str) -> Any:
        """Take up a job if it is tentative: who asks for it must be told what holds from then on.

        Returns as settle.lua says.
        """
        return self._scripts("settle", job_id, self._keep_ms)

    def _then_wait(
        self, job_id: str, name: str, *arguments: str | int
    ) -> tuple[Any, int | RedisError]:
        """Run a script, and return its answer and how many replicas have what it wrote, or why nobody knows.

        WAIT is about what its own connection wrote: on any other one it would count everybody.

        Raises:
            JobInDoubt: Redis was lost after it wrote.
        """
        written: list[Any] = []

        def then(answer: Any) -> Command | None:
            if answer[0] in WRITTEN:
                written.append(answer)
            return self._wait(answer)

        try:
            answer, have = self._scripts.and_then(then, name, *arguments, self._replicas)
        except RedisError as error:
            if written:
                raise JobInDoubt(
                    f"Redis was lost with a job that it has: {error}", job_id
                ) from error
            raise
        return answer, have

    def _wait(self, answer: Any) -> Command | None:
        if answer[0] not in WRITTEN:
            return None
        left_s = min(WAIT_S, allowed_s(WAIT_S + AFTER_S) - AFTER_S)
        # 0 would be for ever.
        return ("WAIT", self._replicas, max(1, to_ms(left_s)))

    def _enough(self, have: int | RedisError) -> bool:
        return isinstance(have, int) and have >= self._replicas

    def _said(self, have: int | RedisError) -> str:
        if isinstance(have, RedisError):
            return f"Redis does not tell how many replicas have the job: {have}"
        return f"Too few replicas of Redis have the job: {have} of {self._replicas}"

    def _taken_up(self, job_id: str, answer: Any) -> Any:
        status, *standing = self._settled(job_id)
        if not standing:
            # A worker has it already, or nothing is left to draw.
            return ["again", job_id] if status != "done" else answer
        return [*answer[:1], standing[0], *answer[2:4], standing[1]]

    def _settled(self, job_id: str) -> Any:
        try:
            found = self.settle(job_id)
        except (RedisError, StoreDown) as error:
            # Enough replicas have it. But this may be a failover, and to one that has not.
            raise JobInDoubt(f"Redis was lost while a job was accepted: {error}", job_id) from error
        if found[0] == "gone":
            raise TooFewReplicas("Another Redis took over, which does not have the job")
        return found

    def _withdraw(self, job_id: str, call: str, have: int | RedisError) -> NoReturn:
        try:
            gone = self._scripts("withdraw", job_id, call)
        except (RedisError, StoreDown) as error:
            why = f"{self._said(have)}, and it cannot be withdrawn: {error}"
            raise JobInDoubt(why, job_id) from error
        if gone:
            raise TooFewReplicas(self._said(have))
        raise JobInDoubt(self._said(have), job_id)
