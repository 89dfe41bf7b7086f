"""A page of a client's jobs, and which of them are wanted; used by ``Jobs.page``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from limner.job import Job, Status

#: how many jobs are scanned for a page's filters before it continues on the next one
PAGE_SCAN = 1000
#: how many are read for them in one round trip
BATCH = 100


@dataclass(frozen=True, slots=True)
class Page:
    """Some of a client's jobs, newest first, and where the next page starts (None: no more)."""

    jobs: tuple[Job, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs are wanted; None and empty: any."""

    status: Status | None
    ended: bool | None
    #: casefolded; each is part of the prompt, or of its original words
    words: tuple[str, ...]

    @classmethod
    def of(cls, status: Status | None, ended: bool | None, words: str | None) -> Self:
        """Return what a caller seeks; ``words`` are separated by white space."""
        return cls(status, ended, tuple((words or "").casefold().split()))

    @property
    def everything(self) -> bool:
        """Whether each job is meant."""
        return self.status is None and self.ended is None and not self.words

    def fits(self, job: Job) -> bool:
        """Say whether a job is one of those."""
        if self.status is not None and job.status is not self.status:
            return False
        if self.ended is not None and job.status.ended is not self.ended:
            return False
        if not self.words:
            return True
        prompt = f"{job.request.prompt_en}\n{job.request.prompt or ''}".casefold()
        return all(word in prompt for word in self.words)
