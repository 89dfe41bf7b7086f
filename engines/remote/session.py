"""HTTP to an engine server: one session, bounded waits, and every failure as one of our errors.

Used by the drivers of remote engines. A server's words never become an error's message, because a
message may reach callers, and servers' words contain paths and prompts; nor do URLs with queries, which
may contain keys. A driver that must distinguish 4xx responses passes ``judge``.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from engines.remote.pool import pooled
from engines.remote.reading import NoAnswer, pieces, read_json
from limner import tracing
from limner.callback.retry_after import asked_s
from limner.errors import BadResult, EngineBusy, EngineDown, EngineError, Refused
from net.cut import Cut
from net.lines import CutAdapter

__all__ = ["Answer", "Answered", "Judge", "NoAnswer", "Remote"]

#: size limits of responses: to questions, drawings in base64, and pictures
ANSWER_MAX_BYTES = 32 * 1024 * 1024
DRAWING_MAX_BYTES = 128 * 1024 * 1024
PICTURE_MAX_BYTES = 64 * 1024 * 1024
#: how much of an error response is read
ERROR_MAX_BYTES = 1024 * 1024
#: how long a response may take from its first byte to its last
WHOLE_S = 60.0
#: a read timeout shorter than this applies to the whole response
QUICK_S = 3.0
REDIRECTS_MAX = 5
BUSY_S, BUSY_MAX_S = 5.0, 3600.0


class Answered(EngineError):
    """The engine answered with an error."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"The engine answered with HTTP {answer.status}.")
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Answer:
    """One response, read to its end. Its body is the server's words: not for callers or the log."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body parsed as JSON.

        Raises:
            BadResult: it is not JSON, too deep or too large.
        """
        return read_json(self.body)

    def table(self) -> dict[str, Any]:
        """Return the body if it is a JSON object, else an empty one: for error responses."""
        try:
            value = read_json(self.body)
        except BadResult:
            return {}
        return value if isinstance(value, dict) else {}

    @property
    def retry_after_s(self) -> float:
        """How long the server asks us to wait; a few seconds if it does not say."""
        text = self.headers.get("Retry-After", "")
        try:
            # Some front ends of engines send fractions.
            seconds: float | None = float(text)
        except ValueError:
            seconds = asked_s(text, time.time())
        if seconds is None or not math.isfinite(seconds):
            return BUSY_S
        return min(max(seconds, 0.1), BUSY_MAX_S)


#: judges a response with a status of 400 or more: the error to raise, or None for the usual one
Judge = Callable[[Answer], EngineError | None]


