"""A stand-in for Youchuan's open API: its jobs go on by one step each time somebody looks at them.

``python -m tests.standins.youchuan --port 8080 [faults]``. It refuses what its list of routes does not allow, and
flags that version 8 does not take. Faults at submission: the reasons of ``REASONS``, ``drop``, ``no-id``,
``fails-at-once``; of the job: the states of ``STATES``, ``late-urls``, ``words``, ``forgets``, ``gone-picture``,
``broken``, ``odd-status``; of the server: ``locked``, ``job-down``.
"""

from __future__ import annotations

import itertools
import re
import threading
from typing import Any

from tests.standins.loopback import Answer, Asked, Dropped, Loopback, as_json, picture, run_by_hand

APP, SECRET = "an-app", "open-sesame"
#: reason → HTTP status; the spellings are theirs
REASONS = {
    "Invalid_Argument": 400,
    "Invalid_Prompt_Parameter": 400,
    "Job_ReUpscale_Not_Support": 400,
    "Invalid_App_Identifier": 401,
    "Account_Fee_Not_Enough": 402,
    "No_More_Relax_Credit": 402,
    "Permission_Denied": 403,
    "Relax_Not_Allow": 403,
    "Msg_Sensitive": 403,
    "Upscale_Not_Support": 403,
    "No_Avaliable_Plan": 403,
    "Not_Support": 405,
    "Max_Concurrent_Limited": 429,
    "Internal_Server_Error": 500,
    "Server_Busy": 503,
    "Request_Timout": 503,
}
#: what a job that fails may say
STATES = (
    *("JobStatusTextReject", "JobStatusImagePromptDenied", "JobStatusReject"),
    *("JobStatusBadPrompt", "JobStatusInvalidParameter"),
    *("JobStatusInvalidImagePromptLink", "JobStatusDuplicateImage"),
    *("JobStatusTimeout", "JobStatusRequestTimeout", "JobStatusError", "JobStatusFail"),
    *("JobStatusMaxConcurrentLimited", "JobStatusCreditNotEnough", "JobStatusCanceled"),
)
_STEPS = ("JobStatusCreated", "JobStatusQueued", "JobStatusRunning", "JobStatusRunning")
_NOT_IN_8 = re.compile(r"--(?:weird|tile|stop|cref|cw|bs|draft|turbo|style)\b|::")
#: what each call takes; a star: it must be there
_CALLS: dict[str, dict[str, type | tuple[type, ...]]] = {
    "diffusion": {"text*": str},
    "variation": {"jobId*": str, "imageNo*": int, "type*": int, "remixPrompt": str},
    "upscale": {"jobId*": str, "imageNo*": int, "type*": int},
    "reroll": {"jobId*": str},
    "pan": {
        "jobId*": str,
        "imageNo*": int,
        "direction*": int,
        "scale*": (int, float),
        "remixPrompt": str,
    },
    "outpaint": {"jobId*": str, "imageNo*": int, "scale*": (int, float), "remixPrompt": str},
    "inpaint": {"jobId*": str, "imageNo*": int, "mask*": dict, "remixPrompt": str},
}
_SCALES = {"pan": (1.1, 3.0), "outpaint": (1.1, 2.0)}


