"""Draws with Qwen-Image and Wan at Alibaba's Model Studio (DashScope), as tasks or while it is waited for.

``docs/engines/dashscope.md`` explains the set-up. ``build`` makes the engine from its ``[[engine]]`` entry, over
the seam ``engines.hosted``; the rest of the folder is ``tasks`` and ``at_once`` (the host's two ways), ``wanted``
(a brief as requests) and ``answer`` (what answers and refusals mean).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engines.dashscope.answer import judge
from engines.dashscope.at_once import DashScopeAtOnce
from engines.dashscope.tasks import DashScopeTasks
from engines.dashscope.wanted import ROUTES, DashScopeManner, Route
from engines.hosted.account import Account
from engines.hosted.at_once import AtOnceEngine
from engines.hosted.engine import HostedEngine
from engines.hosted.setup import manner_of
from engines.remote.options import Options
from engines.remote.sizing import SizeLimits
from limner.settings import EngineSettings

API = "https://dashscope.aliyuncs.com/api/v1"
#: the first Qwen-Image's own sizes
QWEN_SIZES = ("1328*1328", "1664*928", "928*1664", "1472*1104", "1104*1472")
_SIZE = re.compile(r"([1-9]\d{1,4})[*x]([1-9]\d{1,4})")
_OF_TEXT = re.compile(r"(?:wanx|wan2\.[0-5]-t2i|qwen-image(?:-plus)?(?:-\d{4}.*)?$)")
_OF_PICTURES = re.compile(r"wan2\.5-i2i|imageedit")
_LATER_WAN = re.compile(r"wan(?:2\.[6-9]|[3-9])")
_NO_PICTURES = re.compile(r"t2i")


def build(settings: EngineSettings) -> HostedEngine | AtOnceEngine:
    """Build the engine from its ``[[engine]]`` entry.

    Raises:
        ConfigError: an option is wrong.
    """
    options = Options(settings)
    # Twenty polls a second are allowed, to all of an account's processes together.
    manner = manner_of(settings, options, url=API, poll_s=2.0, polls_most=5.0)
    model = options.text("model")
    route = options.one_of("route", ROUTES, route_of(model))
    sizes = _sizes(options, QWEN_SIZES if route == "text2image" and "qwen" in model else ())
    # What is known of the models of today; all of it can be set.
    usual = _limits(model)
    dash = DashScopeManner(
        model=model,
        route=route,
        sizes=sizes,
        limits=SizeLimits(
            step_px=16,
            scale=options.number("scale", 2.0, 1.0, 4.0),
            pixels=(
                options.whole("least_pixels", usual["least_pixels"], 0, 1 << 24),
                options.whole("most_pixels", usual["most_pixels"], 4096, 1 << 26),
            ),
            longest_px=options.whole("longest_px", usual["longest_px"], 64, 1 << 14),
            ratio_most=options.number("ratio_most", 4.0, 1.0, 16.0),
        ),
        pictures_a_request=options.whole(
            "pictures_a_request", 4 if model.startswith("wan") else 1, 1, 4
        ),
        pictures_most=options.whole("pictures_most", _pictures_most(model, route), 0, 9),
        parameters={
            "prompt_extend": options.flag("prompt_extend"),
            "watermark": options.flag("watermark"),
            **options.values("parameters"),
        },
        suffix=manner.suffix,
        answer_s=options.number("answer_s", 300.0, 0.1, 3600.0),
    )
    at_once = options.whole("at_once", 2, 1, 4)
    account = Account(
        manner.url,
        {"Authorization": f"Bearer {manner.key}", **manner.headers},
        judge=judge,
        submit_s=manner.submit_s,
    )
    options.done()
    if route == "multimodal-generation":
        return AtOnceEngine(DashScopeAtOnce(account, dash), manner, at_once)
    return HostedEngine(DashScopeTasks(account, dash), manner)


def route_of(model: str) -> Route:
    """Return the route that takes a model, as far as its name tells."""
    if _OF_PICTURES.search(model):
        return "image2image"
    if _OF_TEXT.match(model):
        return "text2image"
    return "image-generation" if _LATER_WAN.match(model) else "multimodal-generation"


def _pictures_most(model: str, route: Route) -> int:
    return 0 if route == "text2image" or _NO_PICTURES.search(model) else 3


def _limits(model: str) -> Mapping[str, Any]:
    if not model.startswith("wan"):
        return {"least_pixels": 512 * 512, "most_pixels": 2048 * 2048, "longest_px": 2688}
    least = 1280 * 1280 if _LATER_WAN.match(model) or model.startswith("wan2.5") else 512 * 512
    # Later ones limit the pixels only.
    longest = 2880 if least > 512 * 512 else 1440
    return {"least_pixels": least, "most_pixels": 1440 * 1440, "longest_px": longest}


def _sizes(options: Options, usual: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    sizes = []
    for word in options.words("sizes", usual):
        found = _SIZE.fullmatch(word)
        if not found:
            options.wrong("sizes", 'must be like ["1328*1328"], or [] for any size')
        sizes.append((int(found[1]), int(found[2])))
    return tuple(sizes)
