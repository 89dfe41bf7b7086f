"""Gemini as a host: one request a picture, whose answer is the picture.

Source: Google's reference of ``generateContent``. The models know ratios, pictures and words; everything else is
asked for in words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engines.gemini.answer import pictures_of
from engines.hosted.account import Account
from engines.hosted.host import HostedCall, HostedLook, HostedPlan
from engines.remote.listed import listed
from engines.remote.sizing import nearest_word
from engines.remote.wording import SharedWords, worded
from limner.engine import Brief, Capabilities, Level
from limner.errors import Rejected
from net.cut import Cut

#: seeds are signed there
SEED_MOST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class GeminiManner:
    """The operator's options for this account."""

    model: str
    ratios: tuple[str, ...]
    #: 1K, 2K, 4K; None: the model's own
    image_size: str | None = None
    #: how many pictures a request may start from
    pictures_most: int = 3
    suffix: str = ""
    #: a request is given up after this long without a byte
    answer_s: float = 300.0


class GeminiHost:
    """One account at Google's Gemini API, with one usual model."""

    def __init__(self, account: Account, manner: GeminiManner) -> None:
        self._account, self._manner = account, manner

    def capabilities(self) -> Capabilities:
        """Return what these models can do: all of it by words and pictures."""
        several: Level = "near" if self._manner.pictures_most > 1 else "none"
        return Capabilities(
            ar="near",
            chaos="near",
            stylize="near",
            style="near",
            niji="near",
            tile="none",
            references="near",
            iw="none",
            negative="near",
            # Sent, and heeded as well as the model can.
            seed="near",
            size="near",
            count="exact",
            weird="near",
            style_references="near",
            object_references="near",
            vary="near",
            # A mask is a picture more.
            edit=several,
            blend=several,
            previews=True,
            charged=True,
        )

    def ask(self) -> None:
        """Get the model."""
        self._account.ask(f"/models/{self._manner.model}")

    def plan(self, brief: Brief) -> HostedPlan:
        """Return a request for each cell."""
        manner = self._manner
        if brief.operation not in ("draw", "edit", "blend"):
            raise Rejected("parameter", "The engine's model cannot do that.")
        ratio = nearest_word((brief.width, brief.height), manner.ratios) or "1:1"
        across, down = (int(part) for part in ratio.split(":"))
        given = listed(brief, manner.pictures_most, (across, down))
        pictures = [_inline(url) for url in given.urls]
        image: dict[str, Any] = {"aspectRatio": ratio}
        if manner.image_size:
            image["imageSize"] = manner.image_size
        seeds = tuple(seed & SEED_MOST for seed in brief.seeds)
        wording = SharedWords(manner.suffix, given.words)
        path = f"/models/{brief.model or manner.model}:generateContent"
        calls = []
        for cell, seed in enumerate(seeds):
            parts = [{"text": worded(brief, cell, wording)}, *pictures]
            body = {
                "contents": [{"role": "user", "parts": parts}],
                "generationConfig": {
                    "responseModalities": ["IMAGE"],
                    "imageConfig": image,
                    "seed": seed,
                },
            }
            calls.append(HostedCall(path, body))
        return HostedPlan(calls, seeds, given.applied)

    def draw(self, call: HostedCall, cut: Cut) -> HostedLook:
        """Make one request, and return its picture."""
        answer = self._account.draw(call, cut, self._manner.answer_s)
        return HostedLook("done", pictures=pictures_of(answer.table())[: call.pictures])

    def picture(self, where: str) -> bytes:
        """Return a picture; all of them come inside of answers."""
        return self._account.picture(where)

    def close(self) -> None:
        """Close the connections."""
        self._account.close()


def _inline(url: str) -> dict[str, Any]:
    kind, _, data = url.removeprefix("data:").partition(";base64,")
    return {"inlineData": {"mimeType": kind, "data": data}}
