"""Draws with any image model at Replicate, or at a host of the same interface.

``docs/engines/replicate.md`` explains the set-up. ``build`` makes the engine from its ``[[engine]]`` entry, over
the seam ``engines.hosted``; the rest of the folder is ``host`` (what it asks Replicate for), ``models`` (what
models take) and ``prediction`` (what a record and a refusal mean).
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from engines.hosted.account import Account
from engines.hosted.engine import HostedEngine
from engines.hosted.setup import manner_of
from engines.remote.model_wanted import ModelManner
from engines.remote.options import Options
from engines.replicate.host import ReplicateHost, ReplicateManner
from engines.replicate.models import REF
from engines.replicate.prediction import judge_with
from limner.settings import EngineSettings

API = "https://api.replicate.com/v1"
#: the account's limit is 3,000 requests a minute over all its users; a gateway has several processes
POLLS_A_SECOND = 10.0
_DEPLOYMENT = re.compile(r"[\w.-]+/[\w.-]+")


def build(settings: EngineSettings) -> HostedEngine:
    """Build the engine from its ``[[engine]]`` entry.

    Raises:
        ConfigError: an option is wrong.
    """
    options = Options(settings)
    manner = manner_of(settings, options, url=API, key="api_token", polls_most=POLLS_A_SECOND)
    model = options.text("model")
    for ref in (model, *settings.versions.values()):
        if not REF.fullmatch(ref):
            options.wrong("model", f"{ref!r} has not the form owner/name or owner/name:version")
    deployment = options.optional_text("deployment")
    if deployment and not _DEPLOYMENT.fullmatch(deployment):
        options.wrong("deployment", "must have the form owner/name")
    inputs = options.values("input")
    # Replicate's own libraries are told its address without.
    account = Account(
        manner.url if urlsplit(manner.url).path else f"{manner.url}/v1",
        {"Authorization": f"Bearer {manner.key}", **manner.headers},
        judge=judge_with(inputs),
        submit_s=manner.submit_s,
    )
    host = ReplicateHost(
        account,
        ReplicateManner(
            model=model,
            deployment=deployment,
            cancel_after_s=options.whole("cancel_after_s", 900, 0, 86_400),
            price_per_second=options.number("price_per_second", 0.0, 0.0, 1e6),
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
