"""Draws through a midjourney-proxy: novicezk's, trueai's, or a compatible one.

``docs/engines/mjproxy.md`` explains the set-up. ``build`` makes the engine from its ``[[engine]]``
entry; the rest of the folder is ``engine`` (the contract), ``upstream`` (the routes), ``buttons`` (which
to press), ``poller`` (one thread that polls for all drawings) and ``task`` (what a task's record means).
"""

from __future__ import annotations

from engines.mjproxy.engine import MjProxy, MjProxyManner
from engines.mjproxy.upstream import Upstream
from engines.remote.options import Options
from engines.remote.session import Remote
from limner.settings import EngineSettings


def build(settings: EngineSettings) -> MjProxy:
    """Build the engine from its ``[[engine]]`` entry.

    Raises:
        ConfigError: an option is wrong.
    """
    options = Options(settings)
    url = options.url("url").removesuffix("/mj")
    headers = options.table("headers") | options.secret_headers()
    secret = options.secret("api_key")
    how = options.one_of("authorization", ("none", "raw", "bearer"), "none")
    if secret:
        headers["mj-api-secret"] = secret
        if how != "none":
            headers["Authorization"] = secret if how == "raw" else f"Bearer {secret}"
    elif how != "none":
        options.wrong("authorization", "needs api_key_env or api_key_file")
    upstream = Upstream(
        Remote(url, headers=headers),
        Remote(url, headers=headers, connect_s=1.5, read_s=1.4),
        speed=options.one_of("speed", ("none", "prefix", "filter"), "none"),
        submit_s=options.number("submit_s", 30.0, 0.1, 600.0),
        niji_bot=options.flag("niji_bot"),
        send_seed=options.flag("send_seed"),
    )
    manner = MjProxyManner(
        poll_s=options.number("poll_s", 3.0, 0.01, 60.0),
        late_s=options.number("late_s", 120.0, 0, 3600.0),
        silent_s=options.number("silent_s", 30.0, 0.1, 3600.0),
        previews=options.flag("previews", True),
        cancel=options.flag("cancel"),
        buttons=options.flag("buttons"),
    )
    options.done()
    return MjProxy(settings.name, upstream, manner)
