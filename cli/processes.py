"""``limner up`` and ``demo``, and the commands that run one process of the gateway.

``limner api`` and the like ``exec`` gunicorn or Celery, so that signals and exit codes are theirs and
a container has one process less.
"""

from __future__ import annotations

import argparse
import logging
import os
import shlex
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit

from cli import checks, greeting
from limner.compact_json import compact_json
from limner.console import CallHandler, Console
from limner.errors import ConfigError, LimnerError, StoreDown, StoreRefused
from limner.exits import complain_as_log
from limner.log import catch_the_rest, event, flush, json_line, set_up
from limner.plural import counted
from limner.printing import document, line, record
from limner.settings import ENV_PREFIX, Settings, surroundings
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
from stack.stack import Stack, StartFailed, StopAsked

log = logging.getLogger(__name__)


def up(options: argparse.Namespace) -> int:
    """Run everything until a signal comes."""
    _complain_as(options)
    settings = _of_up(options)
    keep_to_ourselves()
    as_json = settings.log_format == "json"
    if as_json:
        complain_as_log()
    with Console(left_out=_left_out_json) if as_json else Console() as console:
        say = partial(_say_json, console) if as_json else console.say_as
        handler = CallHandler(partial(say, "limner"), console.flush)
        set_up(settings.log_format, settings.log_level, handler)
        catch_the_rest()
        _tell_strangers()
        _up(settings, console, say, options)
    return 0


def _complain_as(options: argparse.Namespace) -> None:
    """Before there are settings: have what is wrong with them in the log, if that is to be JSON."""
    asked = surroundings.settings(os.environ).get(f"{ENV_PREFIX}LOG_FORMAT", "")
    if options.json or asked.strip() == "json":
        complain_as_log()


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
            as_json = settings.log_format == "json"
            # A line of JSON is for a program, and a program's input is kept.
            private = console.is_terminal and not as_json
            told = greeting.started(
                settings, stack.store, server, engines, flower=flower, private=private
            )
            if as_json:
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
        return checks.alive(options)
    runs_on = not (options.print or getattr(options, "check", False))
    if runs_on:
        _complain_as(options)
    read = Settings.load()
    settings = _as_json(read, options)
    if runs_on and settings.log_format == "json":
        complain_as_log()
    keep_to_ourselves()
    if options.command == "worker":
        mark = options.name or str(os.getpid())
        if options.check and not options.print:
            return checks.worker(options, settings, mark)
        if options.check:
            command = processes.ping(options.queue, mark, as_json=options.json)
        else:
            command = processes.worker(options.queue, settings, mark)
    elif options.command == "api":
        if options.check:
            return checks.answering(options, settings.host, settings.port, "/healthz")
        command = processes.api(settings)
    elif options.command == "flower":
        if options.check:
            url = urlsplit(processes.flower_url(settings))
            return checks.answering(
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
    if options.command == "api":
        environment = processes.environment_of_reader(settings, read)
    else:
        # These read their settings once, as they begin, and are begun anew by this command.
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


def _check_stores(options: argparse.Namespace, settings: Settings) -> None:
    """Refuse to start with a Redis that will not serve us, or whose data are newer; one that is down may come up.

    Older data are brought to our schema here, before anything uses them. What uses pictures must have the store
    that others have.

    Raises:
        StoreRefused: its operator must act first.
        ConfigError: the image store is not that of the others.
        ImagesNotMounted: it may be once it is mounted.
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
