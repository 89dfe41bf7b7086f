"""The commands that look after jobs, callbacks, pictures and messages in the store."""

from __future__ import annotations

from collections.abc import Iterator

import click

from cli import callbacks, completion, jobs, many, messages, pictures, schema
from cli.parser.callers import place
from cli.parser.operators import a_client
from cli.parser.words import ShownGroup, argument, command, flag, group, later, option


def commands() -> Iterator[click.Command]:
    """Yield them."""
    yield command(
        "job",
        jobs.job,
        "show one job: what happened, and why it waits",
        argument("id", "ID|TAG"),
        examples=("limner job 6f1c2f0e7a3b4c5d8e9f0a1b2c3d4e5f",),
    )
    yield _jobs()
    yield _callbacks()
    yield group(
        "messages",
        "list foreign messages found on our queues",
        _limit(20, "messages to list"),
        run=messages.listing,
        examples=("limner messages --limit 5",),
    ).has(
        command("drop", messages.drop, "delete them", examples=("limner messages drop",)),
    )
    yield group("images", "manage stored pictures").has(
        command(
            "prune",
            pictures.prune,
            "delete expired pictures",
            flag("--dry-run", "only show what would be deleted"),
            examples=("limner images prune --dry-run",),
        ),
        command(
            "adopt",
            pictures.adopt,
            "accept a replaced or moved image store as it is",
            examples=("limner images adopt",),
        ),
    )
    yield group(
        "schema",
        "show which schema the data in Redis have",
        run=schema.look,
        examples=("limner schema",),
    ).has(
        command(
            "back",
            schema.back,
            "take the data back for an older Limner",
            option("--to", "N", "the schema (the one before ours)", type=int),
            examples=("limner schema back",),
        ),
    )


def filters() -> list[click.Option]:
    """Return the options that name jobs."""
    complete = {"engine": completion.engines, "client": completion.clients}
    return [
        option(
            f"--{one.name}",
            one.metavar,
            one.about,
            type=click.Choice(one.choices) if one.choices else None,
            shell_complete=complete.get(one.name),
        )
        for one in many.FILTERS
    ]


def _limit(most: int, what: str) -> click.Option:
    return option("--limit", "N", f"most {what} ({most})", type=click.IntRange(1), default=most)


def _jobs() -> ShownGroup:
    yes = flag("--yes", "do it; else only count")
    return group(
        "jobs",
        "list jobs, newest first; or cancel, submit again, move many",
        *filters(),
        _limit(20, "jobs"),
        *place()[:2],
        run=later("cli.own_jobs", "listing"),
        examples=(
            "limner jobs --status failed --since 2h",
            "limner jobs --url https://draw.example --status done   # those of LIMNER_TOKEN",
        ),
    ).has(
        command(
            "list",
            many.listing,
            "list jobs of every client, newest first",
            *filters(),
            _limit(20, "jobs"),
            examples=("limner jobs list --lane fast --status waiting",),
        ),
        command(
            "cancel",
            many.cancel,
            "cancel the unfinished ones",
            *filters(),
            _limit(10_000, "jobs"),
            yes,
            examples=("limner jobs cancel --client shop --yes",),
        ),
        command(
            "again",
            many.again,
            "submit the failed ones again, as new jobs",
            *filters(),
            _limit(10_000, "jobs"),
            yes,
            examples=("limner jobs again --reason engine_down --since 1h --yes",),
        ),
        command(
            "front",
            many.front,
            "move a waiting job, or many, to the front of the lane",
            argument("job", "[ID]", required=False),
            *filters(),
            _limit(10_000, "jobs"),
            flag("--yes", "do it; else only count, if filtered"),
            examples=("limner jobs front 6f1c2f0e7a3b4c5d8e9f0a1b2c3d4e5f",),
        ),
    )


def _callbacks() -> ShownGroup:
    letters: list[click.Option] = [
        *filters(),
        option("--why", "WHY", "why they were given up: exhausted, rejected, gone …"),
        _limit(100, "dead letters"),
    ]
    return group("callbacks", "dead letters and receivers").has(
        command(
            "dead",
            callbacks.dead,
            "list the callbacks that were given up",
            *letters,
            examples=("limner callbacks dead --client shop --since 1d",),
        ),
        command(
            "resend",
            callbacks.resend,
            "resend a job's dead letters, or its last event",
            argument("job", "[JOB]", required=False),
            option("--seq", "N", "only this event", type=int),
            flag("--all", "of every job that has dead letters"),
            flag("--yes", "do it; else only count, if filtered"),
            *letters,
            examples=("limner callbacks resend --client shop --why exhausted --yes",),
        ),
        command(
            "try",
            callbacks.try_url,
            "post one signed test event and report each step",
            argument("url", "[URL]", required=False),
            option(
                "--client",
                "NAME",
                "whose secret and allow-list to use",
                shell_complete=completion.clients,
            ),
            examples=("limner callbacks try https://shop.example/hook --client shop",),
        ),
        command(
            "enable",
            callbacks.enable,
            "enable a client's default URL again",
            a_client("client"),
            flag("--untested", "without a test event"),
            examples=("limner callbacks enable shop",),
        ),
    )
