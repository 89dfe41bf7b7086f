"""The command line and the environment of each process of Limner.

Used by ``limner api``, ``limner worker`` and the like, which ``exec`` these commands, and by
``limner up``, which starts them all. The commands are started, never imported: the core knows neither
Flask nor Celery.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from limner.errors import ConfigError
from limner.peer import is_loopback
from limner.settings import ENV_PREFIX, Settings, surroundings
from limner.settings.listening import bound_to, is_everywhere, reached_at

#: the folder of ``api``, ``workers`` and ``celeryconfig``. Gunicorn and Celery first look for modules in
#: their working directory: started here, they cannot pick up an ``api/`` of the operator's.
HOME = Path(__file__).resolve().parents[1]

#: the queues a worker may be started for
QUEUES = ("fast", "relaxed", "callbacks")

#: a deliver task only hands over to the process's dispatcher, so a few threads are enough
CALLBACK_CONCURRENCY = 4

#: how long running requests have to finish at a stop: longer than a long poll may last
API_GRACE_S = 65

#: names the folder that `limner api` was called in to the API that it becomes, which reads its settings anew at
#: SIGHUP; not one of our settings, which begin otherwise
START_FOLDER = "API_START_FOLDER"

#: Python's own variables for processes of ours
_PYTHON = {
    "PYTHONUNBUFFERED": "1",
    # Five lines from each worker. It warns of pickled messages, which are not accepted here.
    "PYTHONWARNINGS": "ignore:You're running the worker with superuser",
}

#: our defaults for Flower, unless its own documented variables override them
FLOWER_DEFAULTS = {
    # in memory (1,000: about 60 MB, 10,000: about 110 MB)
    "FLOWER_MAX_TASKS": "2000",
    "FLOWER_PURGE_OFFLINE_WORKERS": "60",
    "FLOWER_TASKS_COLUMNS": "name,uuid,state,kwargs,worker,received,started,runtime",
}


def python(module: str, *arguments: str) -> list[str]:
    """Return the command that runs ``module`` under this interpreter."""
    return [sys.executable, "-m", module, *arguments]


def celery(*arguments: str) -> list[str]:
    """Return a Celery command without its banner."""
    return python("celery", "--quiet", *arguments)


def api(settings: Settings, door: int | None = None) -> list[str]:
    """Return the command of the API: gunicorn with an event loop and no access log.

    ``door``: the descriptor of a bound socket that it inherits, to listen on that.
    """
    return python(
        "gunicorn",
        "api.wsgi:app",
        # How many workers and connections, and how patient: what may change while it runs is told there.
        *("--config", "python:api.server.gunicorn_config"),
        *("--bind", bound_to(settings.host, settings.port) if door is None else f"fd://{door}"),
        *("--worker-class", "api.server.worker.Worker"),
        *("--log-level", "warning"),
        # It would overtake a response's head, which waits for the body (`api/server/link.py`).
        "--no-sendfile",
        # Its default is in the home folder, which all Limners of a user would share.
        "--no-control-socket",
    )


def worker(queue: str, settings: Settings, mark: str) -> list[str]:
    """Return the command of one worker of ``queue``; ``mark`` distinguishes it from others on its host.

    Raises:
        ConfigError: there is no such queue.
    """
    if queue not in QUEUES:
        raise ConfigError("worker", f"must be one of {', '.join(QUEUES)} (it is {queue!r})")
    lane = queue != "callbacks"
    return python(
        "workers.start",
        "worker",
        *("-Q", queue),
        *("--concurrency", str(settings.worker_threads if lane else CALLBACK_CONCURRENCY)),
        *("-n", f"{queue}-{mark}@%h"),
        # Flower is for drawings; ticks and deliveries would bury them in its task list.
        *(["-E"] if lane else []),
    )


def ping(queue: str, mark: str, *, as_json: bool = False) -> list[str]:
    """Return the command that succeeds if that worker on this host responds."""
    return celery(
        *("-A", "workers.bare", "inspect", "ping"),
        *("--destination", f"{queue}-{mark}@{socket.gethostname()}"),
        *("--timeout", "5"),
        *(["--json"] if as_json else []),
    )


def beat(settings: Settings) -> list[str]:
    """Return the command of beat. It sends ``tick`` by name and loads no task."""
    schedule = str(settings.data_dir / "beat-schedule")
    return python("workers.start", "beat", *("--schedule", schedule))


def flower(settings: Settings) -> list[str]:
    """Return the command of Flower. The password is not in it: see ``environment``.

    Raises:
        ConfigError: it would listen beyond loopback without a password.
    """
    if not settings.flower_auth and not is_loopback(settings.flower_host):
        raise ConfigError(
            "LIMNER_FLOWER_AUTH",
            f"must be set (user:password) for Flower to listen on {settings.flower_host}",
        )
    if settings.flower_auth and "," in settings.flower_auth:
        raise ConfigError(
            "LIMNER_FLOWER_AUTH", "must not contain a comma, where Flower would split it"
        )
    return celery(
        *("-A", "workers.flower", "flower"),
        f"--address={settings.flower_host}",
        f"--port={settings.flower_port}",
        # It would also turn on the callback workers' events; lane workers send theirs anyway.
        "--enable_events=false",
        # Ours: see `limner.log`.
        "--logging=none",
    )


def flower_url(settings: Settings, environ: Mapping[str, str] = os.environ) -> str:
    """Return Flower's URL on this machine, with the prefix that its own variables set."""
    prefix = environ.get("FLOWER_URL_PREFIX", "").strip("/")
    secure = environ.get("FLOWER_CERTFILE") and environ.get("FLOWER_KEYFILE")
    host = settings.flower_host
    if is_everywhere(host) and ":" in host:
        host = "::1"  # listening on the IPv6 wildcard, Flower does not accept IPv4
    where = reached_at(host, settings.flower_port)
    return f"http{'s' if secure else ''}://{where}/{prefix}".rstrip("/")


