"""The routes of a midjourney-proxy: submit, follow up, blend, describe, poll, cancel, fetch a picture.

Source: the controllers of novicezk/midjourney-proxy 2.6 (``/mj/submit/imagine``, ``/submit/change``)
and of trueai-org/midjourney-proxy 11 (``/submit/action``, ``/submit/modal``, ``/task/{id}/cancel``,
``/mj-fast/mj``, ``/mj-relax/mj``); both have ``/submit/blend`` and ``/submit/describe``. The response to a submission is HTTP 200 even if it refuses; its
``code`` says which: 1 accepted, 22 accepted and waiting, 21 exists, 23 full, 24 banned word, 3 no
account, 4 invalid, 9 failure.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engines.mjproxy.buttons import change_of, is_strong, pick_of, says_the_same, variation_of
from engines.mjproxy.task import REASON_MAX, Task, failure, refusal, task_of
from engines.remote.session import Answered, NoAnswer, Remote
from limner.engine import Brief, Handle, Parent
from limner.errors import BadResult, EngineBusy, JobLost, Refused, Rejected
from net.cut import Cut

_ACCEPTED, _WAITING, _EXISTS = 1, 22, 21
_LIST = "/mj/task/list-by-condition"
_NO_SUCH_ROUTE = (404, 405)
ID_MAX = 200
_PREFIXES = {True: "/mj-fast/mj", False: "/mj-relax/mj"}
_MODES = {True: "FAST", False: "RELAX"}
#: a preview must not delay a stop
PREVIEW_S, PICTURE_S = 1.4, 10.0
#: how long a submission waits for a cell to be picked, how often it looks, and when to try again
PICKS_S, PICK_LOOK_S, PICK_AGAIN_S = 6.0, 0.3, 2.0
#: a blend's shapes: wider than this · its name
_DIMENSIONS = ((1.2, "LANDSCAPE"), (1 / 1.2, "SQUARE"), (0, "PORTRAIT"))
_SEED = re.compile(r"(?<!\S)--seed\s+(\d{1,10})(?!\S)")
_VERSION = re.compile(r"(?<!\S)(--v(?:ersion)?)\s+\S+")
_NIJI = re.compile(r"(?<!\S)(--niji)\s+\S+")


class Upstream:
    """One server."""

    def __init__(
        self,
        remote: Remote,
        probe: Remote,
        *,
        speed: str,
        submit_s: float,
        niji_bot: bool,
        send_seed: bool,
    ) -> None:
        self._remote, self._probe = remote, probe
        self._speed = speed
        self._submit_s = submit_s
        self._niji_bot = niji_bot
        self.send_seed = send_seed

    def ask(self) -> None:
        """Check that the server is alive.

        Raises:
            EngineError: it is not, or it refuses our secret.
        """
        try:
            self._probe.request("POST", _LIST, json={"ids": ["limner"]})
        except Answered as error:
            if error.answer.status not in _NO_SUCH_ROUTE:
                raise

    def submit(self, brief: Brief, parent: Handle | None) -> dict[str, Any]:
        """Submit a drawing and return ``task`` and ``ahead``; ``parent`` is a task of this server.

        Raises:
            EngineError: nothing was started; after ``JobLost``, that is unknown.
        """
        if brief.operation == "blend":
            return _accepted(self._send(brief, "blend", _blend(brief)))
        if brief.operation == "describe":
            picture = {"base64": _data_url(brief.references[0]), "state": brief.job_id}
            return _accepted(self._send(brief, "describe", picture))
        if brief.operation != "draw":
            return _accepted(self._change(brief, parent or {}))
        told = self._vary(brief, parent) if parent and brief.parent else None
        told = told or self._send(brief, "imagine", self._imagine(brief))
        return _accepted(told)

    def look(self, tasks: Sequence[str]) -> dict[str, Task]:
        """Return the server's records of these tasks, without those that it does not know."""
        try:
            told = self._remote.post_json(_LIST, {"ids": list(tasks)})
        except Answered as error:
            if error.answer.status not in _NO_SUCH_ROUTE:
                raise
            # Early versions have no such route: one request per task.
            told = [told for told in map(self._fetch, tasks) if told]
        if not isinstance(told, list):
            raise BadResult("The engine's answer is no list.")
        found = (task_of(item) for item in told if isinstance(item, dict))
        return {task.id: task for task in found}

    def look_at(self, task: str) -> Task | None:
        """Return the server's record of one task; None if it has none."""
        told = self._fetch(task)
        return task_of(told) if told else None

    def cancel(self, task: str) -> None:
        """Ask the server to cancel; a task that has ended or cannot be cancelled is no error."""
        try:
            self._remote.request("POST", f"/mj/task/{task}/cancel")
        except Answered:
            return

    def picture(self, url: str, *, preview: bool = False) -> bytes:
        """Return the picture at a URL that the server gave."""
        return self._remote.download(url, read_s=PREVIEW_S if preview else PICTURE_S)

    def close(self) -> None:
        """Close the connections."""
        self._remote.close()
        self._probe.close()

    def _imagine(self, brief: Brief) -> dict[str, Any]:
        prompt = self.prompt_of(brief)
        body: dict[str, Any] = {"prompt": prompt, "base64Array": [], "state": brief.job_id}
        pictures = list(brief.references)
        if brief.parent and brief.parent.picture:
            pictures.insert(0, brief.parent.picture)
        body["base64Array"] = [_data_url(path) for path in pictures]
        if self._niji_bot:
            body["botType"] = "NIJI_JOURNEY" if brief.niji else "MID_JOURNEY"
        return body

    def prompt_of(self, brief: Brief) -> str:
        """Return what is sent as the prompt of a new drawing."""
        prompt = _worded(brief)
        if self.send_seed and "--seed" not in prompt:
            prompt += f" --seed {brief.seeds[0]}"
        return prompt

    def seed_of(self, brief: Brief) -> int | None:
        """Return the seed of a new drawing, if one was sent: a button takes none."""
        if brief.operation != "draw" or brief.parent:
            return None
        found = _SEED.findall(self.prompt_of(brief))
        return int(found[-1]) if found else None

    def _vary(self, brief: Brief, parent: Handle) -> dict[str, Any] | None:
        """Press a button of the parent's grid; None if the server does not know it, or has none for that."""
        assert brief.parent
        task = str(parent.get("task", ""))
        told = self._finished(task)
        # A remix: the words are new. What a blend was made from has none.
        words = str(told.get("prompt") or "")
        remix = bool(brief.prompt and words) and not says_the_same(words, _worded(brief))
        buttons = told.get("buttons")
        if not told or (remix and not buttons):
            return None
        if not buttons:
            return self._send(brief, "change", {"taskId": task, **_novicezks(brief.parent)})
        custom_id = variation_of(buttons, brief.parent.cell)
        if not custom_id:
            return None
        body: dict[str, Any] = {"taskId": task, "customId": custom_id}
        if remix:
            body["enableRemix"] = True
        if is_strong(brief):
            body["strong"] = True
        return self._confirmed(brief, self._send(brief, "action", body))

    def _change(self, brief: Brief, parent: Handle) -> dict[str, Any]:
        """Press a button that single pictures have; the cell of a grid is picked first.

        Raises:
            EngineBusy: the cell is still being picked; once it is, the next attempt finds it.
        """
        task = str(parent.get("task", ""))
        told = self._finished(task)
        custom_id = change_of(told.get("buttons"), brief)
        pick = pick_of(told.get("buttons"), (brief.parent and brief.parent.cell) or 0)
        if not custom_id and pick:
            body = {"taskId": task, "customId": pick}
            task = _accepted(self._send(brief, "action", body))["task"]
            custom_id = change_of(self._picked(task).get("buttons"), brief)
        if not told:
            raise Rejected("reference", "The engine has forgotten the picture to go on from.")
        if not custom_id:
            raise Rejected("parameter", "The engine's model cannot do that to this picture.")
        told = self._send(brief, "action", {"taskId": task, "customId": custom_id})
        return self._confirmed(brief, told)

    def _confirmed(self, brief: Brief, told: dict[str, Any]) -> dict[str, Any]:
        """Fill in the window that some buttons open: the words, and for a region its mask."""
        if told.get("code") != _EXISTS or not told.get("result"):
            return told
        body = {"taskId": told["result"], "prompt": _worded(brief)}
        if brief.edit and not brief.edit.kept:
            body["maskBase64"] = _data_url(brief.edit.mask)
        return self._send(brief, "modal", body)

    def _picked(self, task: str) -> dict[str, Any]:
        """Return the record of a picked cell; Midjourney only cuts it out, which takes moments."""
        until_s = time.monotonic() + PICKS_S
        while time.monotonic() < until_s:
            told = self._fetch(task)
            look = task_of(told)
            if look.state == "done":
                return told
            if look.state in ("failed", "cancelled", "asks"):
                raise failure(look)
            time.sleep(PICK_LOOK_S)
        raise EngineBusy(PICK_AGAIN_S, "the picture is still being picked")

    def _finished(self, task: str) -> dict[str, Any]:
        """Return the record of a finished task; empty if there is none."""
        told = self._fetch(task) if task else {}
        return told if str(told.get("status", "")).upper() == "SUCCESS" else {}

    def _fetch(self, task: str) -> dict[str, Any]:
        """Return a task's record; for an unknown id the server responds with an empty body, not with 404."""
        try:
            return self._remote.request("GET", f"/mj/task/{task}/fetch").table()
        except Answered:
            return {}

    def _send(self, brief: Brief, verb: str, body: dict[str, Any]) -> dict[str, Any]:
        base = _PREFIXES[brief.fast] if self._speed == "prefix" else "/mj"
        if self._speed == "filter":
            body = {**body, "accountFilter": {"modes": [_MODES[brief.fast]]}}
        try:
            # A new connection: a pooled one might break right now, and then nobody could tell
            # whether the drawing was started.
            answer = self._remote.request(
                "POST", f"{base}/submit/{verb}", json=body, read_s=self._submit_s, cut=Cut()
            )
        except NoAnswer:
            raise JobLost("Nobody can tell whether it was started.", charged=True) from None
        except Answered as error:
            # trueai returns 404 and 400 where novicezk returns 200; the body has the code all the same.
            if "code" not in error.answer.table():
                if error.answer.status in _NO_SUCH_ROUTE:
                    raise Refused(
                        "setup", f"there is no {base}/submit: is the url right?"
                    ) from None
                raise
            answer = error.answer
        return answer.table()


