"""The options that every hosted engine has; drivers read their own beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engines.remote.options import Options
from limner.settings import EngineSettings


@dataclass(frozen=True, slots=True)
class HostedManner:
    """How an account is used."""

    name: str
    url: str
    #: the credential; never shown
    key: str = field(repr=False)
    #: more headers of the operator's, for a proxy on the way
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    #: seconds between two polls of one request, at least
    poll_s: float = 1.5
    #: polls a second over all drawings of a process, at most
    polls_most: float = 20.0
    #: without an answer for this long, the engine is down; its drawings are found again later
    silent_s: float = 60.0
    #: how long the submission of all of a drawing's requests may take
    submit_s: float = 30.0
    #: words added to every prompt, but not with style raw
    suffix: str = ""


def manner_of(
    settings: EngineSettings,
    options: Options,
    *,
    url: str,
    key: str = "api_key",
    poll_s: float = 1.5,
    polls_most: float = 20.0,
) -> HostedManner:
    """Read them; ``url``: the host's usual base URL, ``key``: the option of the credential.

    ``poll_s``, ``polls_most``: what the host's own limits suggest.

    Raises:
        ConfigError: one is wrong, or there is no credential.
    """
    secret = options.secret(key)
    if secret is None:
        options.wrong(f"{key}_env", f"is required (or {key}_file)")
    return HostedManner(
        name=settings.name,
        url=options.url("base_url", url),
        key=secret,
        headers=options.table("headers") | options.secret_headers(),
        poll_s=options.number("poll_s", poll_s, 0.01, 60.0),
        polls_most=options.number("polls_most", polls_most, 0.1, 1000.0),
        silent_s=options.number("silent_s", 60.0, 0.1, 3600.0),
        submit_s=options.number("submit_s", 30.0, 0.1, 600.0),
        suffix=options.optional_text("suffix") or "",
    )
