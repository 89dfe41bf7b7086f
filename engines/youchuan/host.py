"""Youchuan as a host: one job draws four pictures; its follow-ups are calls that name the job and the picture.

Source: Youchuan's list of routes. It has no queue, no progress, no way to cancel that could be read, and takes
pictures by their URLs only; what it is sent cannot be looked up afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engines.hosted.account import Account, id_in
from engines.hosted.engine import HostedEngine
from engines.hosted.host import HostedCall, HostedLook, HostedPlan, Ticket
from engines.hosted.setup import HostedManner
from engines.remote.session import Answered
from engines.youchuan.areas import areas_of
from engines.youchuan.job import failure, look_of
from engines.youchuan.text import (
    TEXT_MAX,
    digest,
    is_8,
    lost_in_8,
    seed_in,
    text_of,
    versioned,
)
from limner.engine import Brief, Capabilities, Handle, Level, Parent
from limner.errors import BadResult, Refused, Rejected
from limner.followup import STRONG_STRENGTH

TOB = "/v1/tob"
PICTURES = 4
#: how much larger a canvas its outpaint and its pan make
_OUTPAINT, _PAN = (1.1, 2.0), (1.1, 3.0)
_DOWN, _RIGHT, _UP, _LEFT = range(4)
#: canvases are rounded up to steps: a side that is less than this times as long was not made longer
_HARDLY = 1.2
_UPSCALES = {"subtle": 0, "creative": 1}


@dataclass(frozen=True, slots=True)
class YouchuanManner:
    """The operator's options for this account."""

    name: str
    #: the version of Midjourney for jobs that ask for none; empty: the host's own
    version: str = ""
    #: whether jobs of the relaxed lane are sent as such
    relax: bool = False
    send_seed: bool = False
    suffix: str = ""


