"""Schemathesis asks all that the operators' document allows, and much that it does not."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
import schemathesis
from schemathesis.generation import GenerationMode

from api import create_app
from limner.settings import Settings
from limner.store import Policy, Store
from limner.store.operators import Role
from schemas.ops.openapi import OPERATIONS
from tests.api.asking import a_caller
from tests.api.drawing import failed
from tests.api.fuzzing import CHECKS, ROUNDS, asks
from tests.builders import MESSAGES, a_worker, an_engine

pytestmark = pytest.mark.slow

NAMES = {"lane": "fast", "engine": "stage", "client": "fuzz"}
#: of jobs that wait and have failed
ids: list[str] = []


@pytest.fixture(scope="module")
def document(redis_url, tmp_path_factory):
    """The document, and the app behind it, with one client and one operator."""
    store = Store(redis_url, policy=Policy(lease_s=3600))
    store.redis.flushall()
    here = Settings(redis_url=redis_url, data_dir=tmp_path_factory.mktemp("fuzz"))
    app = create_app(here, store, MESSAGES)
    caller = a_caller(app, store, NAMES["client"], waiting_cap=100_000)
    a_worker(store, replace(an_engine(NAMES["engine"], fast=99, relaxed=99)))
    made = [caller.drawn() for _ in range(4)]
    failed(store, made[0])
    ids[:] = [job["id"] for job in made]
    quiet = logging.getLogger("api")
    quiet.setLevel(logging.CRITICAL)
    token = store.operators.add("test", "sten", Role.STEER)
    found = schemathesis.openapi.from_wsgi("/ops/openapi.json", app, headers={"token": token})
    found.config.update(headers={"token": token})
    yield found
    quiet.setLevel(logging.NOTSET)
    store.close()


def meet_what_is_here(case):
    """Have right requests be about a job, a lane, an engine or a client that there is."""
    if case.meta.generation.mode is GenerationMode.NEGATIVE:
        return
    parts = case.path_parameters
    if "job_id" in parts:
        parts["job_id"] = ids[len(parts["job_id"]) % len(ids)]
    if "name" in parts:
        subject = parts.get("subject") or case.path.split("/")[2]
        parts["name"] = NAMES[subject]


@pytest.mark.parametrize(("phase", "seed"), ROUNDS)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_the_operators_document_and_the_answers_agree(document, operation, phase, seed):
    def ask(case):
        meet_what_is_here(case)
        case.validate_response(case.call(headers=document.config.headers), checks=CHECKS)

    asks(document, operation, phase, seed, ask)
