"""The routes of a cog container, and what its refusals mean.

Seen with cog 0.23 (its server is coglet): a prediction lasts as long as the ``PUT`` that began it, and its
output is in that response alone; another ``PUT`` of the same id answers 202 with the state while it runs,
whatever its body holds; a finished one is forgotten at once. There is no GET. All slots in use: 409.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engines.cog.manner import CogManner
from engines.cog.model import CogModel, model_of
from engines.remote.post import Post
from engines.remote.session import DRAWING_MAX_BYTES, Answer, Answered, Remote
from limner.errors import EngineBusy, EngineDown, EngineError, Refused

CONNECT_S, LOOK_S = 1.5, 1.4
BUSY_S = 2.0
_ID_TAKEN, _FULL, _WRONG = 202, 409, 422
_LINE_MAX_CHARACTERS = 200
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


class CogServer:
    """One cog container."""

    def __init__(self, url: str, *, headers: Mapping[str, str] | None = None) -> None:
        self.remote = Remote(url, headers=headers, connect_s=CONNECT_S, read_s=10.0, judge=_judge)
        self._model: CogModel | None = None

    def ask(self) -> bool:
        """Check that the model can draw; return whether all of its slots are in use.

        Raises:
            EngineDown: it does not respond, or not yet.
            Refused: it will not draw before its operator acts.
        """
        told = self.remote.request("GET", "/health-check", read_s=LOOK_S).table()
        match told.get("status"):
            case "READY":
                return False
            case "BUSY":
                return True
            case "STARTING":
                raise EngineDown("the model is still being set up")
            case "SETUP_FAILED":
                raise Refused("setup", f"the model could not be set up{_last_line(told)}")
            case "DEFUNCT":
                raise EngineDown("the model's process has ended")
            case "UNHEALTHY":
                raise EngineDown("the model's own health check fails")
        raise Refused("setup", "its /health-check is not cog's")

    def model(self, manner: CogManner, *, again: bool = False) -> CogModel:
        """Return what the model can be given; asks on first use, and ``again``.

        Raises:
            EngineError: it does not tell, or it does not fit the operator's options.
        """
        if self._model is None or again:
            try:
                document = self.remote.get_json("/openapi.json", read_s=LOOK_S)
            except EngineDown:
                self.ask()
                raise Refused("setup", "it has no schema: was its image built by cog?") from None
            self._model = model_of(document if isinstance(document, dict) else {}, manner)
        return self._model

    def forget(self) -> None:
        """Ask for the model again next time: after a failure it may be another container."""
        self._model = None

    def begin(self, prediction: str, inputs: Mapping[str, Any]) -> Post:
        """Begin a prediction, which lasts until its answer or until somebody hangs up."""
        body: dict[str, object] = {"id": prediction, "input": dict(inputs)}
        return Post(self.remote, _path(prediction), body, DRAWING_MAX_BYTES, method="PUT")

    def look(self, prediction: str, model: CogModel) -> dict[str, Any] | None:
        """Return the state of a running prediction; None: it does not run, or that is not told.

        The request cannot begin one that has just ended: its input is of the wrong type.

        Raises:
            EngineError: the server does not respond.
        """
        body = {"id": prediction, "input": {model.roles["prompt"].name: []}}
        try:
            answer = self.remote.request(
                "PUT", _path(prediction), json=body, read_s=LOOK_S, most_bytes=DRAWING_MAX_BYTES
            )
        except Answered as error:
            if error.answer.status == _WRONG:
                return None
            raise
        return answer.table() if is_running(answer) else None

    def cancel(self, prediction: str) -> None:
        """Stop a prediction if it runs."""
        try:
            self.remote.request("POST", f"{_path(prediction)}/cancel", json={})
        except Answered as error:
            if error.answer.status not in (404, 405):
                raise


def is_running(answer: Answer) -> bool:
    """Return whether a ``PUT`` found its prediction running already."""
    return answer.status == _ID_TAKEN


def _judge(answer: Answer) -> EngineError | None:
    if answer.status == _FULL:
        return EngineBusy(BUSY_S, "all of its slots are in use")
    if answer.status == 503:
        return EngineDown("the model is still being set up")
    return None


def _path(prediction: str) -> str:
    return f"/predictions/{prediction}"


def _last_line(told: Mapping[str, Any]) -> str:
    """Return the last line that the model's setup printed; it knows no caller yet."""
    setup = told.get("setup")
    logs = setup.get("logs") if isinstance(setup, dict) else None
    lines = [line.strip() for line in str(logs or "").splitlines() if line.strip()]
    shown = _CONTROL.sub(" ", lines[-1])[:_LINE_MAX_CHARACTERS] if lines else ""
    return f": {shown}" if shown else ""
