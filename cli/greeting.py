"""What ``limner up`` says once everything runs: where to go, the first client's token, what to try."""

from __future__ import annotations

import uuid
from contextlib import suppress
from datetime import UTC, datetime

from cli import console as pages
from limner.client import NewClient
from limner.console import BOLD, DIM, YELLOW, Console
from limner.errors import ConfigError
from limner.job import rfc3339
from limner.settings import Settings
from limner.settings.listening import is_everywhere
from limner.store import Store
from limner.store.sessions import Holder
from stack import processes

#: the callback allow-list of ``limner up``'s first client
LOOPBACK = "localhost:*, 127.0.0.1:*, [::1]:*"


def first_client(store: Store) -> list[NewClient]:
    """Create the client ``local`` if there is no client yet."""
    if store.clients.names():
        return []
    return [store.clients.add(pages.FIRST, callback_allow=LOOPBACK)]


def way_in(settings: Settings, store: Store) -> str | None:
    """Return a link to the console: for the first user one that lets them in, once; None: it is off."""
    if settings.console == "off":
        return None
    with suppress(ConfigError):
        return pages.link_for(settings, store, Holder.CLIENT, pages.FIRST)
    return f"{settings.base_url}/"


def text(
    console: Console,
    settings: Settings,
    server: str,
    made: list[NewClient],
    *,
    flower: bool,
    way_in: str | None,
) -> str:
    """Return the greeting, as lines for a terminal. ``server``: Redis's product and version."""

    def fact(name: str, value: str) -> str:
        return f"  {console.paint(DIM, f'{name:8}')} {value}"

    where = settings.base_url
    token = made[0].token if made else "$TOKEN"
    kept = "LIMNER_REDIS_URL" if settings.redis_url else str(settings.data_dir)
    lines = ["", console.paint(BOLD, "Limner is up.") + " Ctrl-C stops it.", ""]
    if way_in:
        once = "   (lets you in once; open it in a browser)" if "#" in way_in else ""
        lines.append(fact("Console", f"{way_in}{once}"))
    lines.append(fact("API", where))
    if flower:
        lines.append(fact("Flower", processes.flower_url(settings)))
    lines.append(fact("Redis", f"{server}, in {kept}"))
    if made:
        lines.append(fact("token", f"{made[0].token}   (client local; shown only now)"))
        lines.append(fact("secret", f"{made[0].client.secrets[0]}   (signs its callbacks)"))
    else:
        lines.append(
            fact("token", "shown when it was created; for another: limner clients add NAME")
        )
    lines += ["", "Draw something, then look at it:", "", _curl_lines(where, token), ""]
    if settings.public_url is None and is_everywhere(settings.host):
        note = f"Picture URLs begin with {where}: set LIMNER_PUBLIC_URL for other machines."
        lines += [console.paint(YELLOW, note), ""]
    return "\n".join(lines)


def body(
    settings: Settings, server: str, made: list[NewClient], *, flower: bool, way_in: str | None
) -> dict[str, object]:
    """Return what the greeting tells, as one line among the log's."""
    new = made[0] if made else None
    return {
        "process": "limner",
        "at": rfc3339(datetime.now(UTC)),
        "level": "info",
        "event": "gateway.started",
        "api": settings.base_url,
        "console": way_in,
        "flower": processes.flower_url(settings) if flower else None,
        "redis": server,
        "client": new.client.name if new else None,
        "token": new.token if new else None,
        "secret": new.client.secrets[0] if new else None,
    }


def _curl_lines(where: str, token: str) -> str:
    tag = uuid.uuid4().hex
    body = f'{{"promptEn": "a lighthouse on a cliff at dusk", "fast": true, "tag": "{tag}"}}'
    return (
        f'  curl -s {where}/draw/midjourney/imagine -H "token: {token}" \\\n'
        f"    -H 'content-type: application/json' -d '{body}'\n"
        f'  curl -s {where}/draw/midjourney/find/by/{tag} -H "token: {token}"'
    )
