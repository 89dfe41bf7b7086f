"""An answer that goes on: events for as long as its reader stays (Server-Sent Events)."""

from __future__ import annotations

from collections.abc import Iterable

from flask import Response

from api.places import Hold

MIMETYPE = "text/event-stream"
#: a comment, which keeps proxies from cutting a line that says nothing
NO_NEWS = ": no news\n\n"


def event_stream(frames: Iterable[str], held: Hold) -> Response:
    """Return a response of ``frames``; ``held`` is given back when it ends."""
    response = Response(frames, mimetype=MIMETYPE)
    # Also if the stream is closed before it begins.
    response.call_on_close(held.close)
    # nginx would keep events until its buffer is full.
    response.headers["X-Accel-Buffering"] = "no"
    return response
