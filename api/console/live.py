"""GET ``/console/live``: the one stream of a page (Server-Sent Events), with all that changes on it.

It begins with a snapshot, so that a page which comes back, after whatever happened, has missed nothing. A slow
reader gets the newest state of each job, not every state. A stream costs a greenlet and no thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress

from flask import Blueprint, Response, request

from api import peer, waiting
from api.access.session import ENDED, lasts, session_of_call
from api.console.feeds import ClientFeed, OperatorFeed, PageFeed, frame
from api.console.job_feed import JobFeed
from api.event_stream import MIMETYPE, NO_NEWS, event_stream
from api.house import House, house
from api.places import Hold
from api.watcher import Waiter
from limner.errors import JobNotFound, StoreDown, TokenRejected
from limner.store.sessions import ConsoleSession, Holder

#: how often a stream says that it lives, and looks whether its session does
BEAT_S = 10.0
#: for readers that reconnect by themselves, ms
RETRY = "retry: 2000\n\n"

live = Blueprint("console_live", __name__, url_prefix="/console")


@live.get("/live")
def stream() -> Response:
    """Stream what changes for whoever has entered; ``job``: all about one of a client's jobs instead."""
    session = session_of_call()
    if session is None:
        raise TokenRejected(ENDED)
    if request.method == "HEAD":
        # werkzeug closes no stream that it does not send.
        return Response(mimetype=MIMETYPE)
    # A client's name has no colon.
    place = session.name if session.kind is Holder.CLIENT else f"operator:{session.name}"
    feed = _feed(house(), session)
    held = waiting.place(place)
    frames = _told(house(), feed, held, peer.watched(), lasts())
    return event_stream(frames, held)


def _feed(here: House, session: ConsoleSession) -> PageFeed:
    if session.kind is Holder.OPERATOR:
        return OperatorFeed(here, overview=request.args.get("show") == "overview")
    job_id = request.args.get("job")
    return JobFeed(here, session.name, job_id) if job_id else ClientFeed(here, session.name)


def _told(
    here: House, feed: PageFeed, held: Hold, watched: peer.Watched, goes_on: Callable[[], bool]
) -> Iterator[str]:
    """Yield the frames of a stream, which ends as others do, and with its session."""
    ends_at = time.monotonic() + waiting.STREAM_MOST_S
    looked_at = beat_at = time.monotonic()
    # The response has begun: if the store goes away, the page comes back, and gets the error then.
    with (
        closing(held),
        feed.following() as waiter,
        watched(waiter.leave),
        suppress(StoreDown, JobNotFound),
    ):
        yield RETRY
        # What was told until now, the snapshot has.
        waiter.changed()
        yield from feed.snapshot()
        while (left_s := ends_at - time.monotonic()) > 0:
            waiter.wait(min(left_s, feed.looks_s))
            if here.watcher.ended or waiter.gone:
                return
            frames, now = _news(feed, waiter), time.monotonic()
            if now - looked_at >= feed.looks_s:
                frames += feed.looked()
                looked_at = now
            if now - beat_at >= BEAT_S:
                if not goes_on():
                    yield frame("ended", {})
                    return
                frames, beat_at = frames or [NO_NEWS], now
            yield from frames


def _news(feed: PageFeed, waiter: Waiter) -> list[str]:
    changed = waiter.changed()
    if changed is None:
        return list(feed.snapshot())
    return list(feed.changes(changed)) if changed else []
