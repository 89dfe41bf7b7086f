"""Schemathesis asks everything that the document allows, and much that it does not.

What fits the document is taken, what does not is refused, and every answer is one that it names.
"""

from __future__ import annotations

import logging
import uuid
from dataclasses import replace

import pytest
import schemathesis
from schemathesis.generation import GenerationMode

from api import create_app
from limner.settings import Settings
from limner.store import Policy, Store
from schemas.limner.openapi import OPERATIONS
from schemas.references import is_inline
from tests.api.asking import a_caller
from tests.api.drawing import a_picture, done, failed, inline
from tests.api.fuzzing import CHECKS, ROUNDS, asks
from tests.builders import MESSAGES, a_worker, an_engine

pytestmark = pytest.mark.slow

#: of jobs that wait, are done and have failed
ids: list[str] = []


@pytest.fixture(scope="module")
def document(redis_url, tmp_path_factory):
    """The document, and the app behind it, with one client."""
    # With a lease for the whole module, there is a worker for whoever asks.
    store = Store(redis_url, policy=Policy(lease_s=3600))
    store.redis.flushall()
    here = Settings(redis_url=redis_url, data_dir=tmp_path_factory.mktemp("fuzz"))
    # Which addresses a gateway allows, its document cannot say.
    open_to_all = replace(here, api_client_waits=1, callback_allow="0.0.0.0/0, ::/0")
    app = create_app(open_to_all, store, MESSAGES)
    caller = a_caller(app, store, "fuzz", waiting_cap=100_000)
    hook = "https://receiver.example/hook"
    made = [caller.drawn(callBackUrl=url) for url in ("", hook) for _ in range(3)]
    for waiting_done_failed in (made[:3], made[3:]):
        done(app, store, waiting_done_failed[1])
        failed(store, waiting_done_failed[2])
    ids[:] = [job["id"] for job in made]
    a_worker(store, replace(an_engine("stage", fast=99, relaxed=99), versions={"7": "flux"}))
    quiet = logging.getLogger("api")
    quiet.setLevel(logging.CRITICAL)
    with app.extensions["limner"].waits.hold(caller.name):
        # With its one place to wait in taken, no look and no stream waits: 429.
        found = schemathesis.openapi.from_wsgi("/openapi.json", app)
        found.config.update(headers={"token": caller.token})
        yield found
    quiet.setLevel(logging.NOTSET)
    store.close()


#: what of a gateway's own the document cannot name
HERE = {"engine": "stage", "version": "7"}
#: of what has the form of a picture, the document cannot say which is one
PICTURES = ("imageList", "styleRefs", "objectRefs", "mask")
PICTURE = inline(a_picture(7))


def readable(given):
    """Return a picture in the place of each that is sent along, and addresses as they are."""
    if isinstance(given, list):
        return [readable(one) for one in given]
    return PICTURE if isinstance(given, str) and is_inline(given.strip()) else given


def meet_a_job(case):
    """Have every other right request be about a job that there is, and all about an engine that is here."""
    if case.meta.generation.mode is GenerationMode.NEGATIVE:
        return
    parts = case.path_parameters
    named = parts.get("job_id", "1")
    if int(named[0], 16) % 2 == 0:
        parts["job_id"] = ids[int(named[1], 16) % len(ids)]
    body = case.body if isinstance(case.body, dict) else {}
    body |= {
        name: here
        for name, here in HERE.items()
        if body.get(name) is not None and str(body[name]).strip()
    }
    body |= {name: readable(body[name]) for name in PICTURES if body.get(name)}
    if "messageId" in body and len(body["messageId"]) % 2:
        body["messageId"] = ids[len(body["messageId"]) % len(ids)]


def a_key_of_its_own(case):
    """Return the case's Idempotency-Key made new: a used one would answer for the body."""
    key = str((case.headers or {}).get("Idempotency-Key", ""))
    return {"Idempotency-Key": key + uuid.uuid4().hex} if 1 <= len(key.strip()) <= 200 else {}


@pytest.mark.parametrize(("phase", "seed"), ROUNDS)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_the_document_and_the_answers_agree(document, operation, phase, seed):
    def ask(case):
        meet_a_job(case)
        # The coverage phase makes up tokens of its own, and would be a stranger.
        answer = case.call(headers={**document.config.headers, **a_key_of_its_own(case)})
        case.validate_response(answer, checks=CHECKS)

    asks(document, operation, phase, seed, ask)
