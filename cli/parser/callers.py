"""The commands of callers: they go over HTTP, so they work from any machine."""

from __future__ import annotations

from collections.abc import Iterator

import click

from cli import completion
from cli.parser.words import argument, command, flag, later, option

ONE_JOB = "6f1c2f0e7a3b4c5d8e9f0a1b2c3d4e5f"


def commands() -> Iterator[click.Command]:
    """Yield them."""
    yield command(
        "draw",
        later("cli.drawing", "draw"),
        "draw a prompt, watch it, and save the picture",
        argument("prompt", "PROMPT"),
        *_lane(),
        _out(),
        *_parameters(),
        flag("--origin", "send the prompt as it stands, flags in its text and all"),
        flag("--dry-run", "only tell what would be done"),
        flag("--no-wait", "print the job's id and end"),
        *place(),
        examples=(
            'limner draw "a lighthouse at dusk" --ar 3:2 --out lighthouse.png',
            'limner draw "a red fox" --relaxed --count 1 --seed 7',
            'limner draw "in this style" --image photo.jpg --iw 1.5',
        ),
    )
    yield command(
        "press",
        later("cli.drawing", "press"),
        "press a button of a job that is done: u1-u4 pick a cell, v1-v4 vary it, r draws again",
        argument("job", "JOB"),
        argument("button", "BUTTON"),
        *_lane(),
        _out(),
        option("--cell", "N", "1-4, of the buttons below"),
        option("--kind", "KIND", "upscale: subtle or creative"),
        option("--scale", "N", "zoom: 1.5 or 2"),
        option("--direction", "WAY", "pan: left, right, up or down"),
        option("--mask", "FILE", "region: a picture or a URL, white where to draw anew"),
        option("--prompt", "TEXT", "region, remix: other words"),
        *_delivery(),
        flag("--no-wait", "print the new job's id and end"),
        *place(),
        examples=(
            f"limner press {ONE_JOB} u1",
            f"limner press {ONE_JOB} zoom --cell 2 --scale 1.5",
        ),
    )
    yield command(
        "follow",
        later("cli.drawing", "follow"),
        "watch a job to its end",
        argument("job", "JOB"),
        _out(),
        *place(),
        examples=(f"limner follow {ONE_JOB} --out fox.png",),
    )
    yield command(
        "cancel",
        later("cli.own_jobs", "cancel"),
        "cancel jobs, waiting or drawing",
        argument("jobs", "JOB...", nargs=-1, required=True),
        *place(),
        examples=(f"limner cancel {ONE_JOB}",),
    )
    yield command(
        "status",
        later("cli.own_jobs", "status"),
        "tell whether the gateway accepts and draws jobs",
        *place(),
        examples=("limner status", "limner status --url https://draw.example"),
    )
    yield command(
        "listen",
        later("cli.listening", "listen"),
        "receive callbacks here, verify their signatures, and print them",
        option("--host", "HOST", "address to listen on (127.0.0.1)", default="127.0.0.1"),
        option(
            "--port", "N", "port to listen on (9000)", type=click.IntRange(0, 65535), default=9000
        ),
        _secret(),
        option(
            "--client", "NAME", "whose secret, of this machine's", shell_complete=completion.clients
        ),
        option("--count", "N", "end after so many callbacks", type=click.IntRange(1)),
        option("--seconds", "S", "end after so long", type=click.FloatRange(0)),
        examples=(
            "limner listen",
            'limner draw "a red fox" --callback-url http://127.0.0.1:9000/callbacks',
        ),
    )
    yield command(
        "verify",
        later("cli.listening", "verify"),
        "receive callbacks and grade them: signatures, order, gaps, duplicates",
        option("--secret", "WHSEC", "whsec_…; may be repeated", multiple=True, required=True),
        option("--host", "HOST", "address to listen on (127.0.0.1)", default="127.0.0.1"),
        option(
            "--port", "N", "port to listen on (9009)", type=click.IntRange(0, 65535), default=9009
        ),
        option("--seconds", "S", "stop after so long", type=click.FloatRange(0)),
        option("--json", "FILE", "also write the marks to this file"),
        examples=("limner verify --secret whsec_… --port 9009",),
        json=False,
    )


def place() -> list[click.Option]:
    """Return the options that say where the gateway is, and who calls."""
    return [
        option("--url", "URL", "the gateway's address (LIMNER_URL, or this machine's)"),
        option("--token", "TOKEN", "the client's token (LIMNER_TOKEN; here none is needed)"),
        option(
            "--client",
            "NAME",
            "without a token: whose job it is (local)",
            shell_complete=completion.clients,
        ),
    ]


def _secret() -> click.Option:
    return option(
        "--secret",
        "WHSEC",
        "whsec_… (LIMNER_SECRET, or this machine's client's); may be repeated",
        multiple=True,
    )


def _lane() -> list[click.Option]:
    return [flag("--fast", "in the fast lane (default)"), flag("--relaxed", "in the relaxed lane")]


def _out() -> click.Option:
    return option("--out", "FILE", "save the picture there: .png, .jpg or .webp")


def _delivery() -> list[click.Option]:
    return [
        option("--callback-url", "URL", "where its callbacks go"),
        option("--tag", "TAG", "your own mark: a UUID (random)"),
        option("--extra", "TEXT", "returned unchanged"),
    ]


def _parameters() -> list[click.Option]:
    return [
        option("--ar", "W:H", "aspect ratio"),
        option("--count", "N", "1-4 cells"),
        option("--size", "WxH", "of a cell, in pixels"),
        option("--seed", "N", "of the first cell; the others follow"),
        option("--negative", "WORDS", "what must not be in the picture"),
        option("--chaos", "N", "0-100"),
        option("--stylize", "N", "0-1000"),
        option("--style", "STYLE", "raw; with --niji: cute, expressive, original, scenic"),
        flag("--niji", "the niji model"),
        flag("--tile", "a seamless tile"),
        option("--image", "FILE", "a reference: a file or a URL; may be repeated", multiple=True),
        option("--iw", "N", "0-2, weight of the references"),
        option("--style-ref", "FILE", "a picture whose style is taken over", multiple=True),
        option("--style-weight", "N", "0-1000"),
        option("--object-ref", "FILE", "a picture whose things are taken over", multiple=True),
        option("--object-weight", "N", "0-1000"),
        option("--version", "V", "a version that the operator has mapped to a model"),
        option("--quality", "Q", ".25, .5, 1, 2 or 4"),
        option("--weird", "N", "0-3000"),
        flag("--raw", "without the engine's own taste"),
        flag("--draft", "quick and rough"),
        flag("--hd", "twice the usual size"),
        option("--engine", "NAME", "the only engine that may draw it"),
        option("--deadline", "S", "seconds after which it is given up"),
        *_delivery(),
    ]
