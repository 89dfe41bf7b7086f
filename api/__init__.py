"""HTTP in: the Flask application. ``api/wsgi.py`` creates one for gunicorn, tests create their own."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import chain

from flask import Flask

from api import answer, errors
from api.accept import CLIENT_COPIES, COPIES, new_seeds, tell_replay
from api.access import guard
from api.access.door import Doorkeeper
from api.body import BODIES_BYTES, CLIENT_BODIES_BYTES, READ_MAX_BYTES
from api.concurrency import THREADS, Concurrency
from api.console.rooms import CONSOLE
from api.cors import allow_pages_of
from api.deadline import answer_in_time
from api.documents import documents
from api.face import EXTENSION as FACES
from api.face import served_faces
from api.failures import Failures
from api.forbidden import WordCheck
from api.house import EXTENSION, House, Seeds
from api.impossible import CLIENT_LOOKS, LOOKS
from api.offloaded_images import OffloadedImages
from api.ops.docs import docs
from api.ops.health import health
from api.ops.looking import looking
from api.ops.many import bulk
from api.ops.metrics import metrics
from api.ops.pictures import pictures
from api.ops.steering import steering
from api.overview import Overview
from api.places import Places
from api.prefix import serve_under
from api.producer import messages_of
from api.rule import PlainRule
from api.wait_places import WaitPlaces
from api.watcher import Watcher
from limner.ids import new_id
from limner.message import Messages
from limner.pictures.image_store import Images
from limner.settings import Settings
from limner.store import Store
from limner.store.waits import IMPATIENT


def create_app(
    settings: Settings,
    store: Store | None = None,
    messages: Messages | None = None,
    *,
    job_id: Callable[[], str] = new_id,
    seeds: Callable[[], Seeds] = new_seeds,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    clock: Callable[[], float] = time.monotonic,
    concurrency: Concurrency = THREADS,
) -> Flask:
    """Return the application; nothing connects to Redis before the first request."""
    app = Flask("limner", static_folder=None)
    app.url_rule_class = PlainRule
    app.config["MAX_CONTENT_LENGTH"] = READ_MAX_BYTES
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    # A redirect to the normalized path would be an HTML page.
    app.url_map.merge_slashes = False
    store = store or Store.of(settings, waits=IMPATIENT, per_thread=True)
    watcher = Watcher(store.changes, concurrency)
    app.extensions[EXTENSION] = House(
        settings=settings,
        store=store,
        door=Doorkeeper(store.clients, clock),
        images=OffloadedImages(Images.of(settings, store.folders), concurrency.offload),
        messages=(lambda: messages) if messages else messages_of(settings, store, concurrency),
        job_id=job_id,
        seeds=seeds,
        now=now,
        watcher=watcher,
        overview=Overview(store),
        waits=WaitPlaces(settings.api_client_waits, settings.api_waits, watcher),
        copies=Places(CLIENT_COPIES, COPIES),
        words=WordCheck(settings.forbidden, concurrency),
        bodies=Places(CLIENT_BODIES_BYTES, BODIES_BYTES),
        looks=Places(CLIENT_LOOKS, LOOKS),
    )
    errors.register(app)
    app.after_request(Failures(store.numbers).note)
    app.after_request(guard.tell_pace)
    app.after_request(tell_replay)
    app.after_request(answer.keep_to_the_asker)
    faces = app.extensions[FACES] = served_faces(settings)
    own = (documents, docs, pictures, health, metrics, looking, steering, bulk)
    pages = () if settings.console == "off" else CONSOLE
    for blueprint in (*chain.from_iterable(face.blueprints for face in faces), *own, *pages):
        app.register_blueprint(blueprint)
    for face in faces:
        if not face.open_to_pages and (origins := settings.face(face.name).origins):
            allow_pages_of(app, origins, face.paths)
    serve_under(app, settings.base_url)
    answer_in_time(app, store.waits.request_s)
    return app
