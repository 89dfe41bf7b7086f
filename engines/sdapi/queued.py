"""Drawings as jobs of sd-server's queue: begun at ``submit``, found again by any worker; used by ``engine``."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator, Sequence

from engines.sdapi.native import NativeFace, NativeLook
from engines.sdapi.wanted import SdapiRequest
from limner.engine import Event, Progress, Queued, Stop
from limner.errors import EngineDown, EngineError, JobLost

#: the progress reached when a drawing's last picture arrives
DRAWN = 0.97
#: how often an unchanged state is reported again
ALIVE_S = 5.0


class QueuedDrawings:
    """The drawings on one server with its own face."""

    def __init__(self, face: NativeFace, *, poll_s: float, silent_s: float) -> None:
        self._face = face
        self._poll_s, self._silent_s = poll_s, silent_s

    def is_there(self) -> bool:
        """Return whether the server has such a queue.

        Raises:
            EngineError: the server does not respond.
        """
        return self._face.is_there()

    def ends_drawings(self) -> bool:
        """Return whether a cancel ends what is being drawn."""
        return self._face.cancels()

    def forget(self) -> None:
        """Ask again next time: after a failure it may be another server."""
        self._face.forget()

    def begin(self, parts: Sequence[SdapiRequest]) -> list[str]:
        """Queue the requests, all or none, and return their jobs.

        Raises:
            EngineError: as ``NativeFace.begin``.
        """
        jobs: list[str] = []
        try:
            for part in parts:
                job = self._face.begin(part)
                jobs.append(job)
        except EngineError:
            self._give_up(jobs)
            raise
        return jobs

    def watch(
        self, jobs: Sequence[str], parts: Sequence[SdapiRequest], stop: Stop
    ) -> Generator[Event, None, list[tuple[bytes, ...]] | None]:
        """Report the jobs' progress; return the pictures of each, or None if told to stop.

        Raises:
            JobLost: the server no longer knows a job, or the options have changed since.
        """
        if len(jobs) != len(parts):
            self._give_up(jobs)
            raise JobLost("The engine draws another number of jobs now.")
        drawn: list[tuple[bytes, ...]] = []
        for place, (job, part) in enumerate(zip(jobs, parts, strict=True)):
            done = DRAWN * place / len(parts)
            try:
                look = yield from self._wait_for(job, len(part.cells), done, stop)
            except JobLost:
                self._give_up(jobs)
                raise
            if look is None:
                return None
            if look.error:
                self._give_up(jobs[place + 1 :])
                raise look.error
            drawn.append(look.images)
        return drawn

    def cancel(self, jobs: Sequence[str]) -> None:
        """Take those that wait out of the queue; what is being drawn goes on to its end."""
        for job in jobs:
            self._face.cancel(job)

    def _give_up(self, jobs: Sequence[str]) -> None:
        """Cancel what nobody will fetch, without hiding why."""
        for job in jobs:
            with contextlib.suppress(EngineError):
                self._face.cancel(job)

    def _wait_for(
        self, job: str, count: int, done: float, stop: Stop
    ) -> Generator[Event, None, NativeLook | None]:
        heard_s, told_s, told = time.monotonic(), 0.0, None
        while not stop.is_set():
            try:
                look = self._face.look(job, count)
                heard_s = time.monotonic()
            except JobLost:
                raise
            except EngineError as error:
                if time.monotonic() - heard_s > self._silent_s:
                    raise EngineDown(f"silent for {self._silent_s:g} s: {error.message}") from None
            else:
                if look.state in ("completed", "failed"):
                    return look
                # What is drawn tells no progress: it lives as long as its server does.
                news: Event = Queued(look.position) if look.state == "queued" else Progress(done)
                if news != told or time.monotonic() - told_s > ALIVE_S:
                    told, told_s = news, time.monotonic()
                    yield news
            stop.wait(self._poll_s)
        return None
