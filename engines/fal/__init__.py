"""Draws with any image model at fal.ai.

``docs/engines/fal.md`` explains the set-up. ``build`` makes the engine from its ``[[engine]]`` entry, over the seam
``engines.hosted``; the rest of the folder is ``host`` (what it asks fal for), ``models`` (which model draws
what) and ``result`` (what states, outputs and errors mean).
"""

from __future__ import annotations

import re

from engines.fal.host import FalHost, FalManner
from engines.fal.models import FalModels
from engines.fal.result import judge_with
from engines.hosted.account import Account
from engines.hosted.engine import HostedEngine
from engines.hosted.setup import manner_of
from engines.remote.model_wanted import ModelManner
from engines.remote.options import Options
from engines.remote.session import Remote
from limner.settings import EngineSettings

API = "https://queue.fal.run"
DOCUMENTS = "https://fal.ai/api/openapi/queue/openapi.json"
#: where fal's own URLs may lead with the key: it has a backup
DOMAINS = ("fal.run", "falrun.com")
_MODEL = re.compile(r"[\w.-]+/[\w.-]+(?:/[\w.-]+){0,6}")


def build(settings: EngineSettings) -> HostedEngine:
    """Build the engine from its ``[[engine]]`` entry.

    Raises:
        ConfigError: an option is wrong.
    """
    options = Options(settings)
    manner = manner_of(settings, options, url=API)
    model = options.text("model")
    pictures, inpaint = options.optional_text("edit_model"), options.optional_text("inpaint_model")
    for name, ref in (("model", model), ("edit_model", pictures), ("inpaint_model", inpaint)):
        if ref and not _MODEL.fullmatch(ref):
            options.wrong(name, f"{ref!r} has not the form owner/app or owner/app/path")
    for ref in settings.versions.values():
        if not _MODEL.fullmatch(ref):
            options.wrong("versions", f"{ref!r} has not the form owner/app or owner/app/path")
    inputs = options.values("input")
    account = Account(
        manner.url,
        {"Authorization": f"Key {manner.key}", **manner.headers},
        judge=judge_with(inputs),
        domains=DOMAINS,
        submit_s=manner.submit_s,
    )
    # No key goes with these: they are for anyone to read, and elsewhere.
    documents = Remote(options.url("schema_url", DOCUMENTS), connect_s=1.5, read_s=1.4)
    host = FalHost(
        account,
        FalModels(documents, model, pictures, inpaint),
        FalManner(
            low_priority=options.flag("low_priority", True),
            start_s=options.whole("start_s", 0, 0, 86_400),
            expires_s=options.whole("expires_s", 0, 0, 10 * 366 * 86_400),
            inputs=inputs,
        ),
        ModelManner(
            together=options.one_of("outputs", ("together", "apart"), "together") == "together",
            scale=options.number("scale", 2.0, 1.0, 4.0),
            suffix=manner.suffix,
            inputs=inputs,
        ),
    )
    options.done()
    return HostedEngine(host, manner)
