"""The cog engine: a prediction is one request that is held, while another one looks at it.

The pictures exist only in that request's response, and hanging up cancels it. So ``submit`` merely names
the predictions, ``watch`` begins them in a thread of its own, stopping means hanging up, and a drawing
whose worker died is drawn again. As its predictions have the same names then, none is ever drawn twice at
a time: what a former watch still holds is cancelled first.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

from engines.cog.abilities import capabilities, otherwise
from engines.cog.answer import fraction, pictures, seconds_of, shown, wrong_input
from engines.cog.manner import CogManner
from engines.cog.model import CogModel
from engines.cog.server import CogServer, is_running
from engines.cog.wanted import Prediction, wanted
from engines.remote.cells import cell, looks_whole
from engines.remote.levels import notes
from engines.remote.post import Post
from engines.remote.session import Answer, Answered, NoAnswer
from limner.engine import (
    Brief,
    Capabilities,
    Event,
    Finished,
    Handle,
    Health,
    Preview,
    Progress,
    Stop,
)
from limner.errors import EngineBusy, EngineDown, EngineError, JobLost, Refused
from limner.pictures.decoding import size_of

#: the progress reached when a drawing's last picture arrives
DRAWN = 0.97
#: how often an unchanged state is reported again
ALIVE_S = 5.0
#: a second question within a health check's 3 s
HEALTH_SPARE_S = 0.4
CELLS = 4
WRONG_INPUT = 422


class Cog:
    """One cog container."""

    def __init__(
        self, name: str, server: CogServer, manner: CogManner, *, poll_s: float, silent_s: float
    ) -> None:
        self._name = name
        self._server, self._manner = server, manner
        self._poll_s, self._silent_s = poll_s, silent_s

    def capabilities(self) -> Capabilities:
        """Return what the model can do; while it cannot be asked, the minimum."""
        try:
            model = self._model()
        except EngineError:
            model = CogModel()
        return capabilities(model, self._manner)

    def health(self) -> Health:
        """Check that the model is set up, and that it has the inputs that the options name."""
        began_s = time.monotonic()
        try:
            busy = self._server.ask()
            # A slow answer leaves no time for a second question.
            if time.monotonic() - began_s < HEALTH_SPARE_S:
                self._server.model(self._manner, again=True)
        except Refused as error:
            return Health("down", f"{error.kind}: {error.message}")
        except EngineError as error:
            self._server.forget()
            return Health("down", error.message)
        return Health("ok", "all of its slots are in use" if busy else "")

    def submit(self, brief: Brief) -> Handle:
        """Name the predictions; only check that the model is there."""
        self._server.ask()
        self._model()
        return {"engine": self._name, "prediction": f"limner-{brief.job_id}-{brief.attempt}"}

    def watch(self, handle: Handle, brief: Brief, stop: Stop) -> Iterator[Event]:
        """Draw, in one prediction or several, one after the other."""
        reached = 0.0
        for step in self._draw(handle, brief, stop):
            if isinstance(step, Progress):
                reached = max(reached, step.fraction)
                step = Progress(reached)
            yield step

    def _draw(self, handle: Handle, brief: Brief, stop: Stop) -> Iterator[Event]:
        model = self._model()
        predictions = wanted(brief, model, self._manner)
        shows = capabilities(model, self._manner).previews
        drawn: list[bytes] = []
        took_s = 0.0
        for place, one in enumerate(predictions):
            part = _Part(
                f"{handle['prediction']}-{place}",
                one,
                DRAWN * len(drawn) / len(brief.seeds),
                DRAWN * len(one.cells) / len(brief.seeds),
            )
            answer = yield from self._predict(part, model, stop)
            if answer is None:
                return
            took_s += seconds_of(answer.table())
            prompt = str(one.inputs[model.roles["prompt"].name])
            images = pictures(answer, len(one.cells), self._server.remote, prompt)
            drawn += images
            yield Progress(part.done + part.share)
            if shows:
                # Some models show their cells only when all are drawn.
                yield from part.news(images)
        yield self._finished(brief, model, predictions, drawn, took_s)

    def cancel(self, handle: Handle) -> None:
        """Cancel its predictions, of which at most one runs."""
        for place in range(CELLS):
            self._server.cancel(f"{handle['prediction']}-{place}")

    def close(self) -> None:
        """Close the connections."""
        self._server.remote.close()

    def _model(self) -> CogModel:
        return self._server.model(self._manner)

    def _predict(
        self, part: _Part, model: CogModel, stop: Stop
    ) -> Generator[Event, None, Answer | None]:
        """Make a prediction and report its progress; return the response, or None if told to stop."""
        ends_s, ours = time.monotonic() + self._silent_s, False
        while not stop.is_set():
            post = self._server.begin(part.name, part.prediction.inputs)
            try:
                yield from self._wait_for(post, part, model, stop)
            finally:
                post.hang_up()
            if stop.is_set():
                break
            try:
                answer = self._result(post, model)
            except EngineBusy:
                # Before the first cell the job can wait in its lane; after it, cells would be lost. The slot that its
                # former drawing is leaving is its own.
                if not (part.done or ours) or time.monotonic() > ends_s:
                    raise
            else:
                if not is_running(answer):
                    return answer
                # Its output belongs to whoever began it, who has lost this job or does not read.
                self._server.cancel(part.name)
                ours = True
                if time.monotonic() > ends_s:
                    raise EngineBusy(message="the former drawing of this job does not end")
            yield Progress(part.done)
            stop.wait(self._poll_s)
        return None

    def _wait_for(self, post: Post, part: _Part, model: CogModel, stop: Stop) -> Iterator[Event]:
        heard_s, told_s = time.monotonic(), 0.0
        told, reached, logs, grew = -1.0, 0.0, "", False
        while not stop.is_set() and not post.over.wait(self._poll_s):
            try:
                state = self._server.look(part.name, model) or {}
                heard_s = time.monotonic()
            except EngineError as error:
                if time.monotonic() - heard_s > self._silent_s:
                    raise EngineDown(f"silent for {self._silent_s:g} s: {error.message}") from None
                continue
            said = str(state.get("logs") or "")
            reached, grew = max(reached, fraction(said)), grew or said != logs
            logs = said
            # A drawing that has told its progress, and says nothing more, is the worker's to judge.
            lives = grew or not reached
            if reached > told or (lives and time.monotonic() - told_s > ALIVE_S):
                told, told_s, grew = reached, time.monotonic(), False
                yield Progress(part.done + reached * part.share)
            for preview in part.news(shown(state.get("output"))):
                # The stop may have come while the worker processed the news.
                if not stop.is_set():
                    yield preview

    def _result(self, post: Post, model: CogModel) -> Answer:
        if post.answer is not None:
            return post.answer
        error = post.error or JobLost("The engine's answer was lost.")
        if isinstance(error, Answered) and error.answer.status == WRONG_INPUT:
            raise wrong_input(error, model)
        if isinstance(error, NoAnswer):
            # Is the server gone, or just this response?
            self._server.forget()
            self._server.ask()
            raise JobLost("The engine's answer was lost.") from None
        raise error

    def _finished(
        self,
        brief: Brief,
        model: CogModel,
        predictions: Sequence[Prediction],
        drawn: Sequence[bytes],
        took_s: float,
    ) -> Finished:
        can = capabilities(model, self._manner)
        seeds = tuple(one.seed for one in predictions)
        told = model.has("seed") and len(predictions) == len(brief.seeds)
        sizes = {size_of(image) for image in drawn}
        exactly = all(size and size[0] * brief.height == size[1] * brief.width for size in sizes)
        drew = sorted(f"{size[0]}x{size[1]}" for size in sizes if size)
        return Finished(
            tuple(cell(image, brief.width, brief.height) for image in drawn),
            seeds if told else (),
            notes(brief, can, drawn=drew, predict_time=round(took_s, 3)),
            otherwise(
                brief,
                model,
                self._manner,
                as_sized=exactly,
                as_seeded=told and seeds == brief.seeds,
            ),
        )


@dataclass
class _Part:
    """One prediction of a drawing: its name, what was done before it, and its share of the whole."""

    name: str
    prediction: Prediction
    done: float
    share: float
    seen: int = 0

    def news(self, images: Sequence[bytes]) -> Iterator[Preview]:
        """Yield its cells that were not shown yet."""
        cells = self.prediction.cells
        for number, image in list(zip(cells, images, strict=False))[self.seen :]:
            self.seen += 1
            if looks_whole(image):
                yield Preview(number, image)
