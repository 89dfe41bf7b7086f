"""The commands that run the gateway and its processes, and those that look at a whole installation."""

from __future__ import annotations

from collections.abc import Iterator

import click

from cli import completion, doctor, processes, top
from cli.parser.words import argument, command, flag, one_of, option
from stack.processes import QUEUES

PORT = click.IntRange(1, 65535)


def commands() -> Iterator[click.Command]:
    """Yield them."""
    yield command(
        "up",
        processes.up,
        "run everything on this machine, in the foreground",
        option("--port", "N", "port of the API (8000)", type=int),
        option("--flower-port", "N", "port of Flower (5555)", type=int),
        flag("--no-flower", "run without Flower"),
        examples=("limner up --port 8001 --no-flower",),
    )
    yield command(
        "reload",
        processes.reload,
        "have the running `limner up` read its settings and engines anew",
        examples=("limner reload",),
    )
    yield command(
        "demo",
        processes.demo,
        "draw two pictures and show every callback",
        examples=("limner demo",),
    )
    yield command(
        "doctor",
        doctor.doctor,
        "check this installation for problems",
        examples=("limner doctor --json",),
    )
    yield command(
        "top",
        top.top,
        "watch lanes, engines, clients and callbacks live",
        examples=("limner top", "limner top --json"),
    )
    shown = flag("--print", "print the command line instead of running it")
    checked = flag("--check", "health check: ask the running process")
    yield command(
        "api", processes.process, "run the API", checked, shown, examples=("limner api --check",)
    )
    yield command(
        "worker",
        processes.process,
        "run one worker",
        one_of("queue", QUEUES),
        option("--name", "NAME", "a name that is unique on this host (its pid)"),
        checked,
        flag("--alive", "whether it runs, whatever Redis does"),
        shown,
        examples=("limner worker fast --name a", "limner worker fast --name a --check"),
    )
    yield command(
        "beat",
        processes.process,
        "run beat, which triggers the sweep for lost messages",
        shown,
        examples=("limner beat",),
    )
    yield command(
        "flower",
        processes.process,
        "run Flower",
        checked,
        shown,
        examples=("limner flower --print",),
    )
    yield _sketch()
    yield command(
        "completion",
        completion.completion,
        "print what completes `limner` in a shell",
        one_of("shell", completion.SHELLS),
        examples=(
            'bash: eval "$(limner completion bash)"   # in ~/.bashrc',
            'zsh:  eval "$(limner completion zsh)"    # in ~/.zshrc',
            "fish: limner completion fish | source    # in ~/.config/fish/config.fish",
        ),
        json=False,
    )


def _sketch() -> click.Command:
    # What they mean is told by `engines/sketch/sheet.py`, which gets the same words.
    return command(
        "sketch",
        processes.sketch,
        "paint pictures, or a page of them, with the sketch engine",
        argument("prompt", "PROMPT...", nargs=-1),
        flag("--sheet", "a page of prompts and parameters; without prompts, of its own"),
        option("--out", "FILE", "picture to write (sketch.png)"),
        option("--ar", "W:H", "aspect ratio, nearest of the seven (1:1)"),
        option("--seed", "N", "of the first cell; the others follow (1)", type=int),
        option("--chaos", "N", "0-100 (0)", type=float),
        option("--stylize", "N", "0-1000 (100)", type=float),
        option("--style", "STYLE", "raw, cute, expressive, original or scenic"),
        flag("--niji", "flat tones and an ink line"),
        flag("--tile", "a seamless pattern"),
        option("--no", "WORDS", "what must not be seen"),
        option("--reference", "FILE", "a picture; may be repeated", multiple=True),
        option("--iw", "N", "0-2, weight of the references (1)", type=float),
        option("--shrink", "N", "paint at this part of the size (1)", type=click.IntRange(1, 64)),
        option("--list", "FILE", "more prompts for the page, one a line"),
        option("--columns", "N", "pictures in a row of the page (3)", type=click.IntRange(1, 16)),
        flag("--claims", "print the notes under each picture of the page"),
        examples=(
            'limner sketch "a fox in the snow" --ar 3:2 --out fox.png',
            "limner sketch --sheet --out sheet.jpg",
        ),
    )