class YouchuanHost:
    """One account at Youchuan."""

    def __init__(self, account: Account, manner: YouchuanManner) -> None:
        self._account, self._manner = account, manner

    def capabilities(self) -> Capabilities:
        """Return what Midjourney has flags for, and the host has calls for."""
        takes_all: Level = "none" if is_8(f"--v {self._manner.version}") else "near"
        return Capabilities(
            tile="none" if takes_all == "none" else "exact",
            # By their URLs only, which a job's pictures do not have.
            references="none",
            iw="none",
            # One seed for all four cells.
            seed="near",
            size="near",
            count="near",
            quality="near",
            weird=takes_all,
            draft=takes_all,
            style_references="near",
            object_references="near",
            vary="near",
            upscale_subtle=takes_all,
            upscale_creative=takes_all,
            edit=takes_all,
            attach=True,
            charged=True,
        )

    def ask(self) -> None:
        """Get what the account has subscribed to."""
        self._account.ask(f"{TOB}/subscribe")

    def plan(self, brief: Brief) -> HostedPlan:
        """Return the one call that draws a brief.

        Raises:
            Rejected: it starts from a picture that the host does not have.
        """
        match brief.operation:
            case "blend" | "describe":
                raise Rejected("parameter", "The engine's model cannot do that.")
            case "upscale" | "edit":
                return HostedPlan([self._change(brief)])
        parent = brief.parent
        if parent and parent.cell is not None:
            return HostedPlan([self._variation(brief, parent)], applied=_lost(brief))
        if parent and self._is_ours(parent) and not self._says_more(brief, parent):
            return HostedPlan([self._call("reroll", {"jobId": _job_of(parent)})])
        text = self._text(brief)
        seed = seed_in(text)
        lost = lost_in_8(brief) if is_8(text) else {}
        return HostedPlan(
            [self._call("diffusion", {"text": text})],
            () if seed is None else (seed,) * PICTURES,
            {**_lost(brief), **lost},
        )

    def submit(self, call: HostedCall) -> Ticket:
        """Send it; a job that is refused at once was not started."""
        try:
            told = self._account.submit(call)
        except Answered as error:
            if error.answer.status == 404 and "jobId" in call.body:
                raise Rejected(
                    "reference", "The engine has forgotten the picture to go on from."
                ) from None
            if error.answer.status in (404, 405):
                raise Refused("setup", "there is no such route: is base_url right?") from None
            raise
        if look_of(told).state == "failed":
            raise failure(str(told.get("comment") or ""))
        return {"id": id_in(told)}

    def find(self, call: HostedCall) -> Ticket | None:
        """Return nothing: the host does not list what it was sent."""
        return None

    def look(self, ticket: Ticket, read_s: float) -> HostedLook:
        """Get the job."""
        answer = self._account.look(f"{TOB}/job/{ticket['id']}", read_s)
        if answer is None:
            return HostedLook("gone")
        told = answer.json()
        if not isinstance(told, dict):
            raise BadResult("The engine's answer is no job.")
        return look_of(told)

    def cancel(self, ticket: Ticket) -> None:
        """Nothing: no way to cancel is known."""

    def picture(self, where: str) -> bytes:
        """Fetch a picture; they are kept for 30 days."""
        return self._account.picture(where)

    def close(self) -> None:
        """Close the connections."""
        self._account.close()

    def words(self, brief: Brief) -> str:
        """Return what tells the words of a brief from others."""
        return digest(versioned(brief, self._manner.version))

    # -- calls -----------------------------------------------------------------------------------

    def _call(self, name: str, body: Mapping[str, Any], pictures: int = PICTURES) -> HostedCall:
        return HostedCall(f"{TOB}/{name}", dict(body), pictures)

    def _text(self, brief: Brief) -> str:
        manner = self._manner
        text = text_of(
            brief,
            version=manner.version,
            relax=manner.relax and not brief.fast,
            seed=brief.seeds[0] if manner.send_seed else None,
            suffix=manner.suffix,
        )
        if len(text) > TEXT_MAX:
            raise Rejected("parameter", f"The engine takes at most {TEXT_MAX} characters.")
        return text

    def _variation(self, brief: Brief, parent: Parent) -> HostedCall:
        body = self._of_parent(parent)
        body["type"] = 1 if parent.strength >= STRONG_STRENGTH else 0
        if self._says_more(brief, parent):
            body["remixPrompt"] = self._text(brief)
        return self._call("variation", body)

    def _change(self, brief: Brief) -> HostedCall:
        body = self._of_parent(brief.parent or Parent())
        if brief.upscale:
            return self._call("upscale", {**body, "type": _UPSCALES[brief.upscale]}, 1)
        if brief.edit is None:
            raise Rejected("parameter", "The engine's model cannot do that to this picture.")
        if brief.prompt and brief.parent and self._says_more(brief, brief.parent):
            body["remixPrompt"] = self._text(brief)
        if brief.edit.kept is None:
            return self._call("inpaint", {**body, "mask": {"areas": areas_of(brief.edit.mask)}})
        left, top, right, bottom = brief.edit.kept
        across, down = brief.width / (right - left), brief.height / (bottom - top)
        if min(across, down) > _HARDLY:
            return self._call("outpaint", {**body, "scale": _within(across, _OUTPAINT)})
        if across > down:
            direction, scale = (_LEFT if left > 0 else _RIGHT), across
        else:
            direction, scale = (_UP if top > 0 else _DOWN), down
        return self._call("pan", {**body, "direction": direction, "scale": _within(scale, _PAN)})

    def _of_parent(self, parent: Parent) -> dict[str, Any]:
        """Return how the host names a picture.

        Raises:
            Rejected: it is not one of the host's own.
        """
        if not self._is_ours(parent):
            raise Rejected("reference", "The engine can go on from drawings of its own only.")
        return {"jobId": _job_of(parent), "imageNo": parent.cell or 0}

    def _is_ours(self, parent: Parent) -> bool:
        return parent.engine == self._manner.name and bool(_job_of(parent))

    def _says_more(self, brief: Brief, parent: Parent) -> bool:
        """Return whether a follow-up has words of its own."""
        return bool(brief.prompt) and (parent.handle or {}).get("words") != self.words(brief)


class YouchuanEngine(HostedEngine):
    """The engine over it, whose handles tell follow-ups whether the words are new."""

    def __init__(self, host: YouchuanHost, manner: HostedManner) -> None:
        super().__init__(host, manner)
        self._words = host.words

    def submit(self, brief: Brief) -> Handle:
        """Send a drawing, and return how to find it."""
        return {**super().submit(brief), "words": self._words(brief)}


def _job_of(parent: Parent) -> str:
    tickets = (parent.handle or {}).get("tickets")
    first = tickets[0] if isinstance(tickets, list | tuple) and tickets else {}
    return str(first.get("id") or "") if isinstance(first, Mapping) else ""


def _lost(brief: Brief) -> dict[str, Level]:
    """Return the levels of pictures that are not sent: only those with a URL are, in the text."""
    given = {
        "style_references": (brief.style_references, "--sref"),
        "object_references": (brief.object_references, "--oref"),
    }
    return {
        name: "none"
        for name, (pictures, flag) in given.items()
        if pictures and flag not in brief.final_prompt
    }


def _within(scale: float, limits: tuple[float, float]) -> float:
    return round(min(max(scale, limits[0]), limits[1]), 2)