class Remote:
    """One engine server. Safe to call from many threads."""

    def __init__(
        self,
        base_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        connect_s: float = 3.0,
        read_s: float = 10.0,
        judge: Judge | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        #: where it is, for operators: no credentials, no path
        self.peer = urlsplit(base_url).netloc.rpartition("@")[2]
        self._connect_s, self._read_s, self._judge = connect_s, read_s, judge
        self._session = pooled(self.base_url)
        self._session.headers.update(headers or {})
        self._session.auth = auth
        # For pictures on other hosts. Its connections are pooled, because a new one with TLS costs
        # 20 ms of CPU; it has no credentials or cookies.
        self._elsewhere = pooled(self.base_url, ours=False)
        self._elsewhere.proxies = {}
        self._elsewhere.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def get_json(
        self, path: str, *, params: Mapping[str, Any] | None = None, read_s: float | None = None
    ) -> Any:
        """GET ``path`` and return its JSON."""
        return self.request("GET", path, params=params, read_s=read_s).json()

    def post_json(self, path: str, body: Any, *, read_s: float | None = None) -> Any:
        """POST ``body`` as JSON and return the response's JSON."""
        return self.request("POST", path, json=body, read_s=read_s).json()

    def get_bytes(
        self,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        read_s: float | None = None,
        most_bytes: int | None = None,
    ) -> bytes:
        """GET ``path`` and return its bytes."""
        with _fetching(self.base_url):
            return self.request(
                "GET", path, params=params, read_s=read_s, most_bytes=most_bytes
            ).body

    def request(
        self,
        method: str,
        path: str,
        *,
        read_s: float | None = None,
        cut: Cut | None = None,
        most_bytes: int | None = None,
        **arguments: Any,
    ) -> Answer:
        """Make a request and return its response; ``arguments`` are those of ``requests``.

        ``read_s``: seconds between two bytes and, if short, also for the whole response; None for the
        default, ``math.inf`` for no limit.

        Raises:
            EngineDown: not reached, or 502, 503, 504; ``NoAnswer`` if it may have been reached.
            EngineBusy: 429.
            Refused: 401, 402, 403, or a redirect (the base URL is wrong).
            Answered: any other status of 400 or more, unless ``judge`` knows better.
            BadResult: the response is too large.
        """
        most = ANSWER_MAX_BYTES if most_bytes is None else most_bytes
        with self.stream(method, path, read_s=read_s, cut=cut, **arguments) as response:
            return _read(response, most, self._whole_s(read_s))

    @contextlib.contextmanager
    def stream(
        self,
        method: str,
        path: str,
        *,
        read_s: float | None = None,
        cut: Cut | None = None,
        judge: Judge | None = None,
        **arguments: Any,
    ) -> Iterator[requests.Response]:
        """Make a request and yield its response unread, checked as ``request`` checks it.

        ``judge``: for this request, in place of the server's own.

        Errors while the caller reads are raised as our errors as well. With ``cut`` the request has a
        connection of its own, which another thread may cut; that raises ``NoAnswer``.
        """
        with self._errors_mapped(), self._line(cut) as session:
            response = session.request(
                method,
                self.base_url + path,
                timeout=(self._connect_s, self._wait_s(read_s)),
                allow_redirects=False,
                stream=True,
                **arguments,
            )
            with response:
                if response.status_code >= 300:
                    answer = _read_error(response, self._whole_s(read_s))
                    raise self._error(answer, judge or self._judge)
                yield response

    def download(self, url: str, *, read_s: float | None = None) -> bytes:
        """Return the bytes at a picture URL that the server gave us.

        Our credentials are sent to the server's own origin only; elsewhere redirects are followed.
        """
        with _fetching(url):
            return self._downloaded(url, read_s)

    def _downloaded(self, url: str, read_s: float | None) -> bytes:
        own = urlsplit(self.base_url)
        for _ in range(REDIRECTS_MAX + 1):
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise BadResult("The engine's picture has no http(s) address.")
            ours = (parts.scheme, parts.netloc) == (own.scheme, own.netloc)
            answer = self._fetched(url, ours=ours, read_s=read_s)
            onward = answer.headers.get("Location")
            if answer.status < 300:
                return answer.body
            if answer.status >= 400 or ours or not onward:
                break
            url = urljoin(url, onward)
        raise BadResult(f"The engine's picture is not there: HTTP {answer.status}.")

    def close(self) -> None:
        """Close the pooled connections."""
        self._session.close()
        self._elsewhere.close()

    def _fetched(self, url: str, *, ours: bool, read_s: float | None) -> Answer:
        """GET a picture; for anything else, read only status and headers."""
        session = self._session if ours else self._elsewhere
        # The environment may name another proxy for that host, or none.
        proxies = {} if ours else dict(requests.utils.get_environ_proxies(url))
        timeout = (self._connect_s, self._wait_s(read_s))
        with (
            self._errors_mapped(),
            session.get(
                url, timeout=timeout, stream=True, allow_redirects=False, proxies=proxies
            ) as response,
        ):
            if response.status_code >= 300:
                return Answer(response.status_code, response.headers, b"")
            return _read(response, PICTURE_MAX_BYTES, self._whole_s(read_s))

    @contextlib.contextmanager
    def _line(self, cut: Cut | None) -> Iterator[requests.Session]:
        if cut is None:
            yield self._session
            return
        with pooled(self.base_url) as session, contextlib.closing(cut):
            session.headers, session.auth = self._session.headers, self._session.auth
            bundle = session.verify if isinstance(session.verify, str) else None
            session.mount("http://", CutAdapter(cut, bundle))
            session.mount("https://", CutAdapter(cut, bundle))
            yield session

    def _wait_s(self, read_s: float | None) -> float | None:
        wait_s = self._read_s if read_s is None else read_s
        return None if wait_s == math.inf else wait_s

    def _whole_s(self, read_s: float | None) -> float:
        """Return the time limit of a whole response: with a short read timeout, it is short as well."""
        wait_s = self._read_s if read_s is None else read_s
        return wait_s if wait_s < QUICK_S else max(wait_s, WHOLE_S)

    def _error(self, answer: Answer, judge: Judge | None) -> EngineError:
        judged = judge(answer) if judge and answer.status >= 400 else None
        if judged:
            return judged
        said = f"{self.peer} answered with HTTP {answer.status}"
        match answer.status:
            case 401 | 403:
                return Refused("credentials", said)
            case 402:
                return Refused("credit", said)
            case 429:
                return EngineBusy(answer.retry_after_s, said)
            case 502 | 503 | 504:
                return EngineDown(said)
            case status if status < 400:
                return Refused("setup", f"{said}, a redirect: is the base URL right?")
        return Answered(answer)

    @contextlib.contextmanager
    def _errors_mapped(self) -> Iterator[None]:
        # `from None`: the library's messages contain URLs, which may contain keys.
        try:
            yield
        except (requests.exceptions.ConnectTimeout, requests.exceptions.ProxyError) as error:
            raise EngineDown(f"{self.peer} cannot be reached ({type(error).__name__})") from None
        except requests.exceptions.SSLError:
            raise EngineDown(f"{self.peer}: TLS failed") from None
        except requests.exceptions.ConnectionError as error:
            # urllib3 wraps errors from before anything was sent in MaxRetryError.
            cause = getattr(error.args[0] if error.args else None, "reason", None)
            if cause is not None:
                raise EngineDown(f"{self.peer} cannot be reached") from None
            raise NoAnswer(f"{self.peer} closed the connection") from None
        except requests.exceptions.Timeout:
            raise NoAnswer(f"{self.peer} did not answer in time") from None
        except requests.exceptions.RequestException as error:
            raise NoAnswer(f"{self.peer}: {type(error).__name__}") from None


def _fetching(url: str) -> contextlib.AbstractContextManager[tracing.Span]:
    return tracing.step("fetch", "client", server=url, what="drawing")


def _read(response: requests.Response, most_bytes: int, whole_s: float) -> Answer:
    body = bytearray()
    for piece in pieces(response, most_bytes=most_bytes, whole_s=whole_s):
        body += piece
    return Answer(response.status_code, response.headers, bytes(body))


def _read_error(response: requests.Response, whole_s: float) -> Answer:
    """Read a response whose status is enough, if necessary without its end."""
    body = bytearray()
    with contextlib.suppress(BadResult, NoAnswer):
        for piece in pieces(response, most_bytes=ERROR_MAX_BYTES, whole_s=whole_s):
            body += piece
    return Answer(response.status_code, response.headers, bytes(body))