def make_folder(settings: Settings) -> None:
    """Create the data folder if it does not exist.

    Raises:
        ConfigError: it cannot be created.
    """
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            "LIMNER_DATA_DIR", f"cannot make {settings.data_dir}: {error.strerror}"
        ) from error


def config_path(environ: Mapping[str, str]) -> Path:
    """Return the path of the settings file that applies, whether or not it exists."""
    return Path(surroundings.settings(environ).get(ENV_PREFIX + "CONFIG") or "limner.toml")


def environment(settings: Settings, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment in which a process of ours sees exactly these settings, whatever the file says later.

    The command line may have reset a setting to its default, and relative paths would mean something else
    in ``HOME``: both are always set explicitly.
    """
    own = {
        ENV_PREFIX + "DATA_DIR": str(settings.data_dir),
        ENV_PREFIX + "HOST": settings.host,
        ENV_PREFIX + "FLOWER_HOST": settings.flower_host,
        ENV_PREFIX + "PORT": str(settings.port),
        ENV_PREFIX + "FLOWER_PORT": str(settings.flower_port),
    }
    config = config_path(environ)
    own[ENV_PREFIX + "CONFIG"] = str(config.absolute()) if config.exists() else os.devnull
    # Not as an option: everyone on the machine can read command lines.
    if settings.flower_auth:
        own["FLOWER_BASIC_AUTH"] = settings.flower_auth
    return {**FLOWER_DEFAULTS, **_inherited(environ), **settings.environment(), **own, **_PYTHON}


def environment_of_reader(
    settings: Settings, read: Settings, environ: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Return the environment in which an API reads its settings as its command did, and may do so again.

    ``read``: what the command has read, before its options made ``settings`` of it. Only what they changed is
    handed on: a variable wins over the file, and what the file says may change.
    """
    config = config_path(environ)
    if config.exists() and not config.is_file():
        # A pipe is not read twice.
        return environment(settings, environ)
    return {
        **_inherited(environ),
        **settings.environment(since=read),
        **_PYTHON,
        START_FOLDER: os.getcwd(),
    }


def _inherited(environ: Mapping[str, str]) -> dict[str, str]:
    inherited = surroundings.without_strangers(environ)
    inherited.pop(START_FOLDER, None)
    return inherited
