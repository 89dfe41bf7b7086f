"""Schemathesis asks each protocol by its own document: all that it allows, and much that it does not."""

from __future__ import annotations

import logging
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass

import pytest
import schemathesis
from schemathesis import checks
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks as openapi_checks

from api import create_app
from api.face import served_faces
from limner.faces import LIMNER
from limner.job import Status
from limner.settings import Settings
from limner.store import Policy, Store
from tests.api.asking import a_caller
from tests.api.drawing import NotGrantedError, done
from tests.api.fuzzing import ROUNDS, asks
from tests.builders import MESSAGES, a_worker, an_engine

pytestmark = pytest.mark.slow

WHO = "fuzz"
#: most that a call waits for its drawing: pytest cuts a test off once, and Hypothesis repeats what failed
WAIT_S = 60.0
#: What a protocol's own clients send is taken more widely than its document says, since they send it.
CHECKS = (
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_headers_conformance,
    openapi_checks.response_schema_conformance,
    openapi_checks.unsupported_method,
)
STREAM_CHECKS = tuple(
    one for one in CHECKS if one is not openapi_checks.response_schema_conformance
)
METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Operation:
    face: str
    method: str
    path: str


#: of each face but the gateway's own, which has a test of its own
OPERATIONS = [
    Operation(face.name, method, path)
    for face in served_faces(Settings())
    if face.document is not None and face.name != LIMNER
    for path, item in face.document("http://localhost", "0")["paths"].items()
    for method in METHODS
    if method in item
]


class Painter(threading.Thread):
    """Draws what waits, since some calls wait for the end."""

    def __init__(self, app, store) -> None:
        super().__init__(daemon=True)
        self._app, self._store = app, store
        self.stopped = threading.Event()

    def run(self) -> None:
        while not self.stopped.wait(0.01):
            for job in self._store.jobs.page(WHO, status=Status.WAITING).jobs:
                # Its caller may have called it off since.
                with suppress(NotGrantedError):
                    done(self._app, self._store, {"id": job.id})


@pytest.fixture(scope="module")
def app(redis_url, tmp_path_factory):
    store = Store(redis_url, policy=Policy(lease_s=3600))
    store.redis.flushall()
    app = create_app(
        Settings(redis_url=redis_url, data_dir=tmp_path_factory.mktemp("fuzz")), store, MESSAGES
    )
    app.caller = a_caller(app, store, WHO, waiting_cap=100_000)
    a_worker(store, an_engine("stage", fast=99, relaxed=99))
    app.ids = [app.caller.drawn()["id"] for _ in range(4)]
    quiet = logging.getLogger("api")
    quiet.setLevel(logging.CRITICAL)
    painter = Painter(app, store)
    painter.start()
    with pytest.MonkeyPatch.context() as patched:
        # By their full names: a blueprint of the same name hides one of them from its package.
        for module in ("openai.images", "sdapi.drawing"):
            patched.setattr(sys.modules[f"api.faces.{module}"], "WAIT_MOST_S", WAIT_S)
        yield app
    painter.stopped.set()
    painter.join()
    quiet.setLevel(logging.NOTSET)
    store.close()


@pytest.fixture(scope="module")
def ask_by(app):
    """A function that returns a face's document, with the header that names the client."""
    found = {}

    def of(face):
        if face not in found:
            document = schemathesis.openapi.from_wsgi(f"/openapi/{face}.json", app)
            document.config.update(headers={"Authorization": f"Bearer {app.caller.token}"})
            found[face] = document
        return found[face]

    return of


def meet_what_is_here(case, ids):
    """Have every other right request be about a job that there is."""
    if case.meta.generation.mode is GenerationMode.NEGATIVE:
        return
    for name, value in list((case.path_parameters or {}).items()):
        if len(str(value)) % 2:
            case.path_parameters[name] = ids[len(str(value)) % len(ids)]


@pytest.mark.parametrize(("phase", "seed"), ROUNDS[:2])
@pytest.mark.parametrize(
    "operation", OPERATIONS, ids=lambda one: f"{one.face} {one.method} {one.path}"
)
def test_the_document_of_a_face_and_its_answers_agree(app, ask_by, operation, phase, seed):
    document = ask_by(operation.face)

    def ask(case):
        meet_what_is_here(case, app.ids)
        answer = case.call(headers=document.config.headers)
        # OpenAI's document, and ours after it, give a stream the shape of its events' data.
        is_stream = answer.headers["content-type"][0].startswith("text/event-stream")
        case.validate_response(answer, checks=STREAM_CHECKS if is_stream else CHECKS)

    asks(document, operation, phase, seed, ask)
