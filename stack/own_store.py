"""Whether this process's image store is the gateway's; asked before a process starts, and by ``limner doctor``.

Hosts that do not share a store lose pictures: a worker stores them here, and the API of another host does not find
them. So a process does not start beside living ones that use another store, and is told apart from them while it runs
(``limner/store/metrics/warning.py``).
"""

from __future__ import annotations

import logging
import os
import pwd
import socket
import threading
from collections.abc import Callable

from limner.errors import ConfigError, ImagesDown, StoreDown
from limner.log import event
from limner.pictures.image_store import Images
from limner.settings import Settings
from limner.store import Store
from limner.store.image_stores import StoresInUse, StoreUse

log = logging.getLogger(__name__)

SETTING = "LIMNER_IMAGE_STORE"
#: a mount that hangs is no reason to wait: what runs looks at it again and again
ANSWER_S = 15.0
CURE = (
    f"{SETTING} (or LIMNER_DATA_DIR) must lead all processes to one store: a folder that all hosts mount, or a bucket. "
    "If they have just been killed, wait a minute; if the store is moved on purpose, call `limner images adopt` first"
)


class ImagesNotMounted(ImagesDown):
    """The folder of the image store is empty here, and other hosts use it: its mount may come."""


def check_own_store(settings: Settings, store: Store, answer_s: float = ANSWER_S) -> None:
    """Refuse a store that this account cannot write, or that is not the one that others use now.

    A store that does not answer may come up, and a Redis that is down as well.

    Raises:
        ConfigError: it is one of these.
        ImagesNotMounted: it may be that of the others once it is mounted; whoever starts this process may try again.
    """
    images = Images.of(settings, store.folders)
    found: list[ConfigError | ImagesDown | StoreDown] = []

    def look() -> None:
        try:
            check_writable(images, store.folders.known)
            if odd := compare(images, store):
                event(log, "images.other", level=logging.WARNING, why=odd)
        except (ConfigError, ImagesDown, StoreDown) as error:
            found.append(error)
        except PermissionError:
            account = _account(os.geteuid())
            found.append(ConfigError(SETTING, f"{account} cannot reach {images.shown}"))
        except OSError as error:
            found.append(ImagesDown(f"{images.shown}: {error.strerror}"))

    asking = threading.Thread(target=look, name="own store", daemon=True)
    asking.start()
    asking.join(answer_s)
    if asking.is_alive():
        event(log, "images.missed", level=logging.WARNING, why=f"no answer within {answer_s:g} s")
    for error in found:
        if isinstance(error, (ConfigError, ImagesNotMounted)):
            raise error
        if isinstance(error, ImagesDown):
            event(log, "images.missed", level=logging.WARNING, why=error.message)
        else:
            event(log, "store.missed", level=logging.WARNING, why=error.message)


def check_writable(images: Images, known: Callable[[str], str | None]) -> None:
    """Refuse a folder that this account may not write, or not make where none was used before.

    Raises:
        ConfigError: it may not.
        StoreDown: Redis is down.
    """
    if images.folder is None:
        return
    root = images.folder.root
    place = next(path for path in (root, *root.parents) if path.exists())
    if images.folder.seen() is None and known(images.shown) is not None:
        return  # its mount may come, and bring its own owner
    effective = os.access in os.supports_effective_ids
    if not os.access(place, os.R_OK | os.W_OK | os.X_OK, effective_ids=effective):
        owner, account = _account(place.stat().st_uid), _account(os.geteuid())
        what = f"{root} cannot be made: {place}" if place != root else f"{root}"
        raise ConfigError(SETTING, f"{what} belongs to {owner}, and {account} cannot write there")


def compare(images: Images, store: Store) -> str | None:
    """Return what is odd about a store that may be used all the same, as one sentence; None: nothing.

    Raises:
        ConfigError: others use another store now.
        ImagesNotMounted: so they do, unless this one is mounted.
        ImagesDown: it does not answer.
        StoreDown: Redis is down.
    """
    # In this order: whoever says that it uses a store has marked it before.
    now = store.image_stores.read()
    mine = images.identity()
    refuse_another(images, mine, now, store.folders.known)
    if mine is None or now.identity in (None, mine):
        return None
    return (
        f"the image store {images.shown} is not the one that this gateway had before, whose pictures are not in it; "
        "`limner images adopt` accepts it"
    )


def refuse_another(
    images: Images, mine: str | None, now: StoresInUse, known: Callable[[str], str | None]
) -> None:
    """Return if nobody uses another store now, or if this one is the gateway's.

    Raises:
        ConfigError: others use another one.
        ImagesNotMounted: this folder is empty, and was used before, here or at the same path of another host.
    """
    if mine is not None and mine == now.identity:
        return
    others = now.strangers_to(mine)
    was_used = mine is None and known(images.shown) is not None
    if was_used:
        # Unmounted, or emptied, which others of this host would see as well.
        others = tuple(use for use in others if use.host != socket.gethostname())
    if not others:
        return
    here, theirs = f"{images.shown} on {socket.gethostname()}", _told(others)
    if was_used:
        raise ImagesNotMounted(
            f"{SETTING}: {here} is empty, or not mounted yet, and its pictures are in {theirs}. All hosts must mount "
            "one folder there, or use a bucket"
        )
    what = "is another image store than" if mine else "is empty, and so another image store than"
    raise ConfigError(SETTING, f"{here} {what} {theirs}. {CURE}")


def _told(uses: tuple[StoreUse, ...]) -> str:
    places = sorted({f"{use.place} on {use.host}" for use in uses})
    more = f" and {len(places) - 3} more" if len(places) > 3 else ""
    return f"the one in use at {', '.join(places[:3])}{more}"


def _account(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