class YouchuanServer(Loopback):
    """The routes that the driver uses."""

    def __init__(self, port: int = 0, faults: tuple[str, ...] = ()) -> None:
        super().__init__(port, faults)
        self.jobs: dict[str, dict[str, Any]] = {}
        #: jobs go no further while it is set
        self.held = threading.Event()
        self._ids = itertools.count(1)
        self._lock = threading.Lock()

    def answer(self, asked: Asked) -> Answer:
        if asked.path.startswith("/cdn/"):
            return self._picture(asked)
        known = (asked.headers.get("x-youchuan-app"), asked.headers.get("x-youchuan-secret"))
        if not all(known) or ("locked" in self.faults and known != (APP, SECRET)):
            return _refused("Invalid_App_Identifier")
        match (asked.method, asked.path.removeprefix("/v1/tob/").split("/")):
            case "GET", ["subscribe"]:
                return as_json({"plan": "pro", "left": 100})
            case "GET", ["job", job]:
                if "job-down" in self.faults:
                    return as_json({"code": 502}, 502)
                with self._lock:
                    return self._told(job)
            case "POST", [name] if name in _CALLS:
                return self._start(name, asked.json)
        return as_json({"code": 404, "message": "no such route", "reason": ""}, 404)

    def _start(self, name: str, body: dict[str, Any]) -> Answer:
        for reason in REASONS:
            if reason in self.faults:
                return _refused(reason)
        if "drop" in self.faults:
            raise Dropped
        if why := self._wrong(name, body):
            return _refused(why)
        with self._lock:
            job = f"job-{next(self._ids):04}"
            parent = self.jobs.get(body.get("jobId", ""))
            if "jobId" in body and parent is None:
                return as_json({"code": 404, "message": "no such job", "reason": ""}, 404)
            if name == "upscale" and parent and parent["name"] == "upscale":
                return _refused("Job_ReUpscale_Not_Support")
            self.jobs[job] = {"name": name, "body": body, "looks": 0, "parent": body.get("jobId")}
        if "no-id" in self.faults:
            return as_json({"status": 1})
        if "fails-at-once" in self.faults:
            return as_json({"id": job, "status": 3, "comment": "JobStatusMaxConcurrentLimited"})
        return as_json({"id": job, "status": 1, "comment": "JobStatusCreated", "urls": []})

    def _wrong(self, name: str, body: dict[str, Any]) -> str | None:
        kinds = {key.rstrip("*"): kind for key, kind in _CALLS[name].items()}
        needed = {key[:-1] for key in _CALLS[name] if key.endswith("*")}
        if body.keys() - kinds.keys() or needed - body.keys():
            return "Invalid_Argument"
        if not all(isinstance(value, kinds[key]) for key, value in body.items()):
            return "Invalid_Argument"
        if not 0 <= body.get("imageNo", 0) <= 3 or not 0 <= body.get("type", 0) <= 3:
            return "Invalid_Argument"
        least, most = _SCALES.get(name, (0.0, 9.0))
        if not least <= body.get("scale", 1.5) <= most:
            return "Invalid_Argument"
        if "mask" in body and not all(
            len(area["points"]) >= 6 and not len(area["points"]) % 2
            for area in body["mask"]["areas"]
        ):
            return "Invalid_Argument"
        text = body.get("text", "x")
        if not 1 <= len(text) <= 8192:
            return "Invalid_Argument"
        if re.search(r"--v 8", text) and _NOT_IN_8.search(text):
            return "Invalid_Prompt_Parameter"
        return None

    def _told(self, job: str) -> Answer:
        record = self.jobs.get(job)
        if record is None or ("forgets" in self.faults and record["looks"] > 1):
            return as_json({"code": 404, "message": "no such job", "reason": ""}, 404)
        look = record["looks"]
        if not self.held.is_set():
            record["looks"] += 1
        told: dict[str, Any] = {"id": job, "status": 1, "urls": None}
        if "odd-status" in self.faults and look == 1:
            return as_json(told | {"status": 17, "comment": "JobStatusSomethingNew"})
        if look < len(_STEPS):
            return as_json(told | {"comment": _STEPS[look]})
        for state in STATES:
            if state in self.faults:
                return as_json(told | {"status": 3, "comment": state})
        count = 1 if record["name"] == "upscale" else 4
        if "late-urls" not in self.faults or look > len(_STEPS) + 1:
            told["urls"] = [f"{self.url}/cdn/{job}/{number}" for number in range(count)]
        status = "成功" if "words" in self.faults else 2
        return as_json(told | {"status": status, "comment": "JobStatusSuccess"})

    def _picture(self, asked: Asked) -> Answer:
        if "gone-picture" in self.faults:
            return Answer(status=404)
        if "broken" in self.faults:
            return Answer(b"<html>", kind="text/html")
        _, _, job, number = asked.path.split("/")
        record = self.jobs[job]
        label = repr((record["name"], sorted(record["body"].items(), key=str), number))
        if "--seed" not in str(record["body"]):
            label += job
        size = (256, 384) if record["name"] == "upscale" else (128, 192)
        return Answer(picture(*size, label), kind="image/png")


def _refused(reason: str) -> Answer:
    code = REASONS[reason]
    return as_json({"code": code, "message": "about /home/someone", "reason": reason}, code)


if __name__ == "__main__":
    run_by_hand(YouchuanServer, __doc__)
