"""The sessions of ``Remote``: pooled connections, proxies read once, no redirects, the trace of a job."""

from __future__ import annotations

import os

import requests

from limner import tracing
from net.lines import LineAdapter

#: pooled connections; more are opened when needed, and closed after use
POOL_SIZE = 16


class Unredirected(requests.Session):
    """A session that treats a redirect as a response: otherwise requests reads its body, without limit."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Never follow a redirect."""


class Traced(Unredirected):
    """The same, to the engine's own server: it can go on with the trace of the job."""

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        """Add the header that says which span the request is made in, if in any."""
        prepared = super().prepare_request(request)
        prepared.headers.update(tracing.outgoing())
        return prepared


def pooled(url: str, *, ours: bool = True) -> requests.Session:
    """Return a session that reads the environment's proxies once, for ``url``, and no ``.netrc``.

    ``ours``: it goes to the engine's own server, not to where that stores its pictures.
    """
    session = Traced() if ours else Unredirected()
    session.trust_env = False
    session.proxies = dict(requests.utils.get_environ_proxies(url))
    session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True
    session.mount("http://", LineAdapter(pool_maxsize=POOL_SIZE))
    session.mount("https://", LineAdapter(pool_maxsize=POOL_SIZE))
    return session
