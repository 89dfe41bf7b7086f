"""The openai engine: one request per picture, because responses do not say which is which.

These servers give no job id. So ``submit`` sends nothing that costs money, ``watch`` makes the
requests, stopping means hanging up, and a response that is lost may have been paid for:
``JobLost(charged=True)``. A request that was turned away (busy, or briefly down) is retried for its
cell alone, so that the other cells' pictures are not paid for twice.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from engines.openai.describing import description_of, prompts_of
from engines.openai.manner import OpenAIManner
from engines.openai.request import Done, News, Part, Partial, RequestUnderWay
from engines.openai.sizes import drawn_size
from engines.openai.starting import left_out
from engines.openai.wanted import wanted
from engines.remote.cells import cell as cell_of
from engines.remote.cells import looks_whole
from engines.remote.health import health_of
from engines.remote.levels import notes
from engines.remote.session import Answered, Remote
from engines.remote.spent import Turns, tell_cost
from limner.engine import (
    Brief,
    Capabilities,
    Event,
    Finished,
    Handle,
    Health,
    Level,
    Preview,
    Progress,
    Stop,
)
from limner.errors import EngineError, Refused, Rejected
from limner.pictures.decoding import size_of

#: how soon a stop is noticed, and how often a drawing without progress reports that it is alive
LOOK_S, ALIVE_S = 0.5, 5.0
HANG_UP_S = 1.0
SD_SERVER = "sd-cpp-local"


class OpenAI:
    """One server, or account, with OpenAI's image routes."""

    def __init__(
        self, name: str, remote: Remote, probe: Remote, manner: OpenAIManner, *, seeds: str
    ) -> None:
        self._name = name
        self._remote, self._probe = remote, probe
        self._manner = manner
        #: how the server takes seeds; "auto" until it was asked
        self._seeds = seeds
        #: whether it has drawn: then its list of models need not be complete
        self._proved = False

    def capabilities(self) -> Capabilities:
        """Return what the server can do, as far as options and responses tell."""
        manner = self._manner
        told: Level = "exact" if self._seeds in ("field", "sd-server") else "none"
        field_apart = manner.negative_field or self._seeds == "sd-server"
        apart: Level = "exact" if field_apart else "near"
        fits: Level = "exact" if self._draws_any_size() else "near"
        edits: Level = "near" if manner.edits else "none"
        several: Level = "near" if manner.edits and manner.pictures_most > 1 else "none"
        quality: Level = "near" if manner.qualities else "none"
        return Capabilities(
            ar=fits,
            chaos="near",
            stylize="near",
            style="near",
            niji="near",
            tile="none",
            references=edits,
            iw="near" if manner.edits and manner.input_fidelity else "none",
            negative=apart,
            seed=told,
            size=fits,
            count="exact",
            quality=quality,
            weird="near",
            draft=quality,
            style_references=edits,
            object_references=edits,
            vary=edits,
            # A mask that has no place of its own is a picture more.
            edit=edits if manner.masks else several,
            blend=several,
            describe="exact" if manner.vision_model else "none",
            previews=True,
            charged=True,
        )

    def health(self) -> Health:
        """Get the list of models, and check that ours is on it."""
        return health_of(self._check)

    def submit(self, brief: Brief) -> Handle:
        """Check that the server is there; nothing is started before the drawing is watched."""
        self._ask()
        return {"engine": self._name, "job": brief.job_id, "attempt": brief.attempt}

    def watch(self, handle: Handle, brief: Brief, stop: Stop) -> Iterator[Event]:
        """Request the cells, at most ``at_once`` at a time; of ``describe``, the prompts."""
        parts = self._parts(brief)
        work = _Work(self._remote, parts, self._manner)
        reached, told_s = 0.0, time.monotonic()
        try:
            while len(work.done) < len(parts):
                if stop.is_set():
                    return
                news = work.next_news()
                if news and looks_whole(news.image):
                    yield Preview(news.cell, news.image)
                # A picture may take minutes without a byte: report to the worker that we are still waiting.
                # How long that may go on is our decision: ``silent_s``.
                if news or time.monotonic() - told_s > ALIVE_S:
                    told_s = time.monotonic()
                    reached = max(reached, work.fraction())
                    yield Progress(reached)
            finished = self._finished(brief, work)
        except EngineError as error:
            tell_cost(error, work.cost(), drawn=bool(work.done))
            raise
        finally:
            work.hang_up()
        self._proved = self._proved or brief.operation != "describe"
        yield finished

    def cancel(self, handle: Handle) -> None:
        """Nothing to do: the watch has hung up, and these servers know no other way."""

    def close(self) -> None:
        """Close the connections."""
        self._remote.close()
        self._probe.close()

    def _parts(self, brief: Brief) -> Sequence[Part]:
        if brief.operation != "describe":
            return wanted(brief, self._manner, self._seeds)
        if self._manner.vision_model is None:
            raise Rejected("parameter", "The engine cannot describe pictures.")
        return [description_of(brief.references[0], self._manner.vision_model)]

    def _draws_any_size(self) -> bool:
        return not self._manner.sizes and self._manner.size_as != "none"

    def _finished(self, brief: Brief, work: _Work) -> Finished:
        if brief.operation == "describe":
            return Finished((), prompts=prompts_of(work.done[0].words), cost=work.cost())
        images = [work.done[cell].image for cell in range(len(work.parts))]
        size = brief.width, brief.height
        # What it drew: it may know ratios only, or do as it likes.
        width, height = size_of(images[0]) or drawn_size(brief, self._manner)
        said = notes(brief, self.capabilities(), drawn_size=f"{width}x{height}")
        seeds = brief.seeds if self.capabilities().seed == "exact" else ()
        cut = self._draws_any_size() and not all(_is_of_this_ratio(one, size) for one in images)
        applied = left_out(brief, self._manner)
        if cut:
            applied |= {"ar": "near", "size": "near"}
        cells = tuple(cell_of(image, *size) for image in images)
        return Finished(cells, seeds, said, applied, cost=work.cost())

    def _check(self) -> None:
        """Check that the server is alive and has our model.

        Raises:
            EngineError: it is not, or it refuses our key, or does not list our model.
        """
        listed = self._ask()
        # sd-server has one model, and uses it whatever the request names.
        unlisted = not self._manner.listed or self._proved
        if not listed or SD_SERVER in listed or unlisted:
            return
        model = self._manner.model
        if not any(_is_listed(model, one) for one in listed):
            raise Refused("setup", f"its list of models has no {model!r}")

    def _ask(self) -> list[str]:
        """Get the list of models; empty if the server has no such list.

        Raises:
            EngineError: it is not alive, or it refuses our key.
        """
        try:
            models = self._probe.request("GET", self._manner.models_path).table().get("data")
        except Answered:
            # Not every server lists its models; this one is alive.
            models = None
        listed = (
            [m.get("id") for m in models if isinstance(m, dict)] if isinstance(models, list) else []
        )
        ids = [str(one) for one in listed if one]
        if self._seeds == "auto":
            self._seeds = "sd-server" if SD_SERVER in ids else "none"
        return ids


