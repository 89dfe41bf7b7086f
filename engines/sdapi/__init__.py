"""Draws with a Stable Diffusion server that speaks ``/sdapi/v1``: A1111, Forge, SD.Next, sd-server.

``docs/engines/sdapi.md`` explains the set-up. ``build`` makes the engine from its ``[[engine]]``
entry; the rest of the folder is ``engine`` (the contract), ``abilities`` (what is honoured how well),
``wanted`` and ``start`` (a brief as request bodies), ``offers`` (what servers can besides drawing), ``live``
(what a server reports while it draws), ``queued`` and ``native`` (sd-server's own queue), ``answer`` (its
responses) and ``result`` (what they come to).
"""

from __future__ import annotations

from engines.remote.options import Options
from engines.sdapi.engine import Sdapi
from engines.sdapi.live import SdapiServer
from engines.sdapi.native import NativeFace
from engines.sdapi.queued import QueuedDrawings
from engines.sdapi.wanted import SdapiManner
from limner.settings import EngineSettings


def build(settings: EngineSettings) -> Sdapi:
    """Build the engine from its ``[[engine]]`` entry.

    Raises:
        ConfigError: an option is wrong.
    """
    options = Options(settings)
    user, password = options.optional_text("user"), options.secret("password")
    if bool(user) != bool(password):
        options.wrong("user", "and password_env (or password_file) go together")
    server = SdapiServer(
        options.url("url"),
        auth=(user, password) if user and password else None,
        headers=options.table("headers") | options.secret_headers(),
        exclusive=options.flag("exclusive"),
    )
    manner = SdapiManner(
        steps=options.whole("steps", 20, 1, 200),
        cfg=options.number("cfg", 7.0, 0, 30),
        sampler=options.optional_text("sampler"),
        scheduler=options.optional_text("scheduler"),
        checkpoint=options.optional_text("checkpoint"),
        niji_checkpoint=options.optional_text("niji_checkpoint"),
        suffix=options.optional_text("suffix") or "",
        negative=options.optional_text("negative") or "",
        scale=options.number("scale", 1.0, 0.5, 4.0),
        batch=options.flag("batch", True),
        upscaler=options.optional_text("upscaler"),
        tiling=options.one_of("tiling", ("auto", "yes", "no"), "auto"),
        versions=tuple(settings.versions.values()),
    )
    poll_s = options.number("poll_s", 0.5, 0.02, 1.0)
    silent_s = options.number("silent_s", 60.0, 0.1, 3600.0)
    queued = QueuedDrawings(NativeFace(server.remote), poll_s=poll_s, silent_s=silent_s)
    engine = Sdapi(
        settings.name,
        server,
        manner,
        poll_s=poll_s,
        silent_s=silent_s,
        queued=queued if options.flag("queue", True) else None,
    )
    options.done()
    return engine
