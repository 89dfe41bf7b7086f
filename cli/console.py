"""``limner console``: links that let a person into the console once; ``limner up`` prints one, too."""

from __future__ import annotations

import argparse

from cli import show
from limner.errors import ConfigError
from limner.printing import document, line
from limner.settings import Settings
from limner.store import Store
from limner.store.sessions import TICKET_S, Holder

#: the client that ``limner up`` makes for whoever comes first
FIRST = "local"


def link(options: argparse.Namespace) -> int:
    """Print a link with which its bearer enters as a client or an operator, once."""
    settings = Settings.load()
    if settings.console == "off":
        raise ConfigError("LIMNER_CONSOLE", "is off: there is no console to enter")
    if options.operator:
        holder, name = Holder.OPERATOR, options.operator
    else:
        holder, name = Holder.CLIENT, options.client or FIRST
    url = link_for(settings, show.open_store(), holder, name)
    if options.json:
        document({holder.value: name, "url": url, "expiresInS": TICKET_S})
        return 0
    line(url)
    line(f"Good once, within {show.duration(TICKET_S)}, for the {holder.value} {name}.")
    return 0


def link_for(settings: Settings, store: Store, holder: Holder, name: str) -> str:
    """Return a new link; the holder's former one is no longer good.

    Raises:
        ConfigError: there is no such holder, or it is a disabled client.
    """
    return f"{settings.base_url}/console/enter#{store.sessions.new_ticket(holder, name)}"
