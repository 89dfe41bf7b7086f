"""A stand-in for a midjourney-proxy: its tasks go on by one step each time somebody looks at them.

``python -m tests.standins.mjproxy --port 8080 [faults]``. Faults at submission: ``waiting exists
queue-full banned no-account no-instance-for-it invalid internal day-limit drop-submit no-code``; of the task:
``backwards odd-progress moderated shut-out no-instance bad-flag failed cancelled modal late timeout
forgets unlisted four-urls four-urls-gone late-url expiring gone broken``; of the server: ``locked
list-down no-list no-submit``; ``trueai`` gives buttons, cancel and speed prefixes; ``no-zoom`` a model
without the buttons of single pictures, ``slow-pick`` cells that take long to be picked, ``bare`` prompts
without digits, ``seeds`` tells them. A picture follows from its prompt if that has a seed.
"""

from __future__ import annotations

import itertools
import threading
from typing import Any

from tests.standins.loopback import Answer, Asked, Dropped, Loopback, as_json, picture, run_by_hand

SECRET = "open-sesame"
_REFUSALS = {
    "queue-full": (23, "队列已满，请稍后尝试"),
    "banned": (24, "可能包含敏感词"),
    "no-account": (3, "无可用的账号实例"),
    "invalid": (4, "prompt不能为空 /home/someone"),
    "no-instance-for-it": (4, "实例不存在或不可用"),
    "internal": (9, "系统异常"),
    "odd-code": (-7, "something odd"),
    "shut-out-at-once": (4, "You have been temporarily blocked from accessing Midjourney"),
    "day-limit": (4, "今日绘图次数已达上限"),
}
_ENDS = {
    "moderated": ("FAILURE", "Banned prompt detected: the words themselves"),
    "shut-out": ("FAILURE", "Your account has been temporarily blocked"),
    "no-instance": ("FAILURE", "实例不可用"),
    "bad-flag": ("FAILURE", "Invalid parameter: --chaoss"),
    "failed": ("FAILURE", "Something odd in /home/someone"),
    "cancelled": ("FAILURE", "取消任务"),
    "modal": ("MODAL", ""),
    "timeout": ("FAILURE", "任务超时"),
}
#: looks at a task between its server's time-out and its late end
LATE_LOOKS = 5
FORGOTTEN_AFTER = 3
#: looks at a task until it is done
DRAWN_AFTER = 5


