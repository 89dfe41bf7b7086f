"""``limner up`` and ``demo``, and the commands that run one process of the gateway.

``limner api`` and the like ``exec`` gunicorn or Celery, so that signals and exit codes are theirs and
a container has one process less.
"""

from __future__ import annotations

import argparse
import logging
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit

from cli import greeting, show
from limner.compact_json import compact_json
from limner.console import CallHandler, Console
from limner.errors import ConfigError, LimnerError, StoreDown, StoreRefused
from limner.log import event, flush, json_line, set_up
from limner.plural import counted
from limner.printing import document, line, record
from limner.settings import Settings, surroundings
from limner.settings.listening import bound_to
from limner.store import Store
from limner.store.server import usable
from stack import demo as demo_show
from stack import processes, pulse
from stack.already import check_not_up
from stack.control import Control, ask_reload
from stack.door import port_trouble
from stack.engines_asked import ask_engines, check_engines
from stack.own_store import check_own_store
from stack.privacy import keep_to_ourselves
from stack.reload import Reload
from stack.stack import Stack, StartFailed, StopAsked, answers

log = logging.getLogger(__name__)


def up(options: argparse.Namespace) -> int:
    """Run everything until a signal comes."""
    settings = _of_up(options)
    keep_to_ourselves()
    as_json = settings.log_format == "json"
    with Console(left_out=_left_out_json) if as_json else Console() as console:
        say = partial(_say_json, console) if as_json else console.say_as
        set_up(settings.log_format, settings.log_level, CallHandler(partial(say, "limner")))
        _tell_strangers()
        _up(settings, console, say, options)
    return 0


def _of_up(options: argparse.Namespace) -> Settings:
    """Return the settings of everything that ``limner up`` runs."""
    settings = _as_json(_with_ports(Settings.load(), options), options)
    if settings.log_format == "auto":
        # The lines pass through us, so the children cannot tell whether they end up on a terminal.
        settings = replace(settings, log_format="text")
    return settings


def _say_json(console: Console, process: str, line: str) -> None:
    """Print a line of a process's output as one JSON object."""
    if line:
        console.say(json_line(process, line), may_drop=True)


def _left_out_json(lines: int) -> str:
    return json_line("limner", f"{counted(lines, 'line')} dropped unread")


def _as_json(settings: Settings, options: argparse.Namespace) -> Settings:
    """Return the settings of a process that runs on: its output is its log."""
    return replace(settings, log_format="json") if options.json else settings


def _up(
    settings: Settings,
    console: Console,
    say: Callable[[str, str], None],
    options: argparse.Namespace,
) -> None:
    flower = not options.no_flower
    check_not_up(settings)
    engines = ask_engines(settings)
    check_engines(engines)
    stack = Stack(settings, say, flower=flower)
    stack.supervisor.hangup_reloads = not _has_terminal()
    try:
        with stack:
            facts = stack.start()
            server = f"{facts.product} {facts.version or ''}".strip()
            told = greeting.started(settings, stack.store, server, engines, flower=flower)
            if options.json:
                console.say(compact_json(greeting.body(settings, told)))
            else:
                console.say(greeting.text(console, settings, told))
            with Control(settings.data_dir, lambda: stack.settings.local_url) as control:
                reload = Reload(stack, partial(_of_up, options), control)
                stack.supervisor.run(reload.look)
            say("limner", "stopping; Ctrl-C again kills")
    except StopAsked:
        say("limner", "stopped before it was up")
    except StartFailed as error:
        raise StartFailed(f"{error.message}; see its lines above") from error
    say("limner", "stopped")


