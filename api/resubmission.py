"""Submit failed jobs again, whosever they are, as an operator asks; used by ``api/again.py`` and ``/ops``.

Here, because the new jobs go through ``accept`` like any other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from flask import g

from api.followups import submit_copy
from api.house import house
from limner.client import Budgets
from limner.errors import RequestError
from limner.job import Job
from limner.store import Idempotency


@dataclass(frozen=True, slots=True)
class Resubmitted:
    """What became of some jobs."""

    done: int = 0
    #: submitted again in the last 24 hours, and so not now
    before: int = 0
    #: why not → how many jobs
    refused: Mapping[str, int] = field(default_factory=dict)

    def body(self, found: int) -> dict[str, object]:
        """Return it as JSON; ``found``: how many jobs the filter named."""
        return {
            "found": found,
            "submitted": self.done,
            "submittedBefore": self.before,
            "refused": [{"why": why, "jobs": count} for why, count in self.refused.items()],
        }


def submit_these(who: str, jobs: Sequence[Job], chosen: Mapping[str, str]) -> Resubmitted:
    """Submit jobs again, the newest of which comes first, that the filters ``chosen`` have found."""
    house().store.levers.note(who, "jobs", {"submitted again": str(len(jobs)), **chosen})
    # The oldest first: so they keep their order.
    outcomes = Counter(_outcome(job) for job in reversed(jobs))
    done, before = outcomes.pop("", 0), outcomes.pop("before", 0)
    return Resubmitted(done, before, dict(outcomes.most_common()))


def _outcome(job: Job) -> str:
    """Submit a job again: return "", or why not; "before": that was done in the last 24 hours."""
    store = house().store
    client = store.clients.get(job.client)
    if client is None:
        return "There is no such client any more."
    # It was counted when it was accepted first.
    g.client = replace(client, budgets=Budgets())
    key = Idempotency(f"limner jobs again {job.id}", job.id)
    try:
        if store.jobs.earlier(client.name, key):
            return "before"
        submit_copy(job, key)
    except RequestError as error:
        return error.message
    return ""
