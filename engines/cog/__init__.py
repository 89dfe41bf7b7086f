"""Draws with any cog container: a model behind cog's own HTTP server.

``docs/engines/cog.md`` explains the set-up. ``build`` makes the engine from its ``[[engine]]`` entry; the
rest of the folder is ``engine`` (the contract), ``server`` (the routes), ``model`` (what inputs the model
has, from its OpenAPI schema), ``abilities`` (what is honoured how well), ``wanted`` (a brief as
predictions) and ``answer`` (what predictions came to).
"""

from __future__ import annotations

from engines.cog.engine import Cog
from engines.cog.manner import CogManner
from engines.cog.model import ROLES
from engines.cog.server import CogServer
from engines.remote.options import Options
from limner.settings import EngineSettings


def build(settings: EngineSettings) -> Cog:
    """Build the engine from its ``[[engine]]`` entry.

    Raises:
        ConfigError: an option is wrong.
    """
    options = Options(settings)
    headers = options.table("headers") | options.secret_headers()
    token = options.secret("api_key")
    if token:
        headers["Authorization"] = f"Bearer {token}"
    server = CogServer(options.url("url"), headers=headers)
    names = options.table("names")
    for role in names:
        if role not in ROLES:
            options.wrong("names", f"{role!r} is none of {', '.join(sorted(ROLES))}")
    if settings.versions:
        options.wrong(
            "versions", "cog serves one model: name the version's container as another engine"
        )
    manner = CogManner(
        names=names,
        inputs=options.values("inputs"),
        suffix=options.optional_text("suffix") or "",
        negative=options.optional_text("negative") or "",
        scale=options.number("scale", 2.0, 0.5, 4.0),
        batch=options.flag("batch", True),
    )
    engine = Cog(
        settings.name,
        server,
        manner,
        poll_s=options.number("poll_s", 1.0, 0.02, 5.0),
        silent_s=options.number("silent_s", 60.0, 0.1, 3600.0),
    )
    options.done()
    return engine
