"""Pause, resume, drain, retry; change an engine's limits and a client's lanes, share and caps; for operators who steer."""

from __future__ import annotations

from typing import Any, cast

from flask import Response

import cli.callbacks
import cli.clients
import cli.many
from api.answer import answer
from api.body import has_body, json_object
from api.house import house
from api.ops.entry import a_room, actor
from limner.errors import ConfigError, JobConflict, JobNotFound
from limner.store.levers import Subject
from schemas.names import camel
from schemas.ops.asked import ResendOneSchema
from schemas.ops.changes import ClientChangeSchema, EngineChangeSchema

steering = a_room("steering")

_ENGINE, _CLIENT, _RESEND = EngineChangeSchema(), ClientChangeSchema(), ResendOneSchema()
_SUBJECT = "/<any(lane,engine,client):subject>/<name>"


@steering.post(_SUBJECT + "/pause")
def pause(subject: str, name: str) -> Response:
    """Start nothing there until it is resumed."""
    changed = house().store.levers.halt(actor(), cast("Subject", subject), name)
    return _halted(subject, name, "paused", changed=changed)


@steering.post(_SUBJECT + "/resume")
def resume(subject: str, name: str) -> Response:
    """Start jobs there again."""
    changed = house().store.levers.resume(actor(), cast("Subject", subject), name)
    return _halted(subject, name, None, changed=changed)


@steering.post("/engine/<name>/drain")
def drain(name: str) -> Response:
    """Finish what runs on an engine, and start nothing more there."""
    changed = house().store.levers.halt(actor(), "engine", name, "draining")
    return _halted("engine", name, "draining", changed=changed)


def _halted(subject: str, name: str, halt: str | None, *, changed: bool) -> Response:
    return answer({"subject": subject, "name": name, "halt": halt, "changed": changed})


@steering.patch("/engine/<name>")
def set_engine(name: str) -> Response:
    """Set an engine's slots, gaps and weight over its settings, or return to them."""
    values = _ENGINE.read(json_object(actor()))
    for lane in ("fast", "relaxed"):
        if (field := f"{lane}_gap_s") in values:
            gap_s = values.pop(field)
            values[f"{lane}_gap_ms"] = None if gap_s is None else round(gap_s * 1000)
    changed = house().store.levers.override(actor(), name, values)
    names = [camel(field.replace("_ms", "_s")) for field in changed]
    return answer({"engine": name, "changed": sorted(names)})


@steering.post("/engine/<name>/retry")
def retry_engine(name: str) -> Response:
    """Let an engine that rests draw one job as a trial at once."""
    found = house().store.engines.retry(name, actor())
    if found == "unknown":
        raise ConfigError("engine", f"there is no engine called {name!r}")
    return answer({"engine": name, "wasPaused": found == "tried"})


@steering.patch("/client/<name>")
def set_client(name: str) -> Response:
    """Change a client's lanes, share, caps and budgets."""
    return _client_changed(name, **_CLIENT.read(json_object(actor())))


@steering.post("/client/<name>/disable")
def disable_client(name: str) -> Response:
    """Refuse a client's token; its jobs and callbacks continue."""
    return _client_changed(name, disabled=True)


@steering.post("/client/<name>/enable")
def enable_client(name: str) -> Response:
    """Take a client's token again."""
    return _client_changed(name, disabled=False)


@steering.post("/client/<name>/callbacks/enable")
def enable_callbacks(name: str) -> Response:
    """Use a client's default URL again, without a test event."""
    store = house().store
    if store.clients.get(name) is None:
        raise ConfigError("client", f"there is no client called {name!r}")
    cli.callbacks.enable_url(store, actor(), name)
    return answer({"client": name, "enabled": True})


@steering.post("/jobs/<job_id>/front")
def to_front(job_id: str) -> Response:
    """Move a waiting job to the front of its lane."""
    moved = house().store.lanes.to_front(job_id, actor())
    if moved == "unknown":
        raise JobNotFound
    if moved != "moved":
        raise JobConflict(cli.many.NOT_MOVED[moved])
    return answer({"job": job_id, "answer": moved})


@steering.post("/jobs/<job_id>/callbacks/resend")
def resend(job_id: str) -> Response:
    """Resend a job's dead letters, or its last event if there are none."""
    asked = _RESEND.fields_of(json_object(actor()) if has_body() else {})
    store = house().store
    job = store.jobs.get(job_id)
    count = cli.callbacks.resend_one(store, actor(), job.id, asked["seq"])
    if not count:
        raise JobConflict("That job has no such callback to resend.")
    return answer({"job": job.id, "callbacks": count})


def _client_changed(name: str, **changes: Any) -> Response:
    store = house().store
    client = store.clients.change(name, who=actor(), **changes)
    return answer(cli.clients.body(client, store.levers.halted().clients))
