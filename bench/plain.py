"""The baselines: the app that anyone would write, and the least that a durable accept can cost.

Served by gunicorn as ``bench.plain:app`` (Flask, marshmallow, one HSET, ``apply_async``) and
``bench.plain:floor`` (the same, but one pipelined Redis write and no Celery). They check no token,
know no clients and promise nothing.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from typing import Any

import redis
from celery import Celery
from flask import Flask, Response, request
from marshmallow import Schema, ValidationError, fields, validate

REDIS_URL = os.environ.get("BENCH_REDIS_URL", "redis://127.0.0.1:6379/0")
BROKER_URL = os.environ.get("BENCH_BROKER_URL", REDIS_URL)

celery = Celery("plain", broker=BROKER_URL)
celery.conf.update(task_ignore_result=True, worker_hijack_root_logger=False)


@celery.task(name="plain.draw", ignore_result=True)
def draw(job_id: str) -> None:
    """Record when the task began, for the benchmark."""
    store.set(f"plain:began:{job_id}", repr(time.time()), ex=60)


store = redis.Redis.from_url(REDIS_URL, decode_responses=True)


class PlainImagineSchema(Schema):
    """The fields and bounds of the real one, with marshmallow's own means only."""

    promptEn = fields.String(required=True, validate=validate.Length(1, 6000))
    prompt = fields.String(validate=validate.Length(max=6000))
    fast = fields.Boolean(required=True)
    tag = fields.UUID(required=True)
    callBackUrl = fields.Url()
    isNiji = fields.Boolean()
    ar = fields.String(validate=validate.OneOf(["4:5", "2:3", "4:7", "1:1", "5:4", "3:2", "7:4"]))
    chaos = fields.Float(validate=validate.Range(0, 100))
    stylize = fields.Float(validate=validate.Range(0, 1000))
    style = fields.String()
    isTile = fields.Boolean()
    iw = fields.Float(validate=validate.Range(0, 2))
    imageList = fields.List(fields.String(), validate=validate.Length(max=8))
    extra = fields.String(validate=validate.Length(max=4096))


schema = PlainImagineSchema()


def _read() -> dict[str, object]:
    return dict(schema.load(request.get_json()))


def _record(job_id: str, asked: dict[str, object]) -> Any:
    return {"id": job_id, "status": "waiting", "request": json.dumps(asked, default=str)}


def _answer(job_id: str, asked: dict[str, object]) -> Response:
    body = {"id": job_id, "status": -2, **asked}
    return Response(json.dumps(body, default=str), 202, mimetype="application/json")


app = Flask("plain")
floor = Flask("floor")
for each in (app, floor):
    each.register_error_handler(ValidationError, lambda error: (error.messages, 422))


@app.post("/imagine")
def imagine() -> Response:
    """Validate, store, enqueue: two round trips and Celery's producer."""
    asked, job_id = _read(), uuid.uuid4().hex
    store.hset(f"plain:job:{job_id}", mapping=_record(job_id, asked))
    draw.apply_async((job_id,))
    return _answer(job_id, asked)


@floor.post("/imagine")
def imagine_floor() -> Response:
    """Validate, store and enqueue in one pipeline."""
    asked, job_id = _read(), uuid.uuid4().hex
    with store.pipeline(transaction=True) as pipe:
        pipe.hset(f"plain:job:{job_id}", mapping=_record(job_id, asked))
        pipe.lpush("plain:queue", job_id)
        pipe.execute()
    return _answer(job_id, asked)
