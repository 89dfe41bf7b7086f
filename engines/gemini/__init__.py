"""Draws with Gemini's image models, by their own interface.

``docs/engines/gemini.md`` explains the set-up. ``build`` makes the engine from its ``[[engine]]`` entry, over
the seam ``engines.hosted``; the rest of the folder is ``host`` (what it asks for) and ``answer`` (what an answer,
and a refusal, mean).
"""

from __future__ import annotations

import re

from engines.gemini.answer import judge
from engines.gemini.host import GeminiHost, GeminiManner
from engines.hosted.account import Account
from engines.hosted.at_once import AtOnceEngine
from engines.hosted.setup import manner_of
from engines.remote.options import Options
from limner.settings import EngineSettings

API = "https://generativelanguage.googleapis.com/v1beta"
RATIOS = ("1:1", "4:5", "5:4", "3:4", "4:3", "2:3", "3:2", "9:16", "16:9", "21:9")
_RATIO = re.compile(r"[1-9]\d?:[1-9]\d?")
_MODEL = re.compile(r"[\w.-]{1,100}")


def build(settings: EngineSettings) -> AtOnceEngine:
    """Build the engine from its ``[[engine]]`` entry.

    Raises:
        ConfigError: an option is wrong.
    """
    options = Options(settings)
    manner = manner_of(settings, options, url=API)
    model = options.text("model").removeprefix("models/")
    for one in (model, *settings.versions.values()):
        if not _MODEL.fullmatch(one):
            options.wrong("model", f"{one!r} is not the name of a model")
    ratios = options.words("ratios", RATIOS)
    if not ratios or not all(map(_RATIO.fullmatch, ratios)):
        options.wrong("ratios", 'must be like ["1:1", "3:2"]')
    account = Account(manner.url, {"x-goog-api-key": manner.key, **manner.headers}, judge=judge)
    host = GeminiHost(
        account,
        GeminiManner(
            model=model,
            ratios=ratios,
            image_size=options.optional_text("image_size"),
            pictures_most=options.whole("pictures_most", 3, 1, 14),
            suffix=manner.suffix,
            answer_s=options.number("answer_s", 300.0, 0.1, 3600.0),
        ),
    )
    at_once = options.whole("at_once", 4, 1, 4)
    options.done()
    return AtOnceEngine(host, manner, at_once)
