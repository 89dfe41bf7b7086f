"""What is answered: pictures with their ``info``, progress, lists, errors; used by ``api/faces/sdapi``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from limner.compact_json import compact_json
from limner.errors import FieldErrors
from limner.job import Job, Status
from schemas.sdapi.asked import AskedPictures

Json = dict[str, Any]

SAMPLER = "Automatic"
_NOT_SENT_BACK = ("init_images", "mask")


def images_body(
    asked: AskedPictures, body: Mapping[str, Any], jobs: Sequence[Job], images: list[str]
) -> Json:
    """Return finished pictures: base64 without a prefix, the body as sent, and ``info`` as JSON text."""
    parameters = {name: None if name in _NOT_SENT_BACK else value for name, value in body.items()}
    info = compact_json(_info(asked, body, jobs))
    return {"images": images, "parameters": parameters, "info": info}


def _info(asked: AskedPictures, body: Mapping[str, Any], jobs: Sequence[Job]) -> Json:
    first, seeds = jobs[0], [seed for job in jobs for seed in job.drawn_seeds or job.seeds]
    prompt, negative = asked.request.prompt_en, asked.request.negative or ""
    count = sum(len(job.pictures) for job in jobs)
    seeds = seeds[:count]
    width, height = asked.size
    text = f"{prompt}\nNegative prompt: {negative}\n" if negative else f"{prompt}\n"
    return {
        "prompt": prompt,
        "all_prompts": [prompt] * count,
        "negative_prompt": negative,
        "all_negative_prompts": [negative] * count,
        "seed": seeds[0] if seeds else -1,
        "all_seeds": seeds,
        "subseed": -1,
        "all_subseeds": [-1] * count,
        "subseed_strength": 0,
        "width": width,
        "height": height,
        "sampler_name": SAMPLER,
        "cfg_scale": body.get("cfg_scale"),
        "steps": body.get("steps"),
        "batch_size": body.get("batch_size") or 1,
        "restore_faces": False,
        "face_restoration_model": None,
        "sd_model_name": first.engine,
        "sd_model_hash": "",
        "denoising_strength": body.get("denoising_strength"),
        "extra_generation_params": {},
        "index_of_first_image": 0,
        "infotexts": [f"{text}Seed: {seed}, Size: {width}x{height}" for seed in seeds],
        "styles": [],
        "job_timestamp": _stamp(first),
        "clip_skip": 1,
        "is_using_inpainting_conditioning": False,
        "limner": {
            "jobs": [job.id for job in jobs],
            "final_prompt": first.final_prompt,
            "applied": dict(first.applied),
            # So that nobody wonders why a setting changed nothing.
            "ignored": list(asked.ignored),
        },
    }


def progress_body(job: Job | None, count: int, image: str | None, now: datetime) -> Json:
    """Return how far a job is; None: nothing runs. ``count``: how many run or wait."""
    if job is None:
        return {
            "progress": 0.0,
            "eta_relative": 0.0,
            "state": _state("", "0", 0, 0, interrupted=False),
            "current_image": None,
            "textinfo": None,
            "current_task": None,
        }
    fraction = job.progress / 100
    return {
        "progress": fraction,
        "eta_relative": _eta_s(job, now),
        "state": _state(job.id, _stamp(job), count, job.progress, interrupted=False),
        "current_image": image,
        "textinfo": _in_words(job),
        "current_task": task_of(job) or job.id,
    }


def task_of(job: Job) -> str | None:
    """Return the ``force_task_id`` of a job of this face."""
    echo = json.loads(job.request.echo or "{}")
    return str(echo["task"]) if "task" in echo else None


def _state(job: str, stamp: str, count: int, percent: int, *, interrupted: bool) -> Json:
    return {
        "skipped": False,
        "interrupted": interrupted,
        "stopping_generation": False,
        "job": job,
        "job_count": count,
        "job_timestamp": stamp,
        "job_no": 0,
        "sampling_step": percent,
        "sampling_steps": 100 if job else 0,
    }


def _eta_s(job: Job, now: datetime) -> float:
    if job.status is Status.WAITING:
        starts_s = job.standing.starts_in_s if job.standing else None
        return float(starts_s or 0.0)
    if not job.progress or job.started_at is None:
        return 0.0
    spent_s = max(0.0, (now - job.started_at).total_seconds())
    return round(spent_s * (100 - job.progress) / job.progress, 1)


def _in_words(job: Job) -> str:
    if job.status is not Status.WAITING:
        return f"Drawing: {job.progress} %"
    if job.waits_for:
        return f"Waiting: {job.waits_for}"
    return f"Waiting: place {job.position}" if job.position else "Waiting"


def _stamp(job: Job) -> str:
    return job.created_at.strftime("%Y%m%d%H%M%S")


def options_body(model: str) -> Json:
    """Return the settings that clients look for."""
    return {
        "sd_model_checkpoint": model,
        "sd_checkpoint_hash": "",
        "sd_vae": "Automatic",
        "CLIP_stop_at_last_layers": 1,
        "samples_format": "png",
        "live_previews_enable": True,
    }


def model_body(name: str) -> Json:
    """Return one model of the list."""
    return {
        "title": name,
        "model_name": name,
        "hash": None,
        "sha256": None,
        "filename": name,
        "config": None,
    }


SAMPLERS: list[Json] = [{"name": SAMPLER, "aliases": ["automatic"], "options": {}}]
SCHEDULERS: list[Json] = [
    {
        "name": "automatic",
        "label": "Automatic",
        "aliases": None,
        "default_rho": -1.0,
        "need_inner_model": False,
    }
]
UPSCALERS: list[Json] = [
    {"name": "None", "model_name": None, "model_path": None, "model_url": None, "scale": 1}
]
#: the memory of engines is not the gateway's; the web UI answers so where it cannot tell
MEMORY: Json = {
    "ram": {"error": "The gateway draws nothing itself."},
    "cuda": {"error": "unavailable"},
}


def error_body(kind: str, message: str, fields: FieldErrors) -> Json:
    """Return an error in the web UI's shape."""
    lines = [f"{name}: {' '.join(said)}" for name, said in fields.items()]
    return {
        "error": kind,
        "detail": " ".join([message, *lines]),
        "body": "",
        "errors": "\n".join(lines) or message,
    }
