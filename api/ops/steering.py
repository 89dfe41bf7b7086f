"""Pause, resume, drain; change an engine's limits and a client's share and caps; for operators who steer."""

from __future__ import annotations

from typing import cast

from flask import Response

import cli.clients
from api.answer import answer
from api.body import json_object
from api.house import house
from api.ops.entry import a_room, actor
from limner.store.levers import Subject
from schemas.names import camel
from schemas.ops.changes import ClientChangeSchema, EngineChangeSchema

steering = a_room("steering")

_ENGINE, _CLIENT = EngineChangeSchema(), ClientChangeSchema()
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


@steering.patch("/client/<name>")
def set_client(name: str) -> Response:
    """Change a client's share, caps and budgets."""
    changes = _CLIENT.read(json_object(actor()))
    if changes.get("share", 1) is None:
        changes["share"] = 1.0
    store = house().store
    client = store.clients.change(name, who=actor(), **changes)
    return answer(cli.clients.body(client, store.levers.halted().clients))
