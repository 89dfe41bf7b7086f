"""GET ``/healthz`` and ``/readyz``: liveness and readiness, for orchestrators and load balancers."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response

from api.answer import answer
from api.ending import ENDING
from api.errors import STORE_RETRY_AFTER_S
from api.house import house
from api.ops.insight import may_look
from api.refusal import refusal
from limner.refusals import RefusalCode
from limner.store.metrics.warning import Code, warnings
from limner.store.server import server_facts
from limner.store.waits import waiting_at_most

health = Blueprint("health", __name__)

#: how long all of ``/readyz`` waits for Redis: orchestrators give a probe a second
READY_S = 0.7
#: after Redis has lost its data, until the next heartbeat
UNKNOWN = "No engine is known: the workers have not registered theirs yet."
#: whoever can use it says so every ten seconds, and that counts for a minute
NO_STORE = "No process could use the image store for a minute: what is drawn cannot be stored."


@health.get("/healthz")
def alive() -> Response:
    """Answer 200: the process is alive, whatever else is down."""
    return answer({"status": "alive"})


@health.get("/readyz")
def ready() -> Response:
    """Answer 200 if jobs are accepted and drawn.

    That is: Redis is up, with its replicas, every lane has a worker, an engine is known, and some process
    can use the image store.

    ``warnings`` lists what else is wrong; what is for operators only is shown to operators only.
    """
    if ENDING.begun:
        return refusal(
            503, RefusalCode.NOT_READY, "This process is about to stop.", {}, STORE_RETRY_AFTER_S
        )
    with waiting_at_most(READY_S):
        return _ready()


def _ready() -> Response:
    here = house()
    here.store.schema.check()
    facts = server_facts(here.store.redis, here.store.replicas)
    here.messages()
    numbers = here.store.numbers.read()
    found = list(warnings(numbers, facts))
    missing = {
        what: texts
        for what, code in (("workers", Code.NO_WORKER), ("replicas", Code.REPLICAS))
        if (texts := [warned.text for warned in found if warned.code is code])
    }
    away = [warned for warned in found if warned.code is Code.IMAGES_AWAY]
    if away and not numbers.image_stores.uses:
        missing["images"] = [NO_STORE]
    if not missing and not numbers.knows_engines:
        missing = {"engines": [UNKNOWN]}
    if missing:
        said = " ".join(text for texts in missing.values() for text in texts)
        return refusal(503, RefusalCode.NOT_READY, said, missing, STORE_RETRY_AFTER_S)
    openly = may_look()
    free = numbers.image_stores.free_bytes().values()
    body: dict[str, Any] = {
        "status": "ready",
        "warnings": [warned.sentence(openly=openly) for warned in found],
        "workers": {lane.value: now.workers for lane, now in numbers.lanes.items()},
        "engines": {engine.name: engine.state for engine in numbers.carried},
        "imagesFreeMb": min(free) // 2**20 if free else None,
    }
    return answer(body)
