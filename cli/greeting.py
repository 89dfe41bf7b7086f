"""What ``limner up`` says once everything runs: where to go, the first client's token, what to try.

A token, a secret and a link that lets somebody in are told to a terminal alone. What else reads the output keeps it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cli import console as pages
from cli.credentials import Credentials, credentials_file
from limner.client import NewClient
from limner.console import BOLD, DIM, GREEN, RED, YELLOW, Console
from limner.errors import ConfigError
from limner.job import rfc3339
from limner.settings import Settings
from limner.settings.listening import is_everywhere
from limner.store import Store
from limner.store.sessions import Holder
from stack import processes
from stack.engines_asked import AskedEngine

#: the callback allow-list of ``limner up``'s first client
LOOPBACK = "localhost:*, 127.0.0.1:*, [::1]:*"


#: most engines that the greeting names
ENGINES_NAMED = 8
#: how an engine's state looks
STYLES = {"ok": GREEN, "degraded": YELLOW}


@dataclass(frozen=True, slots=True)
class Started:
    """What ``limner up`` has started."""

    #: Redis's product and version
    server: str
    #: as they answered before the start
    engines: tuple[AskedEngine, ...]
    flower: bool
    #: the first client, if there was none
    made: NewClient | None
    #: the file with its token and secret, if there is one; they are not shown then
    kept: Path | None
    #: the names of all clients that there were
    clients: tuple[str, ...]
    #: a link to the console, see ``way_in``
    console: str | None


def started(
    settings: Settings,
    store: Store,
    server: str,
    engines: tuple[AskedEngine, ...],
    *,
    flower: bool,
    private: bool,
) -> Started:
    """Return what to tell, and create the client ``local`` if there is no client yet.

    Called once everything runs: whoever makes a client for a start that fails shows its token to nobody.
    ``private``: only the person who started it reads this.
    """
    clients = tuple(store.clients.names())
    file = credentials_file(settings.data_dir)
    made, kept = None, file if file.exists() else None
    if not clients:
        drawer = None if private else Credentials(settings.data_dir)
        made = store.clients.add(pages.FIRST, callback_allow=LOOPBACK)
        kept = drawer.keep(made) if drawer else None
    entrance = way_in(settings, store, private=private)
    return Started(server, engines, flower, made, kept, clients, entrance)


def way_in(settings: Settings, store: Store, *, private: bool) -> str | None:
    """Return a link to the console; None: it is off. For the first user one that lets them in, once."""
    if settings.console == "off":
        return None
    with suppress(ConfigError):
        if private:
            return pages.link_for(settings, store, Holder.CLIENT, pages.FIRST)
    return f"{settings.base_url}/"


def text(console: Console, settings: Settings, told: Started) -> str:
    """Return the greeting, as lines for a terminal."""

    def fact(name: str, value: str) -> str:
        return f"  {console.paint(DIM, f'{name:8}')} {value}"

    where, made, entrance = settings.base_url, told.made, told.console
    kept = "LIMNER_REDIS_URL" if settings.redis_url else str(settings.data_dir)
    lines = ["", console.paint(BOLD, "Limner is up.") + " Ctrl-C stops it.", ""]
    if entrance:
        how = ""
        if "#" in entrance:
            how = "   (lets you in once; open it in a browser)"
        elif made or pages.FIRST in told.clients:
            how = "   (limner console link: one that lets you in)"
        lines.append(fact("Console", f"{entrance}{how}"))
    lines += [fact("API", where), fact("docs", f"{where}/docs")]
    if told.flower:
        lines.append(fact("Flower", processes.flower_url(settings)))
    lines.append(fact("Redis", f"{told.server}, in {kept}"))
    lines += [
        fact("" if number else "engines", words)
        for number, words in enumerate(_engines(console, told.engines))
    ]
    if made and not told.kept:
        lines.append(fact("token", f"{made.token}   (client {made.client.name}; shown only now)"))
        lines.append(fact("secret", f"{made.client.secrets[0]}   (signs its callbacks)"))
    elif made:
        lines.append(fact("token", f"in {told.kept}, with the secret that signs callbacks"))
    else:
        first = f"in {told.kept} if it is the first" if told.kept else "shown when it was made"
        lines.append(fact("token", f"{first}; for a new one: {_for_a_token(told)}"))
    token = made.token if made and not told.kept else "$TOKEN"
    lines += ["", "Draw something, then look at it:", "", _curl_lines(where, token), ""]
    if settings.public_url is None and is_everywhere(settings.host):
        note = f"Picture URLs begin with {where}: set LIMNER_PUBLIC_URL for other machines."
        lines += [console.paint(YELLOW, note), ""]
    return "\n".join(lines)


def body(settings: Settings, told: Started) -> dict[str, object]:
    """Return what the greeting tells, as one line among the log's."""
    new = told.made
    return {
        "process": "limner",
        "at": rfc3339(datetime.now(UTC)),
        "level": "info",
        "event": "gateway.started",
        "api": settings.base_url,
        "docs": f"{settings.base_url}/docs",
        "console": told.console,
        "flower": processes.flower_url(settings) if told.flower else None,
        "redis": told.server,
        "engines": [
            {
                "name": engine.name,
                "driver": engine.driver,
                "state": engine.state,
                "why": engine.why or None,
            }
            for engine in told.engines
        ],
        "client": new.client.name if new else None,
        "credentials": str(told.kept) if told.kept else None,
    }


def _engines(console: Console, engines: tuple[AskedEngine, ...]) -> Iterator[str]:
    """Give a line for each engine; those that are not well come first where there are many."""
    ordered = sorted(engines, key=lambda engine: engine.state == "ok")
    shown = ordered if len(ordered) > ENGINES_NAMED else engines
    for engine in shown[:ENGINES_NAMED]:
        state = console.paint(STYLES.get(engine.state, RED), engine.state)
        why = f": {engine.why}" if engine.why else ""
        yield f"{engine.name} ({engine.driver}) {state}{why}"
    if len(shown) > ENGINES_NAMED:
        yield f"and {len(shown) - ENGINES_NAMED} more: limner engines"


def _for_a_token(told: Started) -> str:
    known = pages.FIRST in told.clients
    return f"limner clients {f'rotate-token {pages.FIRST}' if known else 'add NAME'}"


def _curl_lines(where: str, token: str) -> str:
    tag = uuid.uuid4().hex
    body = f'{{"promptEn": "a lighthouse on a cliff at dusk", "fast": true, "tag": "{tag}"}}'
    return (
        f'  curl -s {where}/draw/midjourney/imagine -H "token: {token}" \\\n'
        f"    -H 'content-type: application/json' -d '{body}'\n"
        f'  curl -s {where}/draw/midjourney/find/by/{tag} -H "token: {token}"'
    )
