"""What the ``limner`` command understands; each subcommand names the function that runs it."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from importlib.metadata import version

from limner.cli import doctor, processes, records
from limner.processes import QUEUES

#: takes the parsed arguments, returns the exit code
Command = Callable[[argparse.Namespace], int]


def build() -> argparse.ArgumentParser:
    """Return the parser of the whole command."""
    parser = argparse.ArgumentParser(
        prog="limner",
        description="A self-hosted imagine gateway. Settings: LIMNER_* and limner.toml.",
    )
    parser.add_argument("--version", action="version", version=f"limner {version('limner')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    up = commands.add_parser("up", help="run everything on this machine, in the foreground")
    up.add_argument("--port", type=int, help="port of the API (8000)")
    up.add_argument("--flower-port", type=int, help="port of Flower (5555)")
    up.add_argument("--no-flower", action="store_true", help="run without Flower")
    up.set_defaults(run=processes.up)

    demo = commands.add_parser("demo", help="draw two pictures and show every callback")
    demo.set_defaults(run=processes.demo)

    for name, about in (
        ("api", "run the API"),
        ("worker", "run one worker"),
        ("beat", "run the clock that looks for lost messages"),
        ("flower", "run Flower"),
    ):
        process = commands.add_parser(name, help=about)
        if name == "worker":
            process.add_argument("queue", choices=QUEUES, help="what it works on")
            process.add_argument("--name", help="what tells it from others on this host (its pid)")
        if name != "beat":
            process.add_argument(
                "--check", action="store_true", help="ask the running one whether it is well"
            )
        process.add_argument("--print", action="store_true", help="show the command line instead")
        process.set_defaults(run=processes.process)

    for name, about, run in (
        ("sketch", "paint sample sheets with the sketch engine", processes.sketch),
        ("verify", "receive callbacks and grade them", processes.verify),
    ):
        # Their arguments, --help among them, are theirs to read.
        other = commands.add_parser(name, help=about, add_help=False)
        other.set_defaults(run=run)

    _add_clients(commands)
    engines = commands.add_parser("engines", help="list the engines and their slots")
    engines.set_defaults(run=records.engines)
    job = commands.add_parser("job", help="show one job")
    job.add_argument("id")
    job.set_defaults(run=records.job)
    look = commands.add_parser("doctor", help="look for what is wrong with this installation")
    look.set_defaults(run=doctor.doctor)
    return parser


def _add_clients(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    clients = commands.add_parser("clients", help="make and list those who may call")
    actions = clients.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", help="make a client; prints its token and secret once")
    add.add_argument("name")
    add.add_argument("--callback-url", metavar="URL", help="where callbacks go by default")
    add.add_argument("--lanes", default="fast,relaxed", help="fast, relaxed or both (default)")
    add.add_argument("--waiting-cap", type=int, metavar="N", help="most jobs that may wait")
    add.add_argument("--rate", type=float, metavar="R", help="most requests a second")
    add.add_argument(
        "--callback-allow",
        default="",
        metavar="LIST",
        help="private receivers that its callbacks may reach: '10.20.0.0/16:8443, localhost:*'",
    )
    add.set_defaults(run=records.add_client)
    rotate = actions.add_parser(
        "rotate", help="give a client a new secret; the old signs for a day"
    )
    rotate.add_argument("name")
    rotate.set_defaults(run=records.rotate_secret)
    actions.add_parser("list", help="list the clients").set_defaults(run=records.list_clients)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; what is wrong with it is said on standard error, with exit code 2."""
    parser = build()
    options, rest = parser.parse_known_args(arguments)
    if rest and options.command not in ("sketch", "verify"):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    options.rest = rest
    return options


def run(options: argparse.Namespace) -> int:
    """Run the subcommand that was chosen and return its exit code."""
    command: Command = options.run
    return command(options)