def _accepted(told: dict[str, Any]) -> dict[str, Any]:
    code, task = told.get("code"), told.get("result")
    if code not in (_ACCEPTED, _WAITING, _EXISTS):
        if not isinstance(code, int):
            raise BadResult("The engine's answer has no code.")
        raise refusal(code, str(told.get("description") or "")[:REASON_MAX])
    if not isinstance(task, str | int) or not 0 < len(str(task)) <= ID_MAX:
        raise BadResult("The engine's answer names no task.")
    properties = told.get("properties")
    ahead = properties.get("numberOfQueues") if isinstance(properties, dict) else None
    return {"task": str(task), "ahead": ahead if isinstance(ahead, int) and ahead > 0 else 0}


def _worded(brief: Brief) -> str:
    """Return the final prompt, with the name that the caller's version has here."""
    if not brief.model:
        return brief.final_prompt
    flag = _NIJI if brief.niji else _VERSION
    return flag.sub(lambda found: f"{found[1]} {brief.model}", brief.final_prompt)


def _novicezks(parent: Parent) -> dict[str, Any]:
    if parent.cell is None:
        return {"action": "REROLL"}
    return {"action": "VARIATION", "index": parent.cell + 1}


def _blend(brief: Brief) -> dict[str, Any]:
    ratio = brief.width / brief.height
    shape = next(name for least, name in _DIMENSIONS if ratio > least)
    return {
        "base64Array": [_data_url(path) for path in brief.references],
        "dimensions": shape,
        "state": brief.job_id,
    }


def _data_url(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