def _has_terminal() -> bool:
    """Return whether a terminal could hang up on this process; then SIGHUP means that it has gone."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY))
    except OSError:
        return False
    return True


def reload(options: argparse.Namespace) -> int:
    """Have the ``limner up`` of the data folder read its settings anew, and wait until that is done."""
    try:
        data_dir = Settings.load().data_dir
    except ConfigError as error:
        # What it would say, too.
        raise LimnerError(f"not reloaded: {error.message}") from error
    body = ask_reload(data_dir)
    if not body["reloaded"]:
        raise LimnerError(f"not reloaded: {body['why']}")
    if options.json:
        document(body)
        return 0
    line("Reloaded.", *([] if body["changed"] else [" No setting has changed."]))
    for change in body["changed"]:
        line(f"  {change}")
    if body["finishing"]:
        line(f"Former processes that finish what they have begun: {', '.join(body['finishing'])}.")
    return 0


def _tell_strangers() -> None:
    """Report once which environment variables are ignored because they are not meant for us."""
    if names := surroundings.strangers(os.environ):
        event(log, "environment.ignored", level=logging.WARNING, names=" ".join(names))


def demo(options: argparse.Namespace) -> int:
    """Draw two pictures on a stack of our own."""
    if not options.json:
        with Console() as console:
            return demo_show.show(console)
    # The story on standard error, so that standard output has JSON alone.
    with Console(sys.stderr) as console:
        return demo_show.show(console, record)


def process(options: argparse.Namespace) -> int:
    """Run one process of the gateway, show its command line, or check its health."""
    if getattr(options, "alive", False):
        # Before the settings: somebody may just be editing them.
        return _alive(options)
    settings = _as_json(Settings.load(), options)
    keep_to_ourselves()
    if options.command == "worker":
        mark = options.name or str(os.getpid())
        if options.check and not options.print:
            return _check_worker(options, settings, mark)
        if options.check:
            command = processes.ping(options.queue, mark, as_json=options.json)
        else:
            command = processes.worker(options.queue, settings, mark)
    elif options.command == "api":
        if options.check:
            return _check(options, settings.host, settings.port, "/healthz")
        command = processes.api(settings)
    elif options.command == "flower":
        if options.check:
            url = urlsplit(processes.flower_url(settings))
            return _check(
                options,
                settings.flower_host,
                settings.flower_port,
                f"{url.path}/healthcheck",
                secure=url.scheme == "https",
            )
        command = processes.flower(settings)
    else:
        processes.make_folder(settings)
        command = processes.beat(settings)
    environment = processes.environment(settings)
    if options.command == "worker" and options.name:
        environment |= _pulse(options)
    if not options.print:
        _check_port(options, settings)
        set_up(settings.log_format, settings.log_level)
        _tell_strangers()
        _check_stores(options, settings)
    if options.print and options.json:
        document({"command": command})
        return 0
    return become(command, environment, show=options.print)


def _check_port(options: argparse.Namespace, settings: Settings) -> None:
    """Refuse a port that cannot be had: gunicorn would try on, and Flower end with a traceback.

    Raises:
        ConfigError: another process has it, or this machine no such address.
    """
    listens = {
        "api": ("LIMNER_PORT", settings.host, settings.port),
        "flower": ("LIMNER_FLOWER_PORT", settings.flower_host, settings.flower_port),
    }
    if options.command in listens:
        setting, host, port = listens[options.command]
        if why := port_trouble(host, port):
            raise ConfigError(setting, f"{bound_to(host, port)} {why}")


def _pulse(options: argparse.Namespace) -> dict[str, str]:
    """Return what tells a worker where to show that it lives."""
    try:
        return {pulse.VARIABLE: str(pulse.pulse_file(options.queue, options.name))}
    except OSError as error:
        event(log, "pulse.missed", level=logging.WARNING, why=str(error))
        return {}


def _alive(options: argparse.Namespace) -> int:
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


def _check_worker(options: argparse.Namespace, settings: Settings, mark: str) -> int:
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


def _check_stores(options: argparse.Namespace, settings: Settings) -> None:
    """Refuse to start with a Redis that will not serve us, or whose data are newer; one that is down may come up.

    Older data are brought to our schema here, before anything uses them. What uses pictures must have the store
    that others have.

    Raises:
        StoreRefused: its operator must act first.
        ConfigError: the image store is not that of the others.
    """
    store = Store.of(settings)
    try:
        usable(store.redis, store.replicas)
        store.schema.settle()
        if options.command in ("api", "worker"):
            check_own_store(settings, store)
    except StoreRefused:
        raise
    except StoreDown as error:
        event(log, "store.missed", level=logging.WARNING, why=error.message)
    finally:
        store.close()


def _check(
    options: argparse.Namespace, host: str, port: int, path: str, *, secure: bool = False
) -> int:
    well = answers(host, port, path, secure=secure)
    where = bound_to(host, port)
    cure = "is it running there? LIMNER_HOST, LIMNER_PORT and the like say where"
    sentence = "well" if well else f"{where} does not answer {path} with 200: {cure}"
    show.outcome(options, sentence, {"ok": well, "address": where, "path": path})
    return 0 if well else 1


def sketch(options: argparse.Namespace) -> int:
    """Run the sketch engine's own command."""
    command = a_child("engines.sketch.sheet", *options.rest)
    return become(command, dict(os.environ), show=False, folder=None)


def a_child(module: str, *arguments: str) -> list[str]:
    """Return the command line of a command that lives in another package; it ends as ours do."""
    return processes.python("limner.child", module, *arguments)


def become(
    command: list[str],
    environment: dict[str, str],
    *,
    show: bool = False,
    folder: str | None = str(processes.HOME),
) -> int:
    """Replace this process by a command, or only show it."""
    if show:
        print(shlex.join(command))
    else:
        if folder:
            os.chdir(folder)
        flush()
        os.execvpe(command[0], command, environment)
    return 0


def _with_ports(settings: Settings, options: argparse.Namespace) -> Settings:
    chosen = {"port": options.port, "flower_port": options.flower_port}
    for name, port in chosen.items():
        if port is not None and not 1 <= port <= 65535:
            option = "--" + name.replace("_", "-")
            raise ConfigError(option, f"must be a whole number from 1 to 65535 (it is {port})")
    settings = replace(settings, **{k: v for k, v in chosen.items() if v is not None})
    if not options.no_flower and settings.port == settings.flower_port:
        raise ConfigError("LIMNER_FLOWER_PORT", f"the API has port {settings.port} already")
    return settings