def _is_of_this_ratio(image: bytes, size: tuple[int, int]) -> bool:
    """Return whether nothing of a picture is cut off to make it a cell of this size."""
    width, height = size_of(image) or (0, 1)
    return width * size[1] == height * size[0]


def _is_listed(model: str, listed: str) -> bool:
    """Return whether an entry of a list of models means ours: "models/x" for x, and a proxy's "openai/*"."""
    return listed == model or listed.endswith(f"/{model}") or fnmatchcase(model, listed)


@dataclass
class _Work:
    """The requests of one drawing: which wait, which run, and their results."""

    remote: Remote
    parts: Sequence[Part]
    manner: OpenAIManner
    done: dict[int, Done] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._news: queue.SimpleQueue[News] = queue.SimpleQueue()
        self._turns = Turns(len(self.parts), self.manner.at_once)
        self._running: dict[int, RequestUnderWay] = {}
        self._partials = dict.fromkeys(range(len(self.parts)), 0)

    def next_news(self) -> Partial | Done | None:
        """Start what may start, and return what happens next; None if nothing does for a while.

        Raises:
            EngineError: a cell cannot be drawn.
        """
        for cell in self._turns.due(len(self._running)):
            self._start(cell)
        try:
            news = self._news.get(timeout=LOOK_S)
        except queue.Empty:
            return None
        if isinstance(news, Partial):
            self._partials[news.cell] = news.number
            return news
        self._running.pop(news.cell)
        if isinstance(news, Done):
            self.done[news.cell] = news
            self._turns.ended(drawn=True, under_way=self.under_way)
            return news
        self._turns.failed(news.cell, news.error, drawn=bool(self.done), under_way=self.under_way)
        return None

    def fraction(self) -> float:
        """Return the fraction done: each cell counts its partial pictures and the final one."""
        partials = self.manner.partial_images
        share = {cell: min(n, partials) / (partials + 1) for cell, n in self._partials.items()}
        return sum(1.0 if cell in self.done else share[cell] for cell in share) / len(share)

    def cost(self) -> float | None:
        """Return what the cells cost that are done, as far as the host says."""
        told = [done.cost for done in self.done.values() if done.cost is not None]
        return sum(told) * self.manner.dollar_price if told else None

    @property
    def under_way(self) -> bool:
        """Whether a cell's request runs: it may have been paid for."""
        return bool(self._running)

    def hang_up(self) -> None:
        """Close every connection that is still open."""
        for request in self._running.values():
            request.hang_up()
        for request in self._running.values():
            request.join(HANG_UP_S / len(self._running))

    def _start(self, cell: int) -> None:
        self._running[cell] = RequestUnderWay(
            self.remote, cell, self.parts[cell], self.manner.silent_s, self._news
        )
