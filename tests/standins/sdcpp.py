"""A stand-in for sd-server with its own asynchronous face beside ``/sdapi/v1``: one queue, one picture at a time.

``python -m tests.standins.sdcpp --port 1234 [faults]``. Faults: those of ``tests.standins.sdapi``, and ``job-failed
job-oom job-cancelled job-short job-broken forgotten expired queue-full no-face video-only``. ``hang`` holds what is
drawn until ``go_on`` is set.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from tests.standins.loopback import Answer, Asked, as_json, run_by_hand
from tests.standins.sdapi import STEPS, Sdapi

SAMPLERS = ["euler", "euler_a", "dpm++2m", "lcm"]
SCHEDULERS = ["discrete", "karras", "sgm_uniform"]
_MESSAGES = {
    "job-failed": "generate_image returned no results: /home/someone/models",
    "job-oom": "ggml: failed to allocate 4096 MB",
}


@dataclass
class Job:
    """One job of the queue."""

    name: str
    body: dict[str, Any]
    status: str = "queued"
    images: list[str] = field(default_factory=list)
    error: str = ""


class SdServer(Sdapi):
    """The server with both faces."""

    def __init__(
        self, port: int = 0, faults: tuple[str, ...] = (), *, step_s: float = 0.03
    ) -> None:
        super().__init__(port, (*faults, "sd-server"), step_s=step_s)
        self.jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        self._work = threading.Thread(target=self._draw_jobs, daemon=True)

    def start(self) -> None:
        super().start()
        self._work = threading.Thread(target=self._draw_jobs, daemon=True)
        self._work.start()

    def stop(self) -> None:
        """Forget all jobs, as a process that ends."""
        super().stop()
        self._work.join(10)
        self.jobs.clear()

    def answer(self, asked: Asked) -> Answer:
        if "no-face" in self.faults:
            return super().answer(asked)
        parts = asked.path.strip("/").split("/")
        match (asked.method, *parts):
            case "GET", "sdcpp", "v1", "capabilities":
                return as_json(self._capabilities())
            case "POST", "sdcpp", "v1", "img_gen":
                return self._queue(asked.json)
            case "GET", "sdcpp", "v1", "jobs", name:
                return self._missing(name) or as_json(self._told(self.jobs[name]))
            case "POST", "sdcpp", "v1", "jobs", name, "cancel":
                return self._missing(name) or self._cancel(self.jobs[name])
        return super().answer(asked)

    def states(self) -> list[str]:
        return [job.status for job in list(self.jobs.values())]

    def _capabilities(self) -> dict[str, Any]:
        features = {"init_image": True, "cancel_queued": True, "cancel_generating": False}
        return {
            "supported_modes": ["vid_gen" if "video-only" in self.faults else "img_gen"],
            "features_by_mode": {"img_gen": features},
            "samplers": SAMPLERS,
            "schedulers": SCHEDULERS,
            "limits": {"max_batch_count": 8, "max_queue_size": 64},
        }

    def _queue(self, body: dict[str, Any]) -> Answer:
        with self._lock:
            waiting = sum(state in ("queued", "generating") for state in self.states())
            if "queue-full" in self.faults or waiting >= 64:
                return as_json({"error": "job queue is full"}, 429)
            if "second-full" in self.faults and waiting:
                return as_json({"error": "job queue is full"}, 429)
            job = Job(f"job_68ae_{len(self.jobs):08d}", body)
            self.jobs[job.name] = job
        poll_url = f"/sdcpp/v1/jobs/{job.name}"
        return as_json({"id": job.name, "status": "queued", "poll_url": poll_url}, 202)

    def _missing(self, name: str) -> Answer | None:
        if "expired" in self.faults:
            return as_json({"error": "job expired"}, 410)
        if name not in self.jobs or "forgotten" in self.faults:
            return as_json({"error": "job not found"}, 404)
        return None

    def _told(self, job: Job) -> dict[str, Any]:
        queued = [one.name for one in list(self.jobs.values()) if one.status == "queued"]
        told: dict[str, Any] = {
            "id": job.name,
            "status": job.status,
            "queue_position": queued.index(job.name) + 1 if job.name in queued else 0,
            "result": None,
            "error": None,
        }
        if job.status == "completed":
            images = [{"index": n, "b64_json": one} for n, one in enumerate(job.images)]
            told["result"] = {"output_format": "png", "images": images}
        if job.error:
            told["error"] = {"code": "generation_failed", "message": job.error}
        return told

    def _cancel(self, job: Job) -> Answer:
        with self._lock:
            if job.status == "generating":
                return as_json({"error": "job is currently generating"}, 409)
            if job.status == "queued":
                job.status, job.error = "cancelled", "job cancelled by client"
        return as_json(self._told(job))

    def _draw_jobs(self) -> None:
        while not self.closing.wait(0.005):
            with self._lock:
                waiting = [job for job in self.jobs.values() if job.status == "queued"]
                if not waiting:
                    continue
                job = waiting[0]
                job.status = "generating"
            self.drawing.set()
            for _ in range(STEPS):
                self.pause(self.step_s)
            while "hang" in self.faults and not self.go_on.is_set() and self.pause(0.02):
                pass
            if self.closing.is_set():
                return
            self._finish(job)
            self.drawing.clear()

    def _finish(self, job: Job) -> None:
        for fault in self.faults & set(_MESSAGES):
            job.error, job.status = _MESSAGES[fault], "failed"
            return
        if "job-cancelled" in self.faults:
            job.error, job.status = "job cancelled by client", "cancelled"
            return
        images = self._made(_in_other_words(job.body))["images"]
        if "job-short" in self.faults:
            images.pop()
        if "job-broken" in self.faults:
            images[-1] = "bm90IGEgcGljdHVyZQ=="
        job.images = images
        job.status = "completed"


def _in_other_words(body: dict[str, Any]) -> dict[str, Any]:
    """The same request as ``/sdapi/v1`` has it: both faces draw the same picture."""
    sample = body["sample_params"]
    asked = {
        "prompt": body["prompt"],
        "negative_prompt": body["negative_prompt"],
        "width": body["width"],
        "height": body["height"],
        "seed": body["seed"],
        "batch_size": body["batch_count"],
        "steps": sample["sample_steps"],
        "cfg_scale": sample["guidance"]["txt_cfg"],
    }
    if "init_image" in body:
        asked |= {"init_images": [body["init_image"]], "denoising_strength": body["strength"]}
    if "mask_image" in body:
        asked["mask"] = body["mask_image"]
    return asked


if __name__ == "__main__":
    run_by_hand(SdServer, __doc__)
