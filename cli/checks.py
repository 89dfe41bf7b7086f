"""Health checks of one process of the gateway: ``limner api --check``, ``limner worker … --alive`` and the like.

Called by ``cli.processes``.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from cli import show
from limner.errors import ConfigError, LimnerError
from limner.settings import Settings
from limner.settings.listening import bound_to
from limner.store import Store
from stack import processes, pulse
from stack.stack import answers


def alive(options: argparse.Namespace) -> int:
    """Tell whether a worker's own heartbeat goes on.

    Raises:
        ConfigError: it has no name.
    """
    if not options.name:
        raise ConfigError("--name", "must be given, and the same as the worker's")
    try:
        age_s = pulse.age_s(pulse.pulse_file(options.queue, options.name))
    except OSError:
        age_s = None
    well = age_s is not None and age_s <= pulse.LIMIT_S
    seen = "no heartbeat" if age_s is None else f"its last heartbeat was {age_s:.0f} s ago"
    show.outcome(options, "well" if well else seen, {"ok": well, "ageS": age_s})
    return 0 if well else 1


def worker(options: argparse.Namespace, settings: Settings, mark: str) -> int:
    """Tell whether a worker of this host answers through Redis, by Celery's own answer.

    Raises:
        LimnerError: it does not.
        StoreDown: Redis does not answer.
    """
    store = Store.of(settings)
    try:
        store.ping()
    finally:
        store.close()
    command = processes.ping(options.queue, mark, as_json=options.json)
    environment = processes.environment(settings)
    asked = subprocess.run(
        command, cwd=processes.HOME, env=environment, capture_output=True, text=True, check=False
    )
    if asked.returncode:
        raise LimnerError(
            f"no worker {options.queue}-{mark} answers on this host: is it running, with that --name?"
        )
    sys.stdout.write(asked.stdout)
    return 0


def answering(
    options: argparse.Namespace, host: str, port: int, path: str, *, secure: bool = False
) -> int:
    """Tell whether a server of this host answers ``path`` with 200."""
    well = answers(host, port, path, secure=secure)
    where = bound_to(host, port)
    cure = "is it running there? LIMNER_HOST, LIMNER_PORT and the like say where"
    sentence = "well" if well else f"{where} does not answer {path} with 200: {cure}"
    show.outcome(options, sentence, {"ok": well, "address": where, "path": path})
    return 0 if well else 1
