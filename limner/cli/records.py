"""Commands that read and write what Redis keeps, and the settings: clients, engines, one job."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from urllib.parse import urlsplit

from limner.broker import redis_url
from limner.errors import ConfigError
from limner.job import Lane
from limner.settings import Settings
from limner.store import Store


def add_client(options: argparse.Namespace) -> int:
    """Make a client and print what is shown this once."""
    lanes = _lanes(options.lanes)
    if options.waiting_cap is not None and options.waiting_cap < 1:
        raise ConfigError("--waiting-cap", "must be at least 1")
    if options.rate is not None and not options.rate > 0:
        raise ConfigError("--rate", "must be above 0")
    made = _store().clients.add(
        options.name,
        callback_url=options.callback_url,
        lanes=lanes,
        waiting_cap=options.waiting_cap,
        rate_per_s=options.rate,
        callback_allow=options.callback_allow,
    )
    print(f"client  {made.client.name}")
    print(f"token   {made.token}")
    print(f"secret  {made.client.secrets[0]}")
    print("Neither is shown again. The secret signs the callbacks.")
    return 0


def rotate_secret(options: argparse.Namespace) -> int:
    """Give a client a fresh secret and print it this once."""
    print(f"secret  {_store().clients.rotate_secret(options.name)}")
    print("It is not shown again. Callbacks are signed with the old one too for 24 hours.")
    return 0


def list_clients(options: argparse.Namespace) -> int:
    """Print one line for each client."""
    clients = _store().clients
    rows = [("NAME", "LANES", "WAITING CAP", "RATE/S", "CALLBACK")]
    for name in clients.names():
        if client := clients.get(name):
            # The host only: the path of a callback URL may hold a secret.
            host = urlsplit(client.callback_url).netloc if client.callback_url else None
            rows.append(
                (
                    name,
                    ",".join(sorted(client.lanes)),
                    _or_dash(client.waiting_cap),
                    _or_dash(client.rate_per_s),
                    _or_dash(host),
                )
            )
    _print_table(rows)
    return 0


def engines(options: argparse.Namespace) -> int:
    """Print one line for each engine of the settings."""
    rows = [("NAME", "DRIVER", "FAST", "GAP", "RELAXED", "GAP")]
    for engine in Settings.load().engines:
        fast, relaxed = engine.fast, engine.relaxed
        rows.append(
            (
                engine.name,
                engine.driver,
                str(fast.slots),
                f"{fast.gap_s:g} s",
                str(relaxed.slots),
                f"{relaxed.gap_s:g} s",
            )
        )
    _print_table(rows)
    return 0


def job(options: argparse.Namespace) -> int:
    """Print what is known of one job."""
    found = _store().jobs.get(options.id)
    facts: dict[str, object] = {
        "id": found.id,
        "client": found.client,
        "tag": found.tag,
        "lane": found.lane,
        "status": found.status,
        "progress": f"{found.progress} %",
        "position": found.position,
        "engine": found.engine,
        "attempts": found.attempts,
        "told": f"{found.seq} events",
        "prompt": found.final_prompt,
        "picture": found.picture and found.picture.url,
        "reason": found.reason,
        "reason code": found.reason_code,
        "created": found.created_at.isoformat(timespec="milliseconds"),
        "started": found.started_at and found.started_at.isoformat(timespec="milliseconds"),
        "finished": found.finished_at and found.finished_at.isoformat(timespec="milliseconds"),
    }
    for name, value in facts.items():
        print(f"{name:12} {_or_dash(value)}")
    return 0


def _store() -> Store:
    return Store(redis_url(Settings.load()))


def _lanes(text: str) -> frozenset[Lane]:
    words = {word.strip() for word in text.split(",")}
    if not words <= set(Lane):
        raise ConfigError("--lanes", f"must be fast, relaxed or fast,relaxed (it is {text!r})")
    return frozenset(Lane(word) for word in words)


def _or_dash(value: object) -> str:
    return "-" if value is None else str(value)


def _print_table(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print(
            "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        )
