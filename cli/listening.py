"""``limner listen``: receive callbacks here, verify their signatures, and print them; for people who write a receiver."""

from __future__ import annotations

import argparse
import os
import queue
import sys
import time
from collections.abc import Mapping
from typing import Any

from cli import show
from cli.caller import first_client
from limner.errors import ConfigError, LimnerError, StoreDown
from limner.exits import store_trouble
from limner.plural import counted
from limner.printing import BAD, GOOD, QUIET, line, record
from limner.settings.listening import bound_to
from limner.settings.surroundings import CALLERS_SECRET
from stack import grader
from stack.receiver import WORDS, ReceivedCallback, Receiver

#: how often Ctrl-C and ``--seconds`` are looked for
LOOK_S = 0.2


def listen(options: argparse.Namespace) -> int:
    """Print each callback as it comes, until Ctrl-C, ``--count`` or ``--seconds``; exit code 1 if one was not well."""
    secrets = _secrets(options)
    try:
        receiver = Receiver(secrets, options.host, options.port)
    except OSError as error:
        where = bound_to(options.host, options.port)
        raise LimnerError(
            f"cannot listen on {where}: {error.strerror}; choose another with --port"
        ) from error
    ends = None if options.seconds is None else time.monotonic() + options.seconds
    seen = wrong = 0
    with receiver:
        if not options.json:
            line(f"listening: {receiver.url}  (use it as callBackUrl; Ctrl-C ends)")
            # Whoever reads it by a pipe needs it now.
            sys.stdout.flush()
        try:
            while ends is None or time.monotonic() < ends:
                try:
                    told = receiver.told.get(timeout=LOOK_S)
                except queue.Empty:
                    continue
                seen += 1
                wrong += not told.signed
                _print(told, as_json=options.json)
                if options.count is not None and seen >= options.count:
                    break
        except KeyboardInterrupt:
            # That is how it ends, unless it was to wait for more.
            pass
    if options.count is not None and seen < options.count:
        raise LimnerError(f"{seen} of {counted(options.count, 'callback')} came.")
    return 1 if wrong else 0


def _print(told: ReceivedCallback, *, as_json: bool) -> None:
    if as_json:
        record({"signed": told.signed, "id": told.id, "body": dict(told.job)})
        return
    mark = ("signed  ", GOOD) if told.signed else ("UNSIGNED", BAD)
    line((f"{time.strftime('%H:%M:%S')} ", QUIET), mark, f"  {_about(told.job)}")
    sys.stdout.flush()


def _about(job: Mapping[str, Any]) -> str:
    """Return what a callback tells, in a line."""
    if not job:
        return "not a JSON object"
    test = "test event  " if job.get("test") is True else ""
    status = job.get("status")
    word = WORDS.get(status, str(status)) if isinstance(status, int) else "no status"
    parts = [f"{str(job.get('id', '?'))[:8]} seq {job.get('seq', '?')} {word}"]
    if word == "drawing":
        parts.append(f"{job.get('progress')} %")
    if word == "failed":
        parts.append(f"{job.get('reasonCode')}: {job.get('reason')}")
    if word == "done" and job.get("url"):
        parts.append(str(job["url"]))
    return test + "  ".join(parts)


def _secrets(options: argparse.Namespace) -> tuple[str, ...]:
    """Return the secrets that count: as given, or from the store of this machine.

    Raises:
        ConfigError: one is none.
    """
    given = tuple(options.secret or os.environ.get(CALLERS_SECRET, "").split())
    if not given:
        return _stored(options)
    for secret in given:
        _check_secret(secret)
    return given


def _stored(options: argparse.Namespace) -> tuple[str, ...]:
    try:
        store = show.open_store()
        name = options.client or first_client(store)
        client = store.clients.get(name)
    except StoreDown as error:
        raise LimnerError(
            f"{store_trouble(error)}; for a Limner elsewhere, give --secret or {CALLERS_SECRET}"
        ) from error
    if client is None:
        raise ConfigError("--client", f"there is no client called {name!r}")
    return client.secrets


def _check_secret(secret: str) -> None:
    """Return if a text can be a client's secret.

    Raises:
        ConfigError: it cannot; it is not repeated.
    """
    try:
        grader.key_of(secret)
    except ValueError as error:
        raise ConfigError("--secret", str(error)) from None


def verify(options: argparse.Namespace) -> int:
    """Receive callbacks and grade them; exit code 1 if a rule was broken."""
    return grader.main(options.rest)
