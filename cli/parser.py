"""The argument parser of the ``limner`` command; each subcommand sets the function that runs it."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import TypeAlias

from cli import (
    callbacks,
    clients,
    console,
    doctor,
    engines,
    jobs,
    levers,
    many,
    messages,
    operators,
    pictures,
    processes,
    schema,
    top,
)
from limner.store.operators import Role
from limner.version import version
from stack.processes import QUEUES

#: takes the parsed arguments and returns the exit code
Command = Callable[[argparse.Namespace], int]
Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def build() -> argparse.ArgumentParser:
    """Return the parser of the whole command."""
    parser = argparse.ArgumentParser(
        prog="limner",
        description="A self-hosted imagine gateway. Settings: LIMNER_* and limner.toml.",
    )
    parser.add_argument("--version", action="version", version=f"limner {version()}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    up = commands.add_parser("up", help="run everything on this machine, in the foreground")
    up.add_argument("--port", type=int, help="port of the API (8000)")
    up.add_argument("--flower-port", type=int, help="port of Flower (5555)")
    up.add_argument("--no-flower", action="store_true", help="run without Flower")
    up.set_defaults(run=processes.up)

    reload = commands.add_parser(
        "reload", help="have the running `limner up` read its settings and engines anew"
    )
    reload.set_defaults(run=processes.reload)

    demo = commands.add_parser("demo", help="draw two pictures and show every callback")
    demo.set_defaults(run=processes.demo)

    for name, about in (
        ("api", "run the API"),
        ("worker", "run one worker"),
        ("beat", "run beat, which triggers the sweep for lost messages"),
        ("flower", "run Flower"),
    ):
        process = commands.add_parser(name, help=about)
        if name == "worker":
            process.add_argument("queue", choices=QUEUES, help="the queue to consume")
            process.add_argument("--name", help="a name that is unique on this host (its pid)")
        checks = process.add_mutually_exclusive_group()
        if name != "beat":
            checks.add_argument(
                "--check", action="store_true", help="health check: ask the running process"
            )
        if name == "worker":
            checks.add_argument(
                "--alive", action="store_true", help="whether it runs, whatever Redis does"
            )
        process.add_argument(
            "--print", action="store_true", help="print the command line instead of running it"
        )
        process.set_defaults(run=processes.process)

    for name, about, run in (
        ("sketch", "paint sample sheets with the sketch engine", processes.sketch),
        ("verify", "receive callbacks and grade them", processes.verify),
    ):
        # They parse their own arguments, including --help.
        other = commands.add_parser(name, help=about, add_help=False)
        other.set_defaults(run=run)

    _add_clients(commands)
    _add_operators(commands)
    _add_console(commands)
    _add_engines(commands)
    _add_levers(commands)
    _add_callbacks(commands)
    job = commands.add_parser("job", help="show one job: what happened, and why it waits")
    job.add_argument("id", metavar="ID|TAG")
    job.set_defaults(run=jobs.job)
    _add_jobs(commands)
    _add_messages(commands)
    images = commands.add_parser("images", help="manage stored pictures")
    actions = _actions(images)
    prune = actions.add_parser("prune", help="delete expired pictures")
    prune.add_argument("--dry-run", action="store_true", help="only show what would be deleted")
    prune.set_defaults(run=pictures.prune)
    adopt = actions.add_parser("adopt", help="accept a replaced image folder as it is")
    adopt.set_defaults(run=pictures.adopt)
    _add_schema(commands)
    view = commands.add_parser("top", help="watch lanes, engines, clients and callbacks live")
    view.set_defaults(run=top.top)
    look = commands.add_parser("doctor", help="check this installation for problems")
    look.set_defaults(run=doctor.doctor)
    _add_json(parser)
    parser.set_defaults(json=False)
    return parser


def _add_json(parser: argparse.ArgumentParser) -> None:
    """Add ``--json`` to every command and action below ``parser`` that prints something."""
    for commands in parser._actions:
        if isinstance(commands, argparse._SubParsersAction):
            # An alias is the same parser under another name.
            for command in dict.fromkeys(commands.choices.values()):
                if command.add_help:
                    _add_json(command)
    if parser.get_default("run"):
        # No default: an action's would overwrite what stands before it (`engines --json retry x`).
        about = "print JSON (a process: log in JSON)"
        parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=about)


def _add_clients(commands: Subparsers) -> None:
    actions = _actions(commands.add_parser("clients", help="create and change clients"))
    add = actions.add_parser("add", help="create a client; prints its token and secret once")
    change = actions.add_parser("set", help="change a client; `none` removes a limit or URL")
    for action, run in ((add, clients.add), (change, clients.change)):
        action.add_argument("name")
        action.add_argument("--callback-url", metavar="URL", help="default callback URL")
        action.add_argument("--lanes", help="fast, relaxed or fast,relaxed (default)")
        action.add_argument("--waiting-cap", metavar="N", help="most waiting jobs")
        action.add_argument("--inline-quota", metavar="MB", help="quota of its inline pictures")
        action.add_argument("--rate", metavar="R", help="most requests per second")
        action.add_argument("--share", metavar="W", help="its part of a lane beside others (1)")
        action.add_argument("--in-flight", metavar="N", help="most drawings under way in a lane")
        action.add_argument("--per-day", metavar="N", help="budget of drawings a day, in UTC")
        action.add_argument("--per-month", metavar="N", help="budget of drawings a month, in UTC")
        action.add_argument("--cost-per-day", metavar="M", help="budget of money a day, in UTC")
        action.add_argument("--cost-per-month", metavar="M", help="budget of money a month")
        action.add_argument(
            "--callback-allow",
            metavar="LIST",
            help="private receivers that its callbacks may reach: '10.20.0.0/16:8443, localhost:*'",
        )
        action.set_defaults(run=run)
    actions.add_parser("list", help="list the clients").set_defaults(run=clients.listing)
    for name, about, run in (
        ("show", "show one client and the state of its callback URL", clients.one),
        ("disable", "refuse a client's token; its jobs and callbacks continue", clients.disable),
        ("enable", "accept its token again", clients.enable),
        (
            "rotate-token",
            "give it a new token; the old one stops working at once",
            clients.rotate_token,
        ),
        ("rotate-secret", "give it a new secret; for a day both sign", clients.rotate_secret),
    ):
        aliases = ["rotate"] if name == "rotate-secret" else []
        action = actions.add_parser(name, help=about, aliases=aliases)
        action.add_argument("name")
        action.set_defaults(run=run)


def _add_operators(commands: Subparsers) -> None:
    actions = _actions(
        commands.add_parser("operators", help="who may look at everything, or steer")
    )
    roles = [role.value for role in Role]
    for name, about, run in (
        ("add", "create an operator; prints its token once", operators.add),
        ("set", "give it another role", operators.change),
        ("rotate-token", "give it a new token; the old one stops working", operators.rotate_token),
        ("remove", "forget it", operators.remove),
    ):
        action = actions.add_parser(name, help=about)
        action.add_argument("name")
        if name in ("add", "set"):
            action.add_argument("--role", choices=roles, required=True)
        action.set_defaults(run=run)
    actions.add_parser("list", help="list the operators").set_defaults(run=operators.listing)


def _add_console(commands: Subparsers) -> None:
    actions = _actions(commands.add_parser("console", help="let people into the page at `/`"))
    link = actions.add_parser("link", help="print a link that lets its bearer in once")
    who = link.add_mutually_exclusive_group()
    who.add_argument("--client", metavar="NAME", help=f"as this client ({console.FIRST})")
    who.add_argument("--operator", metavar="NAME", help="as this operator")
    link.set_defaults(run=console.link)


def _add_engines(commands: Subparsers) -> None:
    parser = commands.add_parser("engines", help="list the engines, their slots and their state")
    parser.set_defaults(run=engines.listing)
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    check = actions.add_parser("check", help="draw small test pictures on it, step by step")
    check.add_argument("name")
    check.add_argument("--limit", type=float, default=300.0, help="time limit in seconds (300)")
    check.add_argument("--save", metavar="FOLDER", help="save the four pictures there")
    check.set_defaults(run=engines.check)
    retry = actions.add_parser(
        "retry", help="try a paused engine at once, because you have repaired it"
    )
    retry.add_argument("name")
    retry.set_defaults(run=engines.retry)

    change = actions.add_parser(
        "set", help="change its limits now, over limner.toml; `none` returns one to the settings"
    )
    change.add_argument("name")
    change.add_argument("--fast-slots", metavar="N", help="concurrent drawings of the fast lane")
    change.add_argument("--fast-gap", metavar="S", help="seconds between two starts there")
    change.add_argument("--relaxed-slots", metavar="N", help="the same of the relaxed lane")
    change.add_argument("--relaxed-gap", metavar="S", help="seconds between two starts there")
    change.add_argument("--weight", metavar="W", help="with equal room, the heavier is picked")
    change.add_argument("--clear", action="store_true", help="return to limner.toml in all of them")
    change.set_defaults(run=engines.change)


def _add_levers(commands: Subparsers) -> None:
    for name, about, run in (
        ("pause", "start nothing in a lane, on an engine or of a client", levers.pause),
        ("resume", "start jobs there again", levers.resume),
    ):
        action = commands.add_parser(name, help=about)
        action.add_argument("subject", choices=("lane", "engine", "client"))
        action.add_argument("name")
        action.set_defaults(run=run)
    drain = commands.add_parser("drain", help="finish what runs on an engine, and start nothing")
    drain.add_argument("name", help="the engine; `limner resume engine NAME` ends that")
    drain.add_argument(
        "--wait", type=float, default=0.0, metavar="S", help="wait so long for what runs"
    )
    drain.set_defaults(run=levers.drain)
    audit = commands.add_parser("audit", help="show what operators changed, newest first")
    audit.add_argument("--limit", type=int, default=20, help="most lines (20)")
    audit.set_defaults(run=levers.audit)


def _add_jobs(commands: Subparsers) -> None:
    actions = _actions(commands.add_parser("jobs", help="list, cancel or submit again many jobs"))
    for name, about, run, most in (
        ("list", "list jobs, newest first", many.listing, 20),
        ("cancel", "cancel the unfinished ones", many.cancel, 10_000),
        ("again", "submit the failed ones again, as new jobs", many.again, 10_000),
    ):
        action = actions.add_parser(name, help=about)
        many.add_filters(action)
        action.add_argument("--limit", type=int, default=most, help=f"most jobs ({most})")
        if run is not many.listing:
            action.add_argument("--yes", action="store_true", help="do it; else only count")
        action.set_defaults(run=run)
    front = actions.add_parser(
        "front", help="move a waiting job, or many, to the front of the lane"
    )
    front.add_argument("job", nargs="?", help="its id")
    many.add_filters(front)
    front.add_argument("--limit", type=int, default=10_000, help="most jobs (10000)")
    front.add_argument("--yes", action="store_true", help="do it; else only count, if filtered")
    front.set_defaults(run=many.front)


def _add_messages(commands: Subparsers) -> None:
    parser = commands.add_parser("messages", help="list foreign messages found on our queues")
    parser.add_argument("--limit", type=int, default=20, help="most messages to list (20)")
    parser.set_defaults(run=messages.listing)
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    actions.add_parser("drop", help="delete them").set_defaults(run=messages.drop)


def _add_schema(commands: Subparsers) -> None:
    parser = commands.add_parser("schema", help="show which schema the data in Redis have")
    parser.set_defaults(run=schema.look)
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    back = actions.add_parser("back", help="take the data back for an older Limner")
    back.add_argument("--to", type=int, metavar="N", help="the schema (the one before ours)")
    back.set_defaults(run=schema.back)


def _add_callbacks(commands: Subparsers) -> None:
    actions = _actions(commands.add_parser("callbacks", help="dead letters and receivers"))
    dead = actions.add_parser("dead", help="list the callbacks that were given up")
    dead.set_defaults(run=callbacks.dead)
    resend = actions.add_parser("resend", help="resend a job's dead letters, or its last event")
    resend.add_argument("job", nargs="?")
    resend.add_argument("--seq", type=int, help="only this event")
    resend.add_argument("--all", action="store_true", help="of every job that has dead letters")
    resend.set_defaults(run=callbacks.resend)
    resend.add_argument("--yes", action="store_true", help="do it; else only count, if filtered")
    for action in (dead, resend):
        many.add_filters(action)
        action.add_argument("--why", help="why they were given up: exhausted, rejected, gone …")
        action.add_argument("--limit", type=int, default=100, help="most dead letters (100)")
    attempt = actions.add_parser("try", help="post one signed test event and report each step")
    attempt.add_argument("url", nargs="?", help="default: the client's default URL")
    attempt.add_argument("--client", help="whose secret and allow-list to use")
    attempt.set_defaults(run=callbacks.try_url)
    enable = actions.add_parser("enable", help="enable a client's default URL again")
    enable.add_argument("client")
    enable.add_argument("--untested", action="store_true", help="without a test event")
    enable.set_defaults(run=callbacks.enable)


def _actions(parser: argparse.ArgumentParser) -> Subparsers:
    return parser.add_subparsers(dest="action", required=True, metavar="ACTION")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line; errors go to standard error, with exit code 2."""
    parser = build()
    options, rest = parser.parse_known_args(arguments)
    if rest and options.command not in ("sketch", "verify"):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    options.rest = rest
    return options


def run(options: argparse.Namespace) -> int:
    """Run the chosen subcommand and return its exit code."""
    command: Command = options.run
    return command(options)
