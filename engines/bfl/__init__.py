"""Draws with FLUX at Black Forest Labs.

``docs/engines/bfl.md`` explains the set-up. ``build`` makes the engine from its ``[[engine]]`` entry, over the seam
``engines.hosted``; the rest of the folder is ``host`` (what it asks BFL for), ``models`` (what each model takes),
``wanted`` (a brief as request bodies) and ``task`` (what a record and a refusal mean).
"""

from __future__ import annotations

import re

from engines.bfl.host import BflHost
from engines.bfl.models import BflModels, model_called
from engines.bfl.task import judge_with
from engines.bfl.wanted import BflManner
from engines.hosted.account import Account
from engines.hosted.engine import HostedEngine
from engines.hosted.setup import manner_of
from engines.remote.options import Options
from limner.settings import EngineSettings

API = "https://api.bfl.ai"
#: where its answers lead with the key: its regions have hosts of their own
DOMAINS = ("bfl.ai",)
#: what a credit costs, in US dollars
CREDIT_PRICE = 0.01
_MODEL = re.compile(r"[\w.-]+")


def build(settings: EngineSettings) -> HostedEngine:
    """Build the engine from its ``[[engine]]`` entry.

    Raises:
        ConfigError: an option is wrong.
    """
    options = Options(settings)
    manner = manner_of(settings, options, url=API, poll_s=1.0)
    model = options.text("model")
    pictures, fill = options.optional_text("edit_model"), options.optional_text("fill_model")
    for name in (model, pictures, fill, *settings.versions.values()):
        if name and not _MODEL.fullmatch(name):
            options.wrong("model", f"{name!r} is no name of a model")
    inputs = options.values("input")
    account = Account(
        manner.url,
        {"x-key": manner.key, **manner.headers},
        judge=judge_with(inputs),
        domains=DOMAINS,
        submit_s=manner.submit_s,
    )
    host = BflHost(
        account,
        BflModels(
            model_called(model),
            model_called(pictures) if pictures else None,
            model_called(fill) if fill else None,
        ),
        BflManner(
            scale=options.number("scale", 2.0, 1.0, 4.0),
            suffix=manner.suffix,
            output_format=options.one_of("output_format", ("png", "jpeg"), "png"),
            inputs=inputs,
        ),
        options.number("credit_price", CREDIT_PRICE, 0.0, 1e6),
    )
    options.done()
    return HostedEngine(host, manner)
