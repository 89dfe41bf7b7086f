"""The picture in a response, wherever a host puts it, and what the host says that it cost.

Sources: OpenAI's reference of images; Ark's, whose items may be errors; xAI's client (``respect_moderation``,
``cost_in_usd_ticks``); OpenRouter's (``usage.cost``, in dollars); SiliconFlow's reference (``images``); LiteLLM's
proxy (``x-litellm-response-cost``).
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin

from engines.openai.judge import judge_table
from engines.remote.cells import from_base64
from engines.remote.session import Remote
from engines.remote.spent import fetched
from limner.errors import BadResult, EngineError, Rejected

COST_HEADER = "x-litellm-response-cost"
TICKS_A_DOLLAR = 10**10
#: a number above this is no price of a picture
COST_MAX = 1e6


def picture_of(told: Mapping[str, Any], remote: Remote, prompt: str) -> bytes:
    """Return the picture of a response, or the one at a URL in it, which may expire soon.

    Raises:
        EngineError: there is none; what the response says instead.
    """
    data = told.get("data")
    if not isinstance(data, list):
        data = told.get("images")
    if data == []:
        # How some servers report that moderation refused the picture.
        raise Rejected("moderated", "The picture was refused by moderation.")
    items = [item for item in data if isinstance(item, dict)] if isinstance(data, list) else []
    if items:
        return item_picture(next(filter(_has_picture, items), items[0]), remote, prompt)
    if told.get("error"):
        raise judge_table(told, prompt=prompt) or EngineError("The engine answered with an error.")
    raise BadResult("The engine's answer has no pictures.")


def item_picture(item: Mapping[str, Any], remote: Remote, prompt: str) -> bytes:
    """Return the picture of one item of a response, or of an event in a stream.

    Raises:
        EngineError: it has none.
    """
    if item.get("error"):
        raise judge_table(item, prompt=prompt) or EngineError("The engine failed to draw this.")
    if item.get("respect_moderation") is False:
        raise Rejected("moderated", "The picture was refused by moderation.")
    if item.get("b64_json"):
        return from_base64(item["b64_json"])
    url = item.get("url")
    if not isinstance(url, str) or not url:
        raise BadResult("The engine's answer has no picture.")
    if url.startswith("data:"):
        return from_base64(url)
    return fetched(lambda: remote.download(urljoin(remote.base_url, url)), time.sleep)


def cost_of(told: Mapping[str, Any], headers: Mapping[str, str]) -> float | None:
    """Return what the picture cost, in dollars; None if the host does not say."""
    usage = told.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    ticks = _number(usage.get("cost_in_usd_ticks"))
    if ticks is not None:
        return ticks / TICKS_A_DOLLAR
    told_cost = _number(usage.get("cost"))
    # A proxy says 0 of a model whose price it does not know.
    return told_cost if told_cost is not None else _number(headers.get(COST_HEADER)) or None


def _has_picture(item: Mapping[str, Any]) -> bool:
    return bool(item.get("b64_json") or item.get("url"))


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    # The ticks of a million dollars are more.
    return number if math.isfinite(number) and 0 <= number <= COST_MAX * TICKS_A_DOLLAR else None
