"""``limner schema``: show which schema the data in Redis have, and take them back for an older Limner."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager

from cli import show
from limner.errors import ConfigError, StoreDown
from limner.printing import document, line
from limner.settings import Settings
from limner.store import Store
from limner.store.schema import Schema
from limner.store.schema.lock import SchemaMark
from limner.version import version
from stack import embedded
from stack.stack import SERVER_READY_S

#: how the data stand to this Limner, and what that means
STATES = {
    "well": "this Limner uses them as they are",
    "older": "the next process of this Limner that starts brings them forward",
    "newer": "this Limner refuses to start on them",
    "open": "of a newer Limner, and this one may still use them",
    "migrating": "a process migrates them now",
}


def look(options: argparse.Namespace) -> int:
    """Print the data's schema, this Limner's, and what each schema means; exit code 1 if the data are too new."""
    # Not by `open_store`, which refuses data that are too new.
    schema = Store.of(Settings.load()).schema
    mark, moving = schema.mark()
    state = _state(schema, mark, moving=moving)
    code = 1 if state == "newer" else 0
    if options.json:
        document(
            {
                "schema": mark.schema,
                "readableFrom": mark.readable_from,
                "markedBy": mark.limner or None,
                "markedAt": show.wire_time(mark.at_ms),
                "state": state,
                "limner": version(),
                "limnerSchema": schema.ours,
                "data": [
                    {
                        "schema": step.schema,
                        "since": step.since,
                        "readableFrom": step.readable_from,
                        "about": step.about,
                    }
                    for step in schema.steps
                ],
            }
        )
        return code
    when = f", marked by Limner {mark.limner} at {show.moment(mark.at_ms)}" if mark.at_ms else ""
    show.facts(
        {
            "data": f"schema {mark.schema}{when}",
            "usable by": f"Limner of schema {mark.readable_from} or newer",
            "this Limner": f"{version()}, schema {schema.ours}",
            "state": f"{state}: {STATES[state]}",
        }
    )
    line()
    rows = [(str(step.schema), step.since, step.about) for step in schema.steps]
    show.table([("SCHEMA", "SINCE", "WHAT"), *rows])
    return code


def _state(schema: Schema, mark: SchemaMark, *, moving: bool) -> str:
    if mark.readable_from > schema.ours:
        return "newer"
    if moving:
        return "migrating"
    if mark.schema == schema.ours:
        return "well"
    return "open" if mark.schema > schema.ours else "older"


def back(options: argparse.Namespace) -> int:
    """Take the data back to the schema before this Limner's, or to the one that is named."""
    settings = Settings.load()
    store = Store.of(settings)
    schema = store.schema
    wanted = schema.ours - 1 if options.to is None else options.to
    if not 1 <= wanted < schema.ours:
        raise ConfigError("--to", f"must be from 1 to {schema.ours - 1} (it is {wanted})")
    with _served(settings, store):
        before = schema.back(wanted)
        changed = before.schema > wanted
        if changed:
            store.levers.note(show.actor(), "schema", {"schema": str(wanted)})
    if changed:
        since = schema.steps[wanted - 1].since
        sentence = (
            f"The data are of schema {wanted} again: start Limner {since}. A process of this Limner, {version()}, "
            "would bring them forward again."
        )
    else:
        sentence = f"The data are of schema {before.schema}: nothing is to be taken back."
    body = {"schema": min(before.schema, wanted), "before": before.schema, "changed": changed}
    return show.outcome(options, sentence, body)


@contextmanager
def _served(settings: Settings, store: Store) -> Iterator[None]:
    """Run the embedded server within, where there is one: it has ended with `limner up`.

    Raises:
        ConfigError: `limner up` runs, and would bring the data forward again; or it never ran there.
        StoreDown: the server does not answer.
    """
    if settings.redis_url:
        yield
        return
    if not settings.data_dir.is_dir():
        raise ConfigError(
            "LIMNER_DATA_DIR",
            f"there is no {settings.data_dir}: call this from the folder of `limner up`",
        )
    server = embedded.start(settings.data_dir, memory=settings.redis_memory)
    try:
        _await(store)
        yield
    finally:
        server.terminate()
        server.wait()


def _await(store: Store) -> None:
    until = time.monotonic() + SERVER_READY_S
    while True:
        try:
            store.ping()
            return
        except StoreDown:
            if time.monotonic() > until:
                raise
        time.sleep(0.1)
