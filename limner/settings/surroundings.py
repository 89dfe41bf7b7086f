"""Environment variables that were not meant for us, and are ignored.

Kubernetes and Docker set variables for every service they know: next to a Service called ``limner``,
``LIMNER_PORT`` is ``tcp://10.96.0.12:8000``. Celery, gunicorn, Flask and Python read variables of
their own, which on a shared machine may be meant for another program, and would send ours to another
broker or into the background. Used by ``Settings.load`` and ``stack.processes``; ``limner up``, the
commands of single processes, and ``limner doctor`` list what was ignored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from limner.errors import ConfigError

PREFIX = "LIMNER_"

#: recognised by name: ``<SERVICE>_SERVICE_HOST``, ``…_PORT_8000_TCP_ADDR``, ``…_ENV_PATH``
_LINK_NAME = re.compile(
    r"(?:LIMNER|FLOWER)(?:_\w+)??"
    r"_(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?|ENV_\w+)"
)
#: by value: ``<SERVICE>_PORT=tcp://10.96.0.12:8000``, and Docker's ``<ALIAS>_NAME=/web/limner``
_LINK_PORT = re.compile(r"(?:tcp|udp|sctp)://[^/]+:\d+")
_LINK_ALIAS = re.compile(r"/[\w.-]+/[\w.-]+")

#: of the commands that call a gateway, which may be elsewhere (``cli/caller.py``), and of no process of ours
CALLERS_URL, CALLERS_TOKEN, CALLERS_SECRET = "LIMNER_URL", "LIMNER_TOKEN", "LIMNER_SECRET"
CALLERS = frozenset({CALLERS_URL, CALLERS_TOKEN, CALLERS_SECRET})

#: settings of former releases that have no effect any more; a gateway that names them still starts
FORMER = frozenset({"api_threads"})

#: what libraries would read: Celery's command line, Celery, kombu, gunicorn, Flask
_LIBRARY_PREFIXES = ("CELERY_", "KOMBU_", "GUNICORN_", "FLASK_")
_LIBRARY_NAMES = frozenset(
    {
        # Celery's command line also reads these without its prefix.
        *("APP", "BROKER_URL", "CONFIG_MODULE", "LOADER", "RESULT_BACKEND", "SKIP_CHECKS"),
        *("AUTOSCALE_KEEPALIVE", "C_BENCH", "C_IMPDEBUG", "C_STRICT_APP", "C_WARN_APP"),
        *("DISABLE_TRACEBACKS", "EVENTLET_NOBLOCK", "FORKED_BY_MULTIPROCESSING", "MP_LOG"),
        # Celery would set up the Django project that it names, or exit if there is none.
        "DJANGO_SETTINGS_MODULE",
        *("PICKLE_PROTOCOL", "SCRIPT_NAME", "SENDFILE", "WEB_CONCURRENCY"),
        # Without docstrings our errors have no messages, and warnings as errors break libraries.
        *("PYTHONINSPECT", "PYTHONOPTIMIZE", "PYTHONSTARTUP", "PYTHONWARNINGS"),
        # Flower's other variables are the operator's choice; for these we have settings.
        *("FLOWER_ADDRESS", "FLOWER_ENABLE_EVENTS", "FLOWER_LOGGING", "FLOWER_PORT"),
        "FLOWER_UNIX_SOCKET",
    }
)


def settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that may be our settings, cleaned of what editors and shells add.

    A byte-order mark before a name, and spaces, a carriage return or quotes around a value, come from
    ``.env`` files that were saved on other systems or passed on unparsed.

    Raises:
        ConfigError: a value is not UTF-8.
    """
    own = {}
    # Names without a mark come last, so they win.
    for raw_name in sorted(environ, key=lambda name: not name.startswith("\ufeff")):
        name = raw_name.removeprefix("\ufeff")
        if name in CALLERS:
            continue
        if name.startswith(PREFIX) and not _is_left_out(name, environ[raw_name]):
            own[name] = _cleaned(name, environ[raw_name])
    return own


def strangers(environ: Mapping[str, str]) -> list[str]:
    """Return the names of the variables that we ignore, sorted."""
    return sorted(
        name
        for name, value in environ.items()
        if name in _LIBRARY_NAMES or name.startswith(_LIBRARY_PREFIXES) or _is_left_out(name, value)
    )


def without_strangers(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without the ignored variables and callers' own, for a process of ours."""
    left_out = {*strangers(environ), *CALLERS}
    return {name: value for name, value in environ.items() if name not in left_out}


def _is_left_out(name: str, value: str) -> bool:
    is_former = name.startswith(PREFIX) and name.removeprefix(PREFIX).lower() in FORMER
    return is_former or _is_link(name, value)


def _is_link(name: str, value: str) -> bool:
    if not name.startswith((PREFIX, "FLOWER_")):
        return False
    if name.endswith("_PORT") and _LINK_PORT.fullmatch(value):
        return True
    if name.endswith("_NAME") and _LINK_ALIAS.fullmatch(value):
        return True
    return _LINK_NAME.fullmatch(name) is not None


def _cleaned(name: str, value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ConfigError(name, "is not UTF-8") from None
    text = value.strip("\ufeff\x00\x1a \t\r\n")
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        # `docker run --env-file` passes quotes on as part of the value.
        text = text[1:-1]
    return text
