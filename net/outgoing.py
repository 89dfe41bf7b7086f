"""HTTP to URLs that callers supply: every address is checked as it is dialled, every response bounded.

Used by the callback dispatcher (``Outgoing.post``) and to fetch reference images
(``Outgoing.fetch``). Built on urllib3 rather than requests: so there are no cookies, no ``.netrc``, no
proxies from the environment and no unchecked redirects, and a POST costs half as much.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urljoin

import urllib3
from urllib3.exceptions import HTTPError

from limner.callback.policy import Outcome
from limner.egress.address import AddressNotAllowed, DialPolicy
from limner.egress.proxy import parse_proxy
from limner.egress.target import DEFAULT_PORTS, Target, UrlRefused, after_host, parse_target
from limner.errors import LimnerError
from limner.settings import Settings
from limner.settings.reachable import dial_policy
from net.deadline import Deadline
from net.dialling import guarded_pools
from net.failures import closed_early, word_of

CONNECT_S = 5.0
READ_S = 15.0
#: the deadline of a whole attempt, from the DNS look-up to the last byte read
TOTAL_S = 20.0
#: how much of a response is read, and how much of that is recorded
ANSWER_READ_BYTES = 4096
ANSWER_KEPT_BYTES = 1024
#: how long to wait for the rest of a response once its status has decided the outcome
ANSWER_S = 1.0
#: a pooled connection that breaks this soon was closed while idle: the request is sent again
STALE_S = 1.0
USER_AGENT = "limner"
#: sent when fetching pictures: formats we can decode, so that no server picks AVIF
ACCEPT = "image/png, image/jpeg, image/webp, image/gif, */*;q=0.1"
REDIRECTS = frozenset({301, 302, 303, 307, 308})
REDIRECTS_MAX = 5
#: characters that stay as they are in a URL; the rest of a Location is escaped, as browsers do
_PLAIN = "%/:?&=+,;@!$'()*~[]"
#: for the connection to the operator's own proxy; denied addresses stay denied even there
ANYWHERE = DialPolicy.parse("0.0.0.0/0, ::/0")
#: what ``localhost`` also means on the proxy's machine
LOOPBACK = "127.0.0.1"


class FetchFailed(LimnerError):
    """The picture could not be fetched."""

    def __init__(self, why: str) -> None:
        super().__init__()
        #: one of ``Outcome``'s error words, ``http_404`` and the like, ``too_large`` or ``redirects``
        self.why = why


@dataclass(frozen=True, slots=True)
class Moved:
    """A redirect to where the picture is."""

    location: str


class Outgoing:
    """Requests under one policy. Safe to share between threads, which then share connections."""

    def __init__(
        self,
        policy: DialPolicy,
        *,
        pool_size: int = 32,
        ca_bundle: str | None = None,
        proxy: str | None = None,
    ) -> None:
        self._policy = policy
        self._proxy = proxy
        options: dict[str, Any] = {"num_pools": 64, "maxsize": pool_size}
        options |= {"cert_reqs": "CERT_REQUIRED", "ca_certs": ca_bundle}
        self._pools: urllib3.PoolManager
        if proxy:
            # The operator chose the proxy, so it may be anywhere; what it dials is up to it.
            where = parse_proxy(proxy)
            self._pools = urllib3.ProxyManager(where.url, proxy_headers=where.headers, **options)
            policy = ANYWHERE
        else:
            self._pools = urllib3.PoolManager(**options)
        self._pools.pool_classes_by_scheme = guarded_pools(policy)

    @classmethod
    def of(cls, settings: Settings, extra_allow: str = "") -> Outgoing:
        """Return a client's ``Outgoing``, under the gateway's allow-list and the client's own."""
        return cls(
            dial_policy(settings, extra_allow),
            pool_size=settings.callback_threads,
            proxy=settings.callback_proxy,
        )

    def close(self) -> None:
        """Close the pooled connections."""
        self._pools.clear()

    def post(
        self, url: str, body: bytes, headers: Mapping[str, str], total_s: float = TOTAL_S
    ) -> Outcome:
        """POST ``body`` and return the outcome; whatever the receiver does is a value, not an error."""
        started = time.monotonic()
        with Deadline(total_s) as deadline:
            outcome = self._post(url, body, headers, deadline)
        took_ms = round((time.monotonic() - started) * 1000)
        if deadline.passed and not outcome.delivered:
            outcome = replace(outcome, status=None, error="timeout")
        return replace(outcome, took_ms=took_ms, address=deadline.address)

    def fetch(self, url: str, max_bytes: int, timeout_s: float = TOTAL_S) -> bytes:
        """GET ``url``, follow up to five redirects, and return the body of a 2xx response.

        Every hop is checked like the first one. ``timeout_s`` is the deadline for all of them together.

        Raises:
            FetchFailed: there is no such response, or it is larger than ``max_bytes``.
        """
        ends = time.monotonic() + timeout_s
        for _ in range(1 + REDIRECTS_MAX):
            with Deadline(ends - time.monotonic()) as deadline:
                found = self._hop(url, max_bytes, deadline)
            if deadline.passed:
                raise FetchFailed("timeout")
            if isinstance(found, bytes):
                return found
            url = redirected(url, found.location)
        raise FetchFailed("redirects")

    def _hop(self, url: str, max_bytes: int, deadline: Deadline) -> bytes | Moved:
        """Make one GET and return the picture's bytes, or where it is.

        Raises:
            FetchFailed: the response is neither.
        """
        try:
            response = self._ask("GET", url, None, {"Accept": ACCEPT}, deadline)
        except (UrlRefused, OSError, HTTPError, AddressNotAllowed) as error:
            raise FetchFailed(word_of(error, late=deadline.late)) from error
        try:
            location = response.headers.get("Location")
            if response.status in REDIRECTS and location:
                return Moved(location)
            if not 200 <= response.status < 300:
                raise FetchFailed(f"http_{response.status}")
            # urllib3 undoes Content-Encoding, and decompresses no more than is read.
            body = response.read(max_bytes + 1, decode_content=True)
            if len(body) > max_bytes:
                raise FetchFailed("too_large")
            if _left(response):
                # Cut off by the peer, or by us.
                raise FetchFailed("timeout" if deadline.late else "reset")
            return body
        except (OSError, HTTPError) as error:
            raise FetchFailed(word_of(error, late=deadline.late)) from error
        finally:
            _let_go(response)

    def _ask(
        self,
        method: str,
        url: str,
        body: bytes | None,
        headers: Mapping[str, str],
        deadline: Deadline,
    ) -> urllib3.BaseHTTPResponse:
        """Send a request, and again if the pooled connection it went out on had been closed."""
        try:
            return self._send(method, url, body, headers, deadline)
        except HTTPError as error:
            if deadline.answer:
                # urllib3 could not parse its headers, and has left it open.
                deadline.answer.close()
                raise
            if not (deadline.reused and deadline.age_s < STALE_S and closed_early(error)):
                raise
            return self._send(method, url, body, headers, deadline)

    def _post(
        self, url: str, body: bytes, headers: Mapping[str, str], deadline: Deadline
    ) -> Outcome:
        try:
            response = self._ask("POST", url, body, headers, deadline)
        except (UrlRefused, OSError, HTTPError, AddressNotAllowed) as error:
            # The framing of its body makes no sense, but the receiver has responded.
            return _taken(deadline) or Outcome(error=word_of(error, late=deadline.late))
        answer = b""
        try:
            # To a reader of the headers, shutting the socket down looks as if the peer had closed it.
            if deadline.passed and not deadline.answer:
                return Outcome(error="timeout")
            if self._proxy and response.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
                return Outcome(error="proxy")
            if _taken(deadline):
                deadline.cut_to(ANSWER_S)
            if not 300 <= response.status < 400:
                answer = _read(response, ANSWER_READ_BYTES)
        except (OSError, HTTPError, ValueError) as error:
            # A truncated refusal cannot be trusted.
            return _taken(deadline) or Outcome(error=word_of(error, late=deadline.late))
        finally:
            _let_go(response)
        return Outcome(
            status=response.status,
            retry_after=response.headers.get("Retry-After"),
            location=response.headers.get("Location"),
            answer=answer[:ANSWER_KEPT_BYTES],
        )

    def _send(
        self,
        method: str,
        url: str,
        body: bytes | None,
        headers: Mapping[str, str],
        deadline: Deadline,
    ) -> urllib3.BaseHTTPResponse:
        target, path = _checked(url)
        if self._proxy:
            path = self._check_for_proxy(target, path)
        pool = self._pools.connection_from_host(target.host, target.port, target.scheme)
        left_s = deadline.left_s
        return pool.urlopen(
            method,
            path,
            body=body,
            headers={"User-Agent": USER_AGENT, "Accept": "*/*", **headers},
            retries=False,
            redirect=False,
            assert_same_host=False,
            timeout=urllib3.Timeout(connect=min(CONNECT_S, left_s), read=min(READ_S, left_s)),
            preload_content=False,
            decode_content=False,
        )

    def _check_for_proxy(self, target: Target, path: str) -> str:
        """Check what can be known before the proxy resolves the name; return the URL to ask it for."""
        self._policy.check_name(target.host)
        known = target.host if target.literal else LOOPBACK if target.local else None
        if known:
            self._policy.check(target.host, target.port, [known])
        if target.scheme == "https":
            return path
        port = "" if target.port == DEFAULT_PORTS["http"] else f":{target.port}"
        return f"http://{target.bracketed}{port}{path}"


