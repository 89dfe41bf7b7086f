"""The ComfyUI engine: submits graphs, watches them by polling, collects their pictures.

Each submission is a prompt with an id that we choose, beginning with the job's mark: any worker finds a
drawing by its handle, a second attempt is never mistaken for the first, and what a dead worker left
behind is recognised and removed.
"""

from __future__ import annotations

import hashlib
import logging
import os
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engines.comfyui import faults, levels
from engines.comfyui.abilities import Abilities
from engines.comfyui.config import ComfyConfig
from engines.comfyui.drawing import Flight
from engines.comfyui.flights import Flights
from engines.comfyui.listener import SocketListener
from engines.comfyui.planner import Planner, is_subtle, seeds_of
from engines.comfyui.server import ComfyServer
from engines.comfyui.storeroom import HEALTH_SHARE_S, Storeroom, words
from engines.comfyui.workflow import ReadyGraph
from engines.remote.cells import cell as cell_of
from engines.remote.session import NoAnswer
from engines.remote.stock import Item
from limner.engine import Brief, Capabilities, Event, Finished, Handle, Health, Stop
from limner.errors import BadResult, EngineError, OutOfMemory, Refused, Rejected
from limner.log import event
from limner.plural import counted

log = logging.getLogger(__name__)

#: seconds between two events of one drawing, and the longest wait before ``stop`` is checked
PACE_S, LOOK_S = 0.1, 1.0
#: fast jobs are numbered from here up by time, ahead of all that the server numbers 0, 1, 2 …: its own
#: ``front`` would reverse their order
FRONT_NUMBER = -1e10
HEALTH_SPARE_S = 0.4
#: how many characters of a prompt's id are derived from its job
JOBS_SHARE = 18


