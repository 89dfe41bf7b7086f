"""Calls to a gateway's own API, as a caller elsewhere makes them; used by the commands of callers (``cli/caller.py``).

Redirects are not followed: they would carry the caller's token to another host.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit, urlunsplit

import requests

from limner.callback.retry_after import asked_s
from limner.errors import LimnerError
from limner.peer import leads_here
from limner.version import version

CONNECT_S = 5.0
#: for an answer, beyond the seconds that it was asked to wait
ANSWER_S = 30.0
#: of a picture, or of an answer
BODY_BYTES = 200_000_000
PIECE_BYTES = 65_536


class CallMissed(LimnerError):
    """The gateway cannot be reached, or what answers there is none."""


class CallRefused(LimnerError):
    """The gateway refuses the call.

    ``status``: of HTTP. ``fields``: name → its errors. ``retry_after_s``: what its Retry-After asks for, if there is one.
    """

    def __init__(
        self,
        status: int,
        message: str,
        fields: Mapping[str, Any],
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.fields = fields
        self.retry_after_s = retry_after_s


class _Answer(NamedTuple):
    status: int
    data: bytes
    retry_after_s: float | None


class Calls:
    """Calls to one gateway, as one caller."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        """``url``: the gateway's, with a path if it is behind one; ``headers``: who calls."""
        self.url = url.rstrip("/")
        self._session = requests.Session()
        # A proxy does not lead to this machine.
        self._session.trust_env = not leads_here(url)
        self._headers = {"User-Agent": f"limner/{version()}", **headers}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._session.close()

    def get(self, path: str, query: Mapping[str, Any] | None = None, wait_s: float = 0) -> Any:
        """Return what the gateway answers to a GET, which it may delay for ``wait_s``.

        Raises:
            CallMissed, CallRefused: there is no such answer.
        """
        return self._answer("GET", path, wait_s, params=query)

    def post(self, path: str, body: Mapping[str, Any], key: str | None = None) -> Any:
        """Do the same by a POST of JSON; ``key``: its Idempotency-Key."""
        headers = {"Idempotency-Key": key} if key else {}
        return self._answer("POST", path, json=dict(body), headers=headers)

    def delete(self, path: str) -> Any:
        """Do the same by a DELETE."""
        return self._answer("DELETE", path)

    def picture(self, url: str) -> bytes:
        """Return the bytes of a picture of the gateway's, which needs no token.

        Raises:
            CallMissed: it cannot be had.
        """
        if leads_here(url) and not leads_here(self.url):
            # The gateway has no public URL set: for itself, it is at loopback.
            path, ours = urlsplit(url), urlsplit(self.url)
            url = urlunsplit((ours.scheme, ours.netloc, ours.path + path.path, path.query, ""))
        status, data, _ = self._sent("GET", url, 0, {})
        if status != 200:
            raise CallMissed(f"{url} is no picture: HTTP {status}")
        return data

    def _answer(self, method: str, path: str, wait_s: float = 0, **more: Any) -> Any:
        more["headers"] = {**self._headers, **more.get("headers", {})}
        url = f"{self.url}{path}"
        status, data, retry_after_s = self._sent(method, url, wait_s, more)
        try:
            body = json.loads(data)
        except ValueError:
            raise CallMissed(f"what answers at {self.url} is no Limner: HTTP {status}") from None
        if 200 <= status < 300:
            return body
        if not isinstance(body, dict) or "message" not in body:
            raise CallMissed(f"what answers at {self.url} is no Limner: HTTP {status}")
        raise CallRefused(status, str(body["message"]), body.get("errors") or {}, retry_after_s)

    def _sent(self, method: str, url: str, wait_s: float, more: Mapping[str, Any]) -> _Answer:
        limits = (CONNECT_S, ANSWER_S + wait_s)
        try:
            with self._session.request(
                method, url, timeout=limits, allow_redirects=False, stream=True, **more
            ) as answer:
                if answer.is_redirect:
                    raise CallMissed(
                        f"{url} has moved to {answer.headers['location']}: name that address"
                    )
                wish_s = asked_s(answer.headers.get("Retry-After"), time.time())
                return _Answer(answer.status_code, _read(answer), wish_s)
        except requests.RequestException as error:
            raise CallMissed(f"no Limner answers at {self.url} ({_why(error)})") from error


def _read(answer: requests.Response) -> bytes:
    data = bytearray()
    for piece in answer.iter_content(PIECE_BYTES):
        data += piece
        if len(data) > BODY_BYTES:
            raise CallMissed(f"{answer.url} is too large: over {BODY_BYTES:,} bytes")
    return bytes(data)


def _why(error: requests.RequestException) -> str:
    """Return the innermost reason in a few words."""
    if isinstance(error, requests.Timeout):
        return "it takes too long"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        inner = getattr(cause, "reason", None) or (cause.args[0] if cause.args else None)
        cause = cause.__cause__ or (
            inner if isinstance(inner, BaseException) else cause.__context__
        )
    return str(error) or type(error).__name__