def redirected(url: str, location: str) -> str:
    """Return where a ``Location`` leads from ``url``, written as we write URLs.

    Raises:
        FetchFailed: it is not a URL.
    """
    try:
        # Header fields are decoded as Latin-1, but most servers that send such letters mean UTF-8.
        raw = location.strip().encode("latin-1")
        where = urljoin(url, quote(raw.partition(b"#")[0], safe=_PLAIN))
    except ValueError as error:
        raise FetchFailed("url") from error
    return where


@lru_cache(maxsize=4096)
def _checked(url: str) -> tuple[Target, str]:
    """Return a URL's target and the request target, if it is well-formed."""
    target = parse_target(url)
    # Not with the host as typed: urllib3 might read that differently from what we checked.
    return target, urllib3.util.parse_url("http://host" + after_host(url)).request_uri


def _taken(deadline: Deadline) -> Outcome | None:
    """Return the outcome of an attempt that a 2xx decided, whatever came after its head."""
    taken = Outcome(status=deadline.status)
    return taken if taken.delivered else None


def _read(response: urllib3.BaseHTTPResponse, most_bytes: int) -> bytes:
    """Read a bounded part of the body, as it came over the wire."""
    return response.read(most_bytes, decode_content=False)


def _let_go(response: urllib3.BaseHTTPResponse) -> None:
    """Return the connection to the pool if the response was read to its end, else close it."""
    underneath = getattr(response, "_fp", None)
    if _left(response) == 0 or underneath is None or underneath.isclosed():
        response.release_conn()
    else:
        response.close()


def _left(response: urllib3.BaseHTTPResponse) -> int | None:
    """Return how many bytes of the body are still to come, None if unknown."""
    left: int | None = getattr(response, "length_remaining", None)
    return left