class MjServer(Loopback):
    """The routes that the driver uses, with the tasks' record as both servers write it."""

    def __init__(self, port: int = 0, faults: tuple[str, ...] = ()) -> None:
        super().__init__(port, faults)
        self.tasks: dict[str, dict[str, Any]] = {}
        self.cancelled: list[str] = []
        #: tasks go no further while it is set
        self.held = threading.Event()
        self._ids = itertools.count(1_700_000_000_000_001)
        self._lock = threading.Lock()

    def forget_all(self) -> None:
        """What a restart does to a server that keeps its tasks in memory."""
        with self._lock:
            self.tasks.clear()

    def answer(self, asked: Asked) -> Answer:
        if "locked" in self.faults and asked.headers.get("mj-api-secret") != SECRET:
            return Answer(status=401)
        parts = asked.path.strip("/").split("/")
        if parts[0] == "cdn":
            return self._picture(parts[1], asked)
        if parts[0] in ("mj-fast", "mj-relax") and "trueai" in self.faults:
            parts = parts[1:]
        match (asked.method, parts):
            case "POST", ["mj", "submit", verb] if "no-submit" not in self.faults:
                return self._submit(verb, asked.json)
            case "POST", ["mj", "task", "list-by-condition"] if "no-list" not in self.faults:
                if "list-down" in self.faults:
                    return as_json({"error": "Bad Gateway"}, 502)
                return as_json(self._list(asked.json["ids"]))
            case "GET", ["mj", "task", task, "fetch"]:
                with self._lock:
                    told = self._told(task) if task in self.tasks else None
                return as_json(told) if told else Answer()
            case "POST", ["mj", "task", task, "cancel"] if "trueai" in self.faults:
                self.cancelled.append(task)
                return Answer()
        return as_json({"status": 404, "path": asked.path}, 404)

    def _submit(self, verb: str, body: dict[str, Any]) -> Answer:
        if "drop-submit" in self.faults:
            raise Dropped
        if "no-code" in self.faults:
            return as_json({"message": "hello"})
        for fault, (code, text) in _REFUSALS.items():
            if fault in self.faults:
                return as_json({"code": code, "description": text, "result": None})
        if verb == "modal":
            self.tasks[body["taskId"]]["sent"] |= body
            return self._accepted(body["taskId"])
        task = str(next(self._ids))
        with self._lock:
            self.tasks[task] = {"looks": 0, "prompt": body.get("prompt", ""), "verb": verb}
            self.tasks[task] |= {"sent": body, "custom_id": body.get("customId", "")}
        custom_id = body.get("customId", "")
        if "::upsample::" in custom_id and "slow-pick" not in self.faults:
            # Cut out, not drawn.
            self.tasks[task]["looks"] = DRAWN_AFTER
        window = "Inpaint" in custom_id or body.get("enableRemix") or "remix" in self.faults
        if verb == "action" and window and "::upsample::" not in custom_id:
            return as_json(
                {"code": 21, "description": "Waiting for window confirm", "result": task}
            )
        return self._accepted(task)

    def _accepted(self, task: str) -> Answer:
        code = 22 if "waiting" in self.faults else 21 if "exists" in self.faults else 1
        properties = {"numberOfQueues": 2} if code == 22 else {"discordInstanceId": "1"}
        told = {"code": code, "description": "提交成功", "result": task, "properties": properties}
        return as_json(told)

    def _list(self, ids: list[str]) -> list[dict[str, Any]]:
        with self._lock:
            told = [self._told(task) for task in ids if task in self.tasks]
            if "unlisted" in self.faults:
                return []
            if "forgets" in self.faults:
                for task in ids:
                    if self.tasks.get(task, {}).get("looks", 0) >= FORGOTTEN_AFTER:
                        del self.tasks[task]
        return told

    def _told(self, task: str) -> dict[str, Any]:
        """Return a task's record, and take it one step further."""
        record = self.tasks[task]
        look = record["looks"]
        if not self.held.is_set():
            record["looks"] += 1
        told: dict[str, Any] = {
            "id": task,
            "action": "IMAGINE",
            "failReason": None,
            "imageUrl": None,
            "mode": "FAST" if "trueai" in self.faults else None,
            "prompt": record["prompt"],
            "buttons": self._buttons(record) if "trueai" in self.faults else None,
            "seed": "4242" if "seeds" in self.faults else None,
        }
        if record["verb"] == "describe":
            told |= {"action": "DESCRIBE", "properties": {"finalPrompt": self._prompts()}}
        progress = ["", "0%", "31%", "62%", "93%"]
        if "backwards" in self.faults:
            progress = ["", "0%", "62%", "31%", "93%"]
        if "odd-progress" in self.faults:
            progress = ["", "Waiting to start", "(31%) (relaxed)", "Stopped?", "93%"]
        if look == 0:
            return told | {"status": "NOT_START", "progress": "0%"}
        if look < len(progress):
            status = "SUBMITTED" if look == 1 else "IN_PROGRESS"
            preview = f"{self.url}/cdn/{task}_{look}.webp" if look > 1 else None
            return told | {"status": status, "progress": progress[look], "imageUrl": preview}
        return told | self._end(task, look - len(progress))

    def _end(self, task: str, past: int) -> dict[str, Any]:
        for fault, (status, reason) in _ENDS.items():
            if fault in self.faults:
                return {"status": status, "failReason": reason, "progress": ""}
        if "late" in self.faults and past < LATE_LOOKS:
            return {"status": "FAILURE", "failReason": "任务超时 timeout", "progress": ""}
        url: str | None = f"{self.url}/cdn/{task}_grid-{past}.png"
        if "late-url" in self.faults and past == 0:
            url = None
        told: dict[str, Any] = {"status": "SUCCESS", "progress": "100%", "imageUrl": url}
        if {"four-urls", "four-urls-gone"} & self.faults:
            kind = "gone" if "four-urls-gone" in self.faults else "cell"
            told["imageUrls"] = [
                {"url": f"{self.url}/cdn/{task}_{kind}{n}.png", "thumbnail": ""} for n in range(4)
            ]
        return told

    def _picture(self, name: str, asked: Asked) -> Answer:
        task, _, what = name.partition("_")
        if what.startswith("gone") or ("gone" in self.faults and what.startswith("grid")):
            return Answer(status=404)
        if "expiring" in self.faults and what == "grid-0.png":
            return Answer(b"This content is no longer available.", 403, "text/plain")
        if "broken" in self.faults:
            return Answer(b"<html>", kind="text/html")
        sent = self.tasks.get(task, {}).get("sent", {})
        label = task
        if "--seed" in sent.get("prompt", ""):
            label = repr(sorted((name, value) for name, value in sent.items() if name != "state"))
        if what.startswith("grid"):
            return Answer(picture(256, 384, f"{label} grid"), kind="image/png")
        if what.startswith("cell"):
            return Answer(picture(128, 192, f"{label} {what}"), kind="image/png")
        return Answer(picture(64, 96, name, "WEBP"), kind="image/webp")

    def _buttons(self, record: dict[str, Any]) -> list[dict[str, Any]]:
        ids = [f"MJ::JOB::upsample::{n}::5f1c" for n in range(1, 5)]
        ids += [f"MJ::JOB::variation::{n}::5f1c" for n in range(1, 5)]
        ids.append("MJ::JOB::reroll::0::5f1c::SOLO")
        if "::upsample" in record["custom_id"]:
            names = ("low_variation", "high_variation")
            if "no-zoom" not in self.faults:
                names += ("upsample_v7_2x_subtle", "upsample_v7_2x_creative")
                names += ("pan_left", "pan_right", "pan_up", "pan_down")
            ids = [f"MJ::JOB::{name}::1::5f1c::SOLO" for name in names]
            if "no-zoom" not in self.faults:
                ids += [f"MJ::Outpaint::{share}::1::5f1c::SOLO" for share in (50, 75)]
                ids.append("MJ::Inpaint::1::5f1c::SOLO")
        return [{"customId": custom_id, "label": "", "style": 2, "type": 2} for custom_id in ids]

    def _prompts(self) -> str:
        digits = ("", "", "", "") if "bare" in self.faults else "1234"
        keycaps = [digit and f"{digit}\ufe0f\u20e3 " for digit in digits]
        lines = [f"{keycap}a picture, way {n}" for n, keycap in enumerate(keycaps, 1)]
        return "\n\n".join(lines)


if __name__ == "__main__":
    run_by_hand(MjServer, __doc__)
