"""The heads of answers: interim ones are passed over, and no oddity of a header hides the status.

The class that http.client reads answers with, wherever we ask for something: receivers, pictures
(``workers/dialling.py``) and engines (``engines/lines.py``). http.client takes a 103 for the answer,
gives up at the 101st header, and loses every header behind one that it cannot read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from http.client import BadStatusLine, HTTPException, HTTPResponse, LineTooLong
from io import BytesIO
from typing import Any, BinaryIO

#: how many interim answers may come before the one that counts
INTERIM_MOST = 100
#: how long one line may be, and how many lines and bytes a head may have
LINE_BYTES, HEAD_LINES, HEAD_BYTES = 65_536, 1000, 256 * 1024
#: headers beyond so many are passed over, but for those that frame the answer or that we read
HEADERS_KEPT = 64
ALWAYS_KEPT = frozenset(
    {b"connection", b"content-length", b"transfer-encoding", b"content-encoding"}
    | {b"content-type", b"retry-after", b"location", b"proxy-authenticate"}
)
#: the last digits of a version do not matter: what comes is read as HTTP/1.1 anyway
_STATUS_LINE = re.compile(rb"HTTP/(1\.0|\d(?:\.\d+)?)[ \t]+(\d{3})(?!\d)[ \t]*(.*)", re.IGNORECASE)
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9a-z-]+)[ \t]*:(.*)", re.IGNORECASE | re.DOTALL)


class PatientResponse(HTTPResponse):
    """An answer whose head is read with patience."""

    def begin(self) -> None:
        """Read the head of the answer that counts.

        Raises:
            HTTPException: this is no answer of HTTP, or its head has no end.
        """
        this: Any = self
        if this.headers is not None:
            return
        wire = this.fp
        for _ in range(INTERIM_MOST):
            status, head = _head(wire)
            if 100 <= status < 200 and status != 101:
                continue
            # http.client reads what is left of the head; the body is read from the wire again.
            this.fp = BytesIO(head)
            try:
                super().begin()
            finally:
                this.fp = wire
            return
        raise HTTPException("too many interim answers")


def _head(wire: BinaryIO) -> tuple[int, bytes]:
    """Read one head to its end; return its status, and what http.client is to see of it.

    An answer that ends within its head has no more headers.
    """
    lines = _lines(wire)
    first = next(lines, b"")
    match = _STATUS_LINE.fullmatch(first)
    if match is None:
        if not first:
            # http.client says best what it means that nothing came.
            return 0, b""
        raise BadStatusLine(first[:80].decode("latin-1"))
    version = b"1.0" if match[1] == b"1.0" else b"1.1"
    kept = [b"HTTP/%s %s %s" % (version, match[2], match[3]), *_headers(lines)]
    return int(match[2]), b"\r\n".join([*kept, b"", b""])


def _lines(wire: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of one head, without their ends."""
    size = 0
    for _ in range(HEAD_LINES):
        line = wire.readline(LINE_BYTES + 1)
        size += len(line)
        if len(line) > LINE_BYTES or size > HEAD_BYTES:
            raise LineTooLong("header")
        text = line.rstrip(b"\r\n")
        if not text:
            return
        yield text.replace(b"\r", b" ")
    raise HTTPException("a head without end")


def _headers(lines: Iterator[bytes]) -> list[bytes]:
    """Return the headers worth keeping, folded ones in one line, without what is none."""
    kept: list[bytes] = []
    folds = False
    for line in lines:
        if line[:1] in (b" ", b"\t"):
            if folds:
                kept[-1] += b" " + line.strip()
            continue
        match = _HEADER.fullmatch(line)
        folds = match is not None and (len(kept) < HEADERS_KEPT or match[1].lower() in ALWAYS_KEPT)
        if match is not None and folds and len(kept) < HEADERS_KEPT + len(ALWAYS_KEPT):
            kept.append(match[1] + b":" + match[2])
        else:
            folds = False
    return kept
