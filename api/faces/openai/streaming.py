"""The answer as a stream of events: unfinished pictures, as many as asked for, then each finished one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, suppress
from typing import Any

from api import peer, waiting
from api.audience import Audience
from api.event_stream import NO_NEWS
from api.faces.openai.delivering import delivered, inline
from api.house import House
from api.peer import HungUp
from api.places import Hold
from limner.compact_json import compact_json
from limner.errors import ImagesDown, JobNotFound, LimnerError, RequestError
from limner.job import Job, Status
from limner.pictures.decoding import UnreadablePictureError
from schemas.openai.answer import completed_event, partial_event
from schemas.openai.answer_form import AnswerForm
from schemas.openai.failures import SERVER, Failure, failure_of

#: of one wait; then others get its place first
WAIT_MOST_S = 600.0
#: who stands for the next one is in the middle of an answer
STAND_S = 30.0


class Stream:
    """The events of one request; beyond the request's context."""

    def __init__(
        self, here: House, kind: str, jobs: list[Job], wanted: AnswerForm, partial_images: int
    ) -> None:
        """``kind``: ``image_generation`` or ``image_edit``."""
        self._here = here
        self._kind = kind
        self._jobs = jobs
        self._wanted = wanted
        self._partials = partial_images
        self._watched = peer.watched()

    def events(self, audience: Audience) -> Iterator[str]:
        """Yield the text of the stream, which begins in the audience's place."""
        try:
            # Within: that the store is down can only be told in the stream.
            with audience:
                yield from self._of_jobs(audience)
        except LimnerError as error:
            # It may not have begun.
            audience.give_back()
            yield _said("error", Failure(503, error.message, SERVER, SERVER).body())

    def _of_jobs(self, audience: Audience) -> Iterator[str]:
        try:
            yield NO_NEWS
            for job in self._jobs:
                yield from self._of_job(job, audience)
                status = self._now(job).status
                if status is Status.FAILED:
                    self._call_off()
                if audience.gone or status is not Status.DONE:
                    return
        except GeneratorExit:
            # The server could not send what was yielded.
            audience.leave()
            raise

    def _of_job(self, job: Job, audience: Audience) -> Iterator[str]:
        shown, seen = 0, 0
        while not (audience.gone or self._here.watcher.ended):
            watched = _telling(self._watched, audience)
            audience.place = audience.place or self._next_place(job, watched)
            if audience.place is None:
                return
            happened = waiting.events(self._here, watched, job.id, seen, WAIT_MOST_S)
            for now in happened:
                if now is None:
                    yield NO_NEWS
                    continue
                seen = now.seq
                if now.status is Status.DRAWING and self._is_next(now, shown):
                    for text in self._partial(now, shown):
                        yield text
                        shown += 1
            if not audience.gone:
                # The pictures are sent without it, and the next wait may be another's.
                audience.give_back()
            now = self._now(job)
            if now.status.ended:
                yield from self._end(now)
                return
            # It was too long for one wait.
            audience.stay()
        if not audience.gone:
            message = "The gateway restarts. Ask again: the drawing goes on."
            yield _said("error", Failure(503, message, SERVER, SERVER).body())

    def _next_place(self, job: Job, watched: peer.Watched) -> Hold | None:
        """Return the place of the next wait; None: the caller hung up.

        Raises:
            TooManyAtOnce, Crowded: there is none.
        """
        try:
            return self._here.waits.patiently(job.client, watched, STAND_S)
        except HungUp:
            return None

    def _is_next(self, now: Job, shown: int) -> bool:
        """Return whether this preview is shown: so many of them, evenly over the progress."""
        if now.picture is None or shown >= self._partials:
            return False
        return now.progress * (self._partials + 1) >= (shown + 1) * 100

    def _partial(self, now: Job, place: int) -> Iterator[str]:
        assert now.picture is not None
        # A preview that is gone, or too much for now, is none.
        unfit = suppress(KeyError, UnreadablePictureError, ImagesDown, RequestError)
        with unfit, closing(self._here.bodies.held(now.client, 0)) as memory:
            picture = inline(self._here, now.picture, self._wanted.form, memory)
            created = int(now.created_at.timestamp())
            event = partial_event(self._kind, self._wanted, picture, place, created)
            yield _said(event["type"], event)

    def _end(self, job: Job) -> Iterator[str]:
        if job.status is Status.FAILED:
            yield _said("error", failure_of(job).body())
            return
        with closing(self._here.bodies.held(job.client, 0)) as memory:
            created = int((job.finished_at or job.created_at).timestamp())
            for picture in delivered(self._here, job, self._wanted, memory):
                event = completed_event(self._kind, self._wanted, picture, created)
                yield _said(event["type"], event)

    def _call_off(self) -> None:
        for job in self._jobs:
            with suppress(JobNotFound):
                self._here.store.lanes.cancel(job.id)

    def _now(self, job: Job) -> Job:
        return self._here.store.jobs.get(job.id)


def _telling(watched: peer.Watched, audience: Audience) -> peer.Watched:
    """Return ``watched`` so that the audience is told, too, when the caller hangs up."""

    def both(gone: Callable[[], None]) -> AbstractContextManager[Any]:
        def leave() -> None:
            audience.leave()
            gone()

        return watched(leave)

    return both


def _said(name: str, data: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {compact_json(data)}\n\n"
