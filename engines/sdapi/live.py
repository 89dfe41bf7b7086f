"""What an sdapi server reports while it draws, and whether that is about our drawing.

Three kinds of servers, determined by asking once:

- ``task`` (A1111, Forge): ``POST /internal/progress {id_task}`` reports one task.
- ``global`` (SD.Next; A1111 without its web page): ``GET /sdapi/v1/progress`` reports whatever runs.
  Believed only if its ``current_task`` is ours, or the operator sets ``exclusive = true``.
- ``blind`` (sd-server): neither. A drawing ends when its response arrives.

Requests that are the same for all drawings are made once per ``SHARED_S``, however many wait: only the
one drawing that a server works on costs a request of its own.

Source: ``modules/progress.py`` and ``modules/api`` of A1111, Forge and SD.Next.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from engines.remote.cells import from_base64
from engines.remote.session import Answer, Answered, Remote
from engines.sdapi.answer import judge
from limner.errors import BadResult, EngineError, Refused

Kind = Literal["task", "global", "blind"]

#: these servers are nearby, and a health check has three seconds
CONNECT_S = 1.5
LOOK_S = 1.4
_NO_SUCH_ROUTE = (404, 405)
SHARED_S = 0.3

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DrawingLook:
    """One poll of a drawing. ``state`` is ``unseen`` if the server does not report ours."""

    state: Literal["unseen", "queued", "drawing", "over"] = "unseen"
    fraction: float = 0.0
    position: int = 1
    preview: bytes | None = None
    #: the preview's id, so that it is not sent twice
    preview_id: int = -1


class _Shared(Generic[T]):
    """The response to one request, shared by all who ask within ``SHARED_S``."""

    def __init__(self, ask: Callable[[], T]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._asked_s = float("-inf")
        self._answer: T | None = None
        self._error: EngineError | None = None

    def get(self) -> T:
        with self._lock:
            if time.monotonic() - self._asked_s > SHARED_S:
                self._answer = self._error = None
                try:
                    self._answer = self._ask()
                except EngineError as error:
                    self._error = error
                self._asked_s = time.monotonic()
            if self._error:
                raise self._error
            return self._answer  # type: ignore[return-value]


class SdapiServer:
    """One sdapi server."""

    def __init__(
        self,
        url: str,
        *,
        auth: tuple[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        exclusive: bool = False,
    ) -> None:
        self.remote = Remote(
            url, auth=auth, headers=headers, connect_s=CONNECT_S, read_s=10.0, judge=judge
        )
        self._exclusive = exclusive
        self._kind: Kind | None = None
        #: checkpoints that the server is known to have
        self._listed: set[str] = set()
        #: whether ``/sdapi/v1/progress`` names its task
        self._names_tasks = False
        self._life = _Shared(self.ask)
        self._pending = _Shared(self._ask_pending)

    def kind(self) -> Kind:
        """Return the server's kind; asks on first use."""
        if self._kind is None:
            self._kind = self._find_out()
        return self._kind

    def forget(self) -> None:
        """Ask again next time: after a failure it may be another server."""
        self._kind = None

    def takes_task_ids(self) -> bool:
        """Return whether the server accepts task ids of ours."""
        return self.kind() == "task" or self._names_tasks

    def tells(self) -> bool:
        """Return whether the server reports progress and previews of our drawings."""
        return self.takes_task_ids() or (self.kind() == "global" and self._exclusive)

    def ask(self) -> None:
        """Check that the server is alive.

        Raises:
            EngineError: it is not.
        """
        if self._progress(skip_picture=True) is None:
            self.remote.get_json("/sdapi/v1/sd-models", read_s=LOOK_S)

    def missing(self, wanted: Iterable[str]) -> str | None:
        """Return a checkpoint that the server does not list; asks until none was missing.

        Raises:
            EngineError: the server does not respond.
        """
        left = set(wanted) - self._listed
        if not left:
            return None
        told = self.remote.get_json("/sdapi/v1/sd-models", read_s=LOOK_S)
        models = [m for m in told if isinstance(m, dict)] if isinstance(told, list) else []
        # As these servers do it: any part of a title matches.
        names = [
            str(m.get(k) or "").lower() for m in models for k in ("title", "model_name", "hash")
        ]
        if not names:
            return None
        self._listed |= {name for name in left if any(name.lower() in one for one in names)}
        return min(left - self._listed, default=None)

    def look(self, task: str, preview_id: int) -> DrawingLook:
        """Poll this task's drawing.

        Raises:
            EngineError: the server does not respond.
        """
        kind = self.kind()
        if kind == "task":
            pending = self._pending.get()
            if task in pending:
                return DrawingLook(
                    "queued", position=pending.index(task) + 1, preview_id=preview_id
                )
            return self._look_at_task(task, preview_id)
        if not self.tells():
            self._life.get()
            return DrawingLook()
        told = self._progress(skip_picture=False)
        if told is None or not self._is_ours(told, task):
            return DrawingLook()
        preview = _preview(told.get("current_image"))
        named = hash(preview) if preview else -1
        fresh = preview if named != preview_id else None
        return DrawingLook(
            "drawing", _fraction(told.get("progress")), preview=fresh, preview_id=named
        )

    def was_interrupted(self) -> bool:
        """Return whether somebody interrupted what ran last; False if that is unknown.

        The response to an interrupted drawing is 200 with half-made pictures.
        """
        if self.kind() == "blind":
            return False
        try:
            told = self._progress(skip_picture=True) or {}
        except EngineError:
            return False
        state = told.get("state")
        return isinstance(state, dict) and state.get("interrupted") is True

    def interrupt(self, task: str) -> bool:
        """Stop this task's drawing if it runs now; False if it does not, or that is unknown.

        The request stops *whatever* runs, so it is sent only if that is ours.
        """
        kind = self.kind()
        if kind == "blind":
            return False
        if kind == "task":
            running = self._look_at_task(task, -1).state == "drawing"
        else:
            told = self._progress(skip_picture=True)
            running = told is not None and self._is_ours(told, task)
        if running:
            self.remote.request("POST", "/sdapi/v1/interrupt", json={})
        return running

    def _find_out(self) -> Kind:
        told = self._progress(skip_picture=True)
        self._names_tasks = told is not None and "current_task" in told
        try:
            body = {"id_task": "limner", "id_live_preview": -1}
            answer = self._post_quickly("/internal/progress", body).table()
            # SD.Next has this route as well, for its own page; but its API names no tasks.
            if "active" in answer and "debug" not in answer:
                return "task"
        except (Answered, Refused):
            # The second status comes from a proxy that blocks this path although our password is right.
            pass
        return "blind" if told is None else "global"

    def _look_at_task(self, task: str, preview_id: int) -> DrawingLook:
        body = {"id_task": task, "id_live_preview": preview_id}
        told = self._post_quickly("/internal/progress", body).table()
        if told.get("active"):
            named = told.get("id_live_preview")
            return DrawingLook(
                "drawing",
                _fraction(told.get("progress")),
                preview=_preview(told.get("live_preview")),
                preview_id=named if isinstance(named, int) else preview_id,
            )
        if told.get("queued"):
            return DrawingLook("queued", preview_id=preview_id)
        return DrawingLook("over" if told.get("completed") else "unseen", preview_id=preview_id)

    def _ask_pending(self) -> list[str]:
        """Return the waiting tasks, the next one first; empty if the server does not list them."""
        try:
            told = self.remote.request("GET", "/internal/pending-tasks", read_s=LOOK_S).table()
        except Answered:
            return []
        tasks = told.get("tasks")
        return [str(task) for task in tasks] if isinstance(tasks, list) else []

    def _progress(self, *, skip_picture: bool) -> dict[str, Any] | None:
        """Return the server's report on its running job; None if it has no such route."""
        params = {"skip_current_image": "true" if skip_picture else "false"}
        try:
            return self.remote.request(
                "GET", "/sdapi/v1/progress", params=params, read_s=LOOK_S
            ).table()
        except Answered as error:
            if error.answer.status in _NO_SUCH_ROUTE:
                return None
            raise

    def _post_quickly(self, path: str, body: Any) -> Answer:
        return self.remote.request("POST", path, json=body, read_s=LOOK_S)

    def _is_ours(self, told: Mapping[str, Any], task: str) -> bool:
        if "current_task" in told:
            return bool(told["current_task"] == task)
        state = told.get("state")
        idle = isinstance(state, dict) and not state.get("job_count", 1)
        return self._exclusive and not idle


def _fraction(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    # Comparisons with NaN are false.
    return float(min(value, 1.0)) if value >= 0 else 0.0


def _preview(text: Any) -> bytes | None:
    if not text:
        return None
    try:
        return from_base64(text)
    except BadResult:
        return None
