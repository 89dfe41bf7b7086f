"""A call of a tool that has begun: it waits for its job, and tells of it as it goes.

A client that takes a stream gets one as soon as there is something to wait for: notifications of progress if it
asked for them, and comments that keep proxies from cutting the line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import dataclass
from typing import Any

from flask import Response, request

from api import peer, waiting
from api.access.guard import caller
from api.event_stream import MIMETYPE, NO_NEWS, event_stream
from api.faces.mcp.look import picture_of
from api.faces.mcp.tools import ToolJob, begin
from api.house import House, house
from api.peer import HungUp
from api.places import Hold
from limner.compact_json import sendable_json
from limner.errors import Crowded, JobNotFound, RequestError, StoreDown, TooManyAtOnce
from limner.job import Job
from limner.version import version
from schemas.mcp.arguments import FACE
from schemas.mcp.messages import RpcMessage, result_body
from schemas.mcp.progress import ProgressNotes
from schemas.mcp.results import completed, job_result, refused_result
from schemas.mcp.revisions import Revision


@dataclass(frozen=True, slots=True)
class Call:
    """A call that has begun."""

    message: RpcMessage
    revision: Revision
    #: what notifications of progress repeat; None: none are wanted
    token: Any
    #: or the result already
    begun: ToolJob | dict[str, Any]

    def answer(self, most_s: float | None = None) -> dict[str, Any]:
        """Return the answer, after waiting for the job; ``most_s``: no longer than that."""
        begun, here = self.begun, house()
        if isinstance(begun, dict):
            return self._answer(begun)
        wait_s = begun.wait_s if most_s is None else min(begun.wait_s, most_s)
        job = self._waited(here, begun, wait_s) if wait_s else begun.job
        return self._answer(self._result(here, begun, job))

    def _waited(self, here: House, begun: ToolJob, wait_s: float) -> Job:
        try:
            return waiting.ended(begun.job, wait_s)
        except HungUp:
            self._given_up(here, begun)
        except (RequestError, StoreDown):
            # It is accepted: its caller needs its id, also where nobody can wait for it now.
            pass
        return begun.job

    def stream(self) -> Response | None:
        """Return the answer as a stream; None: there is nothing to wait for, or no way to."""
        begun, here = self.begun, house()
        if isinstance(begun, dict) or begun.job.status.ended or not begun.wait_s:
            return None
        if MIMETYPE not in request.headers.get("Accept", "").lower():
            return None
        try:
            # Who finds none stands for one in ``answer``.
            held = here.waits.held(caller().name)
        except (TooManyAtOnce, Crowded):
            return None
        return event_stream(self._told(here, begun, held, peer.watched()), held)

    def _told(
        self, here: House, begun: ToolJob, held: Hold, watched: peer.Watched
    ) -> Iterator[str]:
        """Yield the stream; a caller that leaves it early gives up the call."""
        job, progress = begun.job, ProgressNotes(self.token)
        gone = answered = False

        def watching(leave: Callable[[], None]) -> AbstractContextManager[Any]:
            def hung_up() -> None:
                nonlocal gone
                gone = True
                leave()

            return watched(hung_up)

        try:
            with closing(held):
                yield from map(_event, progress.of(job))
                for news in waiting.events(here, watching, job.id, job.seq, begun.wait_s):
                    job = news or _read(here, job)
                    yield from map(_event, progress.of(job))
                    if news is None:
                        yield NO_NEWS
            if not gone:
                answered = True
                yield _event(self._answer(self._result(here, begun, _read(here, job))))
        finally:
            # A process that ends closes its streams, too; then nobody gave up.
            if not answered and not here.watcher.ended:
                self._given_up(here, begun)

    def _given_up(self, here: House, begun: ToolJob) -> None:
        # In the handshake revisions, a lost connection is no wish; a cancel is a message of its own.
        if begun.made and self.revision.stateless and here.settings.face(FACE).hang_up_cancels:
            with suppress(JobNotFound, StoreDown):
                here.store.lanes.cancel(begun.job.id)

    def _result(self, here: House, begun: ToolJob, job: Job) -> dict[str, Any]:
        return job_result(job, picture_of(here, job), self.revision, cancels=begun.cancels)

    def _answer(self, result: dict[str, Any]) -> dict[str, Any]:
        return result_body(self.message.id, completed(result, self.revision, version()))


def called(message: RpcMessage, revision: Revision) -> Call:
    """Begin what a ``tools/call`` asks for. A refusal is a result: the model can do something about it.

    Raises:
        RpcError: there is no such tool, or this is no call of one.
        StoreDown, ImagesDown: the gateway cannot serve now.
    """
    token = message.progress_token
    try:
        return Call(message, revision, token, begin(message))
    except RequestError as error:
        return Call(message, revision, token, refused_result(error.message, error.errors))


def _read(here: House, job: Job) -> Job:
    """Return the job as it is now, or as it was last seen."""
    with suppress(JobNotFound, StoreDown):
        return here.store.jobs.get(job.id, job.client)
    return job


def _event(body: dict[str, Any]) -> str:
    return f"event: message\ndata: {sendable_json(body)}\n\n"
