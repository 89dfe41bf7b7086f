"""The requests that wait for jobs, and what becomes of the jobs when all of them have hung up.

Used by the faces whose callers keep a connection open for the whole drawing: one who hangs up wants no
drawing, unless it asks again at once, as client libraries do, here or at another process.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from api.house import House
from api.peer import HungUp
from api.places import Hold
from limner.errors import Crowded, JobNotFound, StoreDown, TooManyAtOnce
from limner.ids import new_id
from limner.job import Job
from limner.log import event

log = logging.getLogger(__name__)

#: how long a caller that hung up has to ask again; client libraries do within eight seconds
GRACE_S = 10.0


class Audience:
    """One request that waits for some jobs of one client; a block in which it does.

    Its caller has hung up if ``leave`` was called, or if the block ends with ``HungUp``.
    """

    def __init__(self, here: House, jobs: Sequence[Job], held: Hold, *, cancels: bool) -> None:
        """``held``: the place it waits in, given back when the block ends.

        ``cancels``: whether jobs are cancelled that nobody waits for any more.
        """
        self._here = here
        self._jobs = tuple(jobs)
        #: where it waits; None: nowhere for now
        self.place: Hold | None = held
        self._request = new_id() if cancels else ""
        #: the caller has hung up
        self.gone = False

    def __enter__(self) -> Self:
        """Begin to wait.

        Raises:
            StoreDown: Redis is down.
        """
        self.stay()
        return self

    def stay(self) -> None:
        """Say that the request waits; to be repeated within the hour.

        Raises:
            StoreDown: Redis is down.
        """
        for job in self._jobs if self._request else ():
            self._here.store.awaited.join(job.id, self._request)

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Wait no more; if the caller is gone and does not come back, cancel what nobody waits for."""
        if isinstance(error, HungUp):
            self.leave()
        try:
            if self._request:
                self._end()
        finally:
            self.give_back()

    def leave(self) -> None:
        """Note that the caller has hung up."""
        self.gone = True

    def give_back(self) -> None:
        """Wait nowhere for now, so that others get the place."""
        if self.place:
            self.place.close()
            self.place = None

    def _end(self) -> None:
        with contextlib.suppress(StoreDown):
            for job in self._jobs:
                self._here.store.awaited.leave(job.id, self._request)
            if self.gone:
                self._let_come_back()
                self._cancel()

    def _let_come_back(self) -> None:
        # Whoever asks again needs a place, and may be standing for this very one. Without room aside it is kept,
        # so that a client has no more requests here than twice those that may wait. (A stream that hangs up between
        # two waits may have neither: a few, as each has waited in a place before.)
        with contextlib.suppress(TooManyAtOnce, Crowded):
            room = self._here.waits.aside(self._jobs[0].client)
            self.give_back()
            self.place = room
        ends = time.monotonic() + GRACE_S
        with self._here.watcher.following(self._jobs[0].id) as waiter:
            while (left_s := ends - time.monotonic()) > 0 and not self._here.watcher.ended:
                waiter.wait(left_s)

    def _cancel(self) -> None:
        # Whoever asks again may do so at the process that takes over.
        for job in () if self._here.watcher.ended else self._jobs:
            with contextlib.suppress(JobNotFound):
                if self._here.store.lanes.cancel(job.id, if_abandoned=True):
                    event(log, "job.abandoned", job=job.id, client=job.client)
