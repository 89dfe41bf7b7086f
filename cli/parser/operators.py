"""The commands by which operators look at the store and change it: clients, operators, the console, engines, levers."""

from __future__ import annotations

from collections.abc import Iterator

import click

from cli import clients, completion, console, engines, levers, operators
from cli.parser.words import ShownGroup, argument, command, flag, group, one_of, option
from limner.store.operators import Role


def commands() -> Iterator[click.Command]:
    """Yield them."""
    yield _clients()
    yield _operators()
    yield group("console", "let people into the page at `/`").has(
        command(
            "link",
            console.link,
            "print a link that lets its bearer in once",
            option("--client", "NAME", f"as this client ({console.FIRST})"),
            option("--operator", "NAME", "as this operator"),
            examples=("limner console link --operator olga",),
        )
    )
    yield _engines()
    yield from _levers()


def a_client(name: str = "name") -> click.Argument:
    """Return the argument that names a client."""
    return argument(name, "NAME", shell_complete=completion.clients)


def an_engine() -> click.Argument:
    """Return the argument that names an engine."""
    return argument("name", "NAME", shell_complete=completion.engines)


def _clients() -> ShownGroup:
    def chosen() -> list[click.Parameter]:
        return [
            option("--callback-url", "URL", "default callback URL"),
            option("--lanes", "LANES", "fast, relaxed or fast,relaxed (default)"),
            option("--waiting-cap", "N", "most waiting jobs"),
            option("--inline-quota", "MB", "quota of its inline pictures"),
            option("--rate", "R", "most requests per second"),
            option("--share", "W", "its part of a lane beside others (1)"),
            option("--in-flight", "N", "most drawings under way in a lane"),
            option("--per-day", "N", "budget of drawings a day, in UTC"),
            option("--per-month", "N", "budget of drawings a month, in UTC"),
            option("--cost-per-day", "M", "budget of money a day, in UTC"),
            option("--cost-per-month", "M", "budget of money a month, in UTC"),
            option(
                "--callback-allow",
                "LIST",
                "private receivers that its callbacks may reach: '10.20.0.0/16:8443, localhost:*'",
            ),
        ]

    return group("clients", "create and change clients").has(
        command(
            "add",
            clients.add,
            "create a client; prints its token and secret once",
            argument("name", "NAME"),
            *chosen(),
            examples=(
                "limner clients add shop --callback-url https://shop.example/hook --rate 20",
            ),
        ),
        command(
            "set",
            clients.change,
            "change a client; `none` removes a limit or URL",
            a_client(),
            *chosen(),
            examples=("limner clients set shop --rate 50 --waiting-cap none",),
        ),
        command("list", clients.listing, "list the clients", examples=("limner clients list",)),
        command(
            "show",
            clients.one,
            "show one client and the state of its callback URL",
            a_client(),
            examples=("limner clients show shop",),
        ),
        command(
            "disable",
            clients.disable,
            "refuse a client's token; its jobs and callbacks continue",
            a_client(),
            examples=("limner clients disable shop",),
        ),
        command(
            "enable",
            clients.enable,
            "accept its token again",
            a_client(),
            examples=("limner clients enable shop",),
        ),
        command(
            "remove",
            clients.remove,
            "forget a client that has no unfinished jobs, and its token",
            a_client(),
            examples=("limner clients remove shop",),
        ),
        command(
            "rotate-token",
            clients.rotate_token,
            "give it a new token; the old one stops working at once",
            a_client(),
            examples=("limner clients rotate-token shop",),
        ),
        *(
            command(
                name,
                clients.rotate_secret,
                "give it a new secret; for a day both sign",
                a_client(),
                examples=("limner clients rotate-secret shop",),
            )
            for name in ("rotate-secret", "rotate")
        ),
    )


def _operators() -> ShownGroup:
    role = option(
        "--role",
        None,
        "view: look at everything; steer: change it, too",
        type=click.Choice([role.value for role in Role]),
        required=True,
    )
    name = argument("name", "NAME")
    return group("operators", "who may look at everything, or steer").has(
        command(
            "add",
            operators.add,
            "create an operator; prints its token once",
            name,
            role,
            examples=("limner operators add olga --role view",),
        ),
        command(
            "set",
            operators.change,
            "give it another role",
            name,
            role,
            examples=("limner operators set olga --role steer",),
        ),
        command(
            "rotate-token",
            operators.rotate_token,
            "give it a new token; the old one stops working",
            name,
            examples=("limner operators rotate-token olga",),
        ),
        command(
            "remove",
            operators.remove,
            "forget it",
            name,
            examples=("limner operators remove olga",),
        ),
        command(
            "list", operators.listing, "list the operators", examples=("limner operators list",)
        ),
    )


def _engines() -> ShownGroup:
    return group(
        "engines",
        "list the engines, their slots and their state",
        run=engines.listing,
        examples=("limner engines", "limner engines --json"),
    ).has(
        command(
            "check",
            engines.check,
            "draw small test pictures on it, step by step",
            an_engine(),
            option("--limit", "S", "time limit in seconds (300)", type=float, default=300.0),
            option("--save", "FOLDER", "save the four pictures there"),
            examples=("limner engines check gpu-a --save pictures",),
        ),
        command(
            "retry",
            engines.retry,
            "try a paused engine at once, because you have repaired it",
            an_engine(),
            examples=("limner engines retry gpu-a",),
        ),
        command(
            "set",
            engines.change,
            "change its limits now, over limner.toml; `none` returns one to the settings",
            an_engine(),
            option("--fast-slots", "N", "concurrent drawings of the fast lane"),
            option("--fast-gap", "S", "seconds between two starts there"),
            option("--relaxed-slots", "N", "the same of the relaxed lane"),
            option("--relaxed-gap", "S", "seconds between two starts there"),
            option("--weight", "W", "with equal room, the heavier is picked"),
            flag("--clear", "return to limner.toml in all of them"),
            examples=("limner engines set gpu-a --fast-slots 4 --relaxed-gap 2.5",),
        ),
    )


def _levers() -> Iterator[click.Command]:
    for name, about, run in (
        ("pause", "start nothing in a lane, on an engine or of a client", levers.pause),
        ("resume", "start jobs there again", levers.resume),
    ):
        yield command(
            name,
            run,
            about,
            one_of("subject", ("lane", "engine", "client")),
            argument("name", "NAME", shell_complete=_named),
            examples=(f"limner {name} lane fast", f"limner {name} client shop"),
        )
    yield command(
        "drain",
        levers.drain,
        "finish what runs on an engine, and start nothing until `limner resume engine NAME`",
        an_engine(),
        option("--wait", "S", "wait so long for what runs", type=float, default=0.0),
        examples=("limner drain gpu-a --wait 600",),
    )
    yield command(
        "audit",
        levers.audit,
        "show what operators changed, newest first",
        option("--limit", "N", "most lines (20)", type=click.IntRange(1), default=20),
        examples=("limner audit --limit 50",),
    )


def _named(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    match context.params.get("subject"):
        case "engine":
            return completion.engines(context, parameter, begun)
        case "client":
            return completion.clients(context, parameter, begun)
        case _:
            return [lane for lane in ("fast", "relaxed") if lane.startswith(begun)]