class ComfyUI:
    """One ComfyUI server. Its poller and its socket start with the first drawing."""

    def __init__(self, config: ComfyConfig) -> None:
        self._config = config
        self._server = ComfyServer(config.url, config.headers)
        #: unique per process: two sockets with one id would silence each other
        self._client_id = uuid.uuid4().hex
        self._flights = Flights(self._server, config.poll_s, config.patience_s, self._is_listened)
        self._listener = SocketListener(
            config.url, config.headers, self._client_id, self._flights.hear, self._is_stale
        )
        self._abilities = Abilities(self._server, config)
        self._storeroom = Storeroom(self._server, config)
        self._planner = Planner(self._server, config)

    def capabilities(self) -> Capabilities:
        """Return what this server can do; asks it once."""
        found = self._abilities.ask()
        said: dict[str, Any] = levels.levels(self._config, found, batch=self._config.batch)
        return Capabilities(**said, cancel=True, attach=True, previews=found.previews)

    def health(self) -> Health:
        """Check that the server is alive, and until they are there, for its nodes and files."""
        began_s = time.monotonic()
        try:
            waiting = self._server.waiting()
            # A slow answer leaves no time for a second question.
            in_time = time.monotonic() - began_s < HEALTH_SPARE_S
            lacks = self._storeroom.lacks(within_s=HEALTH_SHARE_S) if in_time else ()
        except EngineError as error:
            self._storeroom.forget()
            return Health("down", error.message)
        if lacks:
            return Health("down", f"the server has no {words(lacks)}")
        return Health("ok", f"{waiting} in its queue")

    def stock(self) -> Sequence[Item]:
        """Return what the family, or the operator's graph, needs of the server."""
        return self._storeroom.items()

    def submit(self, brief: Brief) -> Handle:
        """Queue the brief's graph, after opening the socket."""
        prompt_id = _new_prompt_id(brief.job_id)
        if brief.attempt:
            self._remove_earlier(prompt_id)
        found = self._abilities.ask(surely=brief.operation != "draw")
        batch = self._config.batch and brief.attempt == 0 and not is_subtle(brief)
        loaded = None if is_subtle(brief) else self._storeroom.own() or self._storeroom.stock()
        plan = self._planner.plan(brief, found, loaded, batch=batch)
        self._listener.ready()
        self._flights.expect(Flight(prompt_id, plan.samplers, plan.outputs))
        given = self._queue(plan, prompt_id, brief)
        if given != prompt_id:
            self._flights.expect(Flight(given, plan.samplers, plan.outputs))
        said = levels.levels(self._config, found, batch=self._config.batch)
        applied = levels.turned_out(self._config, found, brief, batch=batch)
        return {
            "engine": self._config.name,
            "prompt_id": given,
            "client_id": self._client_id,
            "samplers": plan.samplers,
            "outputs": plan.outputs,
            "count": len(brief.seeds),
            "seeds": seeds_of(brief, batch=batch),
            "notes": levels.notes(brief, said | applied),
            "applied": applied,
        }

    def watch(self, handle: Handle, brief: Brief, stop: Stop) -> Iterator[Event]:
        """Yield the news from the poller and the socket, then the pictures."""
        drawing = Flight(str(handle["prompt_id"]), handle["samplers"], handle["outputs"])
        drawing.is_ours = handle["client_id"] == self._client_id
        with self._flights.watching(drawing) as drawing:
            while True:
                if stop.is_set():
                    return
                news = drawing.news(LOOK_S)
                yield from news.events
                if news.over:
                    break
                if news.events:
                    stop.wait(PACE_S)
        if news.error:
            raise news.error
        # Releases before this one drew four cells, and wrote neither their number nor what was applied.
        count = handle.get("count", 4)
        pictures = self._found(news.entry or {}, handle["outputs"], count, brief.job_id)
        cells = []
        for picture in pictures:
            if stop.is_set():
                return
            cells.append(cell_of(self._server.view(picture), brief.width, brief.height))
        seeds, applied = tuple(handle["seeds"]), handle.get("applied", {})
        yield Finished(tuple(cells), seeds, handle["notes"], applied)

    def cancel(self, handle: Handle) -> None:
        """Remove the prompt from the queue, or interrupt it if it is the one that runs."""
        self._remove(str(handle["prompt_id"]))

    def close(self) -> None:
        """Stop the socket and the poller."""
        self._listener.close()
        self._flights.close()
        self._server.close()

    # -- submitting ---------------------------------------------------------------------------

    def _remove_earlier(self, prompt_id: str) -> None:
        """Remove what an earlier submission of the job left: it would be drawn for nobody."""
        queue = self._server.queue()
        for other in (*queue.pending, *queue.running):
            if other[:JOBS_SHARE] == prompt_id[:JOBS_SHARE]:
                self._remove(other)

    def _queue(self, plan: ReadyGraph, prompt_id: str, brief: Brief) -> str:
        more: dict[str, Any] = {}
        if brief.fast and self._config.front:
            more["number"] = FRONT_NUMBER + time.time()
        if self._config.previews:
            more["extra_data"] = {"preview_method": "auto"}
        try:
            return self._server.submit(plan.graph, prompt_id, self._client_id, brief.model, **more)
        except Rejected as error:
            if brief.model and error.kind == "parameter":
                # The operator's fault in the end: the caller only named a version.
                event(
                    log,
                    "comfyui.version_refused",
                    level=logging.WARNING,
                    engine=self._config.name,
                    model=brief.model,
                    why=error.message,
                )
            raise
        except Refused:
            # A file that was found may be gone, or have another name.
            self._storeroom.forget()
            raise
        except NoAnswer:
            # It may have arrived all the same: sending the same id again would draw it twice.
            if self._knows(prompt_id):
                return prompt_id
            raise

    def _knows(self, prompt_id: str) -> bool:
        queue = self._server.queue()
        known = prompt_id in queue.running or prompt_id in queue.pending
        return known or self._server.history(prompt_id) is not None

    def _remove(self, prompt_id: str) -> None:
        # First remove it from the queue: after that it can only be running, or over.
        self._server.delete(prompt_id)
        if prompt_id in self._server.queue().running:
            self._server.interrupt(prompt_id)

    # -- collecting ---------------------------------------------------------------------------

    def _found(
        self, entry: Mapping[str, Any], outputs: Mapping[str, int | None], count: int, job_id: str
    ) -> list[Mapping[str, Any]]:
        """Return where the pictures are, in the order of the cells.

        Raises:
            EngineError: the drawing failed, or returned too few.
        """
        error = faults.failure(entry)
        if error:
            self._tell_failure(entry, error, job_id)
            raise error
        found: dict[int, Mapping[str, Any]] = {}
        for node_id, cell in outputs.items():
            images = (entry.get("outputs") or {}).get(node_id, {}).get("images") or []
            many = enumerate(images[:count]) if cell is None else ((cell, i) for i in images[:1])
            found.update(many)
        if len(found) != count:
            raise BadResult(f"The engine gave {counted(len(found), 'picture')} instead of {count}.")
        return [found[cell] for cell in range(count)]

    def _tell_failure(self, entry: Mapping[str, Any], error: EngineError, job_id: str) -> None:
        node_type, exception_type = faults.named(entry)
        event(
            log,
            "comfyui.failed",
            level=logging.WARNING,
            engine=self._config.name,
            job=job_id,
            node_type=node_type,
            exception_type=exception_type,
        )
        if isinstance(error, OutOfMemory):
            try:
                self._server.free()
            except EngineError as other:
                event(log, "comfyui.free_failed", engine=self._config.name, why=other.message)

    # -- what the threads ask ------------------------------------------------------------------

    def _is_listened(self, drawing: Flight) -> bool:
        return drawing.is_ours and self._listener.open

    def _is_stale(self, opened_s: float) -> bool:
        """Return whether the socket has been silent about a running drawing for too long."""
        now_s, limit_s = time.monotonic(), self._config.silence_s
        if now_s - opened_s < limit_s:
            return False
        return any(d.is_ours and d.silent_s(now_s) > limit_s for d in self._flights.running())


def _new_prompt_id(job_id: str) -> str:
    """Return a UUID whose first half is derived from the job.

    The rest is new each time: the server runs an id twice if sent twice, and confuses their results.
    """
    of_job = hashlib.sha256(job_id.encode()).digest()[:8]
    return str(uuid.UUID(bytes=of_job + os.urandom(8), version=4))
