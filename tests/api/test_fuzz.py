"""Schemathesis asks everything that the document allows, and much that it does not."""

from __future__ import annotations

import logging

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import checks
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks as openapi_checks

from api import create_app
from limner.settings import Settings
from limner.store import Policy, Store
from schemas.openapi import OPERATIONS
from tests.api.asking import a_caller
from tests.api.drawing import done, failed
from tests.builders import MESSAGES, a_worker, an_engine

pytestmark = pytest.mark.slow

#: of each endpoint, so many right requests and so many wrong ones
EXAMPLES = 25
#: of jobs that wait, are done and have failed
ids: list[str] = []


@pytest.fixture(scope="module")
def document(redis_url, tmp_path_factory):
    """The document, and the app behind it, with one client."""
    # With a lease for the whole module, there is a worker for whoever asks.
    store = Store(redis_url, policy=Policy(lease_s=3600))
    store.redis.flushall()
    here = Settings(redis_url=redis_url, data_dir=tmp_path_factory.mktemp("fuzz"), api_threads=2)
    app = create_app(here, store, MESSAGES)
    a_worker(store, an_engine("stage", fast=99, relaxed=99))
    caller = a_caller(app, store, "fuzz", waiting_cap=100_000)
    hook = "https://receiver.example/hook"
    made = [caller.drawn(callBackUrl=url) for url in ("", hook) for _ in range(3)]
    for waiting_done_failed in (made[:3], made[3:]):
        done(app, store, waiting_done_failed[1])
        failed(store, waiting_done_failed[2])
    ids[:] = [job["id"] for job in made]
    quiet = logging.getLogger("api")
    quiet.setLevel(logging.CRITICAL)
    watcher = app.extensions["limner"].watcher
    with watcher.place():
        # With the one place to wait in taken, no look and no stream waits.
        found = schemathesis.openapi.from_wsgi("/openapi.json", app)
        found.config.update(headers={"token": caller.token})
        yield found
    quiet.setLevel(logging.NOTSET)
    store.close()


#: not asked for: that what fits the document is taken, since a made-up job is not there
CHECKS = (
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_headers_conformance,
    openapi_checks.response_schema_conformance,
    openapi_checks.unsupported_method,
)


def must_refuse(case):
    """Ask for a refusal of a wrong body; an empty query and a second token say nothing wrong."""
    body = case.meta.components.get(ParameterLocation.BODY)
    wrong = body is not None and body.mode is GenerationMode.NEGATIVE
    return [openapi_checks.negative_data_rejection] if wrong else []


def meet_a_job(case):
    """Have every other request be about a job that there is."""
    parts = case.path_parameters
    named = parts.get("job_id", "1")
    if int(named[0], 16) % 2 == 0:
        parts["job_id"] = ids[int(named[1], 16) % len(ids)]
    body = case.body if isinstance(case.body, dict) else {}
    if "messageId" in body and len(body["messageId"]) % 2:
        body["messageId"] = ids[len(body["messageId"]) % len(ids)]


@pytest.mark.parametrize("mode", GenerationMode, ids=lambda mode: mode.name.lower())
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_no_answer_is_outside_the_document(document, operation, mode):
    @settings(
        max_examples=EXAMPLES,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(document[operation.path][operation.method].as_strategy(generation_mode=mode))
    def ask(case):
        if mode is GenerationMode.POSITIVE:
            meet_a_job(case)
        case.call_and_validate(checks=[*CHECKS, *must_refuse(case)])

    try:
        ask()
    except Unsatisfiable:
        pytest.skip("nothing can be wrong about a request without parts")
