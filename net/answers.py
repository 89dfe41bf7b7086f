"""Read the heads of HTTP responses: interim ones are skipped, and no odd header hides the status.

The response class for http.client wherever we send requests: to receivers, for pictures
(``net/dialling.py``) and to engines (``net/lines.py``). http.client itself takes a 103 for the
final response, gives up at the 101st header, and loses every header after one it cannot parse.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from http.client import BadStatusLine, HTTPException, HTTPResponse, LineTooLong
from io import BytesIO
from typing import Any, BinaryIO

#: most interim responses before the final one
INTERIM_MOST = 100
#: limits of a head: length of a line, number of lines, total bytes
LINE_BYTES, HEAD_LINES, HEAD_BYTES = 65_536, 1000, 256 * 1024
#: headers beyond this many are skipped, except those that frame the response or that we use
HEADERS_KEPT = 64
ALWAYS_KEPT = frozenset(
    {b"connection", b"content-length", b"transfer-encoding", b"content-encoding"}
    | {b"content-type", b"retry-after", b"location", b"proxy-authenticate"}
)
#: the minor version does not matter: the response is read as HTTP/1.1 anyway
_STATUS_LINE = re.compile(rb"HTTP/(1\.0|\d(?:\.\d+)?)[ \t]+(\d{3})(?!\d)[ \t]*(.*)", re.IGNORECASE)
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9a-z-]+)[ \t]*:(.*)", re.IGNORECASE | re.DOTALL)


class PatientResponse(HTTPResponse):
    """A response with a lenient parser for its head."""

    def begin(self) -> None:
        """Read the head of the final response.

        Raises:
            HTTPException: it is not an HTTP response, or its head does not end.
        """
        this: Any = self
        if this.headers is not None:
            return
        wire = this.fp
        for _ in range(INTERIM_MOST):
            status, head = _head(wire)
            if 100 <= status < 200 and status != 101:
                continue
            # http.client parses the filtered head; the body is read from the connection again.
            this.fp = BytesIO(head)
            try:
                super().begin()
            finally:
                this.fp = wire
            return
        raise HTTPException("too many interim answers")


def _head(wire: BinaryIO) -> tuple[int, bytes]:
    """Read one head to its end; return its status, and the part of it for http.client.

    If the connection ends within the head, there are no more headers.
    """
    lines = _lines(wire)
    first = next(lines, b"")
    match = _STATUS_LINE.fullmatch(first)
    if match is None:
        if not first:
            # If nothing came at all, leave the error to http.client.
            return 0, b""
        raise BadStatusLine(first[:80].decode("latin-1"))
    version = b"1.0" if match[1] == b"1.0" else b"1.1"
    kept = [b"HTTP/%s %s %s" % (version, match[2], match[3]), *_headers(lines)]
    return int(match[2]), b"\r\n".join([*kept, b"", b""])


def _lines(wire: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of one head, without line endings."""
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
    """Return the headers to keep, folded ones in one line, without malformed lines."""
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
