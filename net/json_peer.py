"""Ask an operator's own server in JSON: one POST, one answer, in bounded time and size.

Used to have words checked (``api/forbidden.py``) and translated (``workers/drawing/translators.py``). Unlike the URLs
of callers, the operator's may lead anywhere, and through the proxy that the environment names.
"""

from __future__ import annotations

import functools
import json
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass

import urllib3
from urllib3.exceptions import HTTPError

from limner.compact_json import compact_json
from limner.egress.proxy import parse_proxy
from limner.errors import LimnerError
from limner.json_depth import is_deep
from limner.json_peer import PeerSilent
from net.deadline import Deadline
from net.dialling import guarded_pools
from net.failures import word_of
from net.outgoing import ANYWHERE, USER_AGENT

#: of an answer
ANSWER_BYTES, ANSWER_DEPTH = 256 * 1024, 32


class JsonPeer:
    """One address. Safe to share between threads; each request has a connection of its own."""

    def __init__(self, url: str, key: str | None = None) -> None:
        self._url = url
        self._headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": USER_AGENT,
            "Connection": "close",
        }
        if key:
            self._headers["Authorization"] = f"Bearer {key}"

    def ask(self, body: Mapping[str, Any], total_s: float) -> Any:
        """POST ``body`` and return what is answered; from the look-up of the name to the last byte in ``total_s``.

        Raises:
            PeerSilent: there is no such answer; the message is a clause for operators, without the server's words.
        """
        with Deadline(total_s) as deadline:
            try:
                status, answer = self._asked(compact_json(body).encode(), deadline)
            except (OSError, HTTPError, ValueError, LimnerError) as error:
                raise PeerSilent(word_of(error, late=deadline.late)) from None
        if deadline.passed:
            raise PeerSilent("timeout")
        if not 200 <= status < 300:
            raise PeerSilent(f"http_{status}")
        if len(answer) > ANSWER_BYTES or is_deep(answer, ANSWER_DEPTH):
            raise PeerSilent("too_large")
        try:
            return json.loads(answer)
        except ValueError:
            raise PeerSilent("not_json") from None

    def _asked(self, body: bytes, deadline: Deadline) -> tuple[int, bytes]:
        with self._pools() as pools:
            left_s = deadline.left_s
            response = pools.request(
                "POST",
                self._url,
                body=body,
                headers=self._headers,
                retries=False,
                redirect=False,
                timeout=urllib3.Timeout(connect=left_s, read=left_s),
                preload_content=False,
            )
            try:
                return response.status, response.read(ANSWER_BYTES + 1, decode_content=True)
            finally:
                response.close()

    def _pools(self) -> urllib3.PoolManager:
        pools: urllib3.PoolManager
        tls = _tls() if self._url.startswith("https:") else None
        if proxy := _proxy_of(self._url):
            where = parse_proxy(proxy if "://" in proxy else f"http://{proxy}")
            pools = urllib3.ProxyManager(where.url, proxy_headers=where.headers, ssl_context=tls)
        else:
            pools = urllib3.PoolManager(ssl_context=tls)
        pools.pool_classes_by_scheme = guarded_pools(ANYWHERE)
        return pools


@functools.cache
def _tls() -> ssl.SSLContext:
    """Return the one context of the process: loading the system's CAs takes long, and every request connects anew."""
    return ssl.create_default_context()


def _proxy_of(url: str) -> str | None:
    """Return the proxy that the environment names for a URL, as curl and Python read it."""
    parts = urlsplit(url)
    if proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    proxies = getproxies_environment()
    return proxies.get(parts.scheme) or proxies.get("all")
