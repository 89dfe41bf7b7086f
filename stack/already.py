"""Whether a ``limner up`` runs on the data folder already; asked before a second one starts anything."""

from __future__ import annotations

from limner.errors import ConfigError
from limner.settings import Settings
from stack import embedded
from stack.control import is_up
from stack.door import port_trouble


def check_not_up(settings: Settings) -> None:
    """Return unless this folder's ``limner up`` is in the way of another.

    Two that share a Redis of their own may share the folder of pictures, on different ports.

    Raises:
        ConfigError: it is.
    """
    folder = settings.data_dir
    own_server = not settings.redis_url
    if own_server and not embedded.is_locked(folder):
        return
    if not own_server and not (port_trouble(settings.host, settings.port) and is_up(folder)):
        return
    why = (
        f"Limner runs on {folder} already: `limner reload` gives it new settings, and a second one needs a folder "
        "of its own"
    )
    raise ConfigError("LIMNER_DATA_DIR", why)
