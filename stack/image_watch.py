"""One thread per process that monitors the image store and warns operators of its problems.

API processes and workers each have one, because each has its own view of the store: a folder may be
mounted on one host and not on the next. What it finds becomes a warning (``limner/store/metrics/warning.py``).
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import socket
import threading

from limner.errors import DiskFull, ImagesDown, StoreDown
from limner.log import event
from limner.pictures.image_folder import free_bytes
from limner.pictures.image_store import Images
from limner.store import Store
from limner.store.image_stores import StoreUse
from limner.store.metrics.warning import Code

log = logging.getLogger(__name__)

#: two checks are done before the previous one's report expires
LOOK_S = 10.0
#: a store that does not respond for this long is down; a hung mount never responds
ANSWER_S = 15.0


class ImageWatch:
    """The monitoring thread of one process."""

    def __init__(self, images: Images, store: Store, answer_s: float = ANSWER_S) -> None:
        self._images = images
        self._reports = store.reports
        self._stores = store.image_stores
        self._host = socket.gethostname()
        self._process = f"{self._host}-{os.getpid()}-{secrets.token_hex(3)}"
        self._answer_s = answer_s
        #: what this process has reported and not withdrawn
        self._told: set[Code] = set()
        #: a check that a hung store still blocks
        self._hung: threading.Thread | None = None
        self._found: dict[Code, str] = {}
        #: the store that the latest check found
        self._use: StoreUse | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="images", daemon=True)

    def start(self) -> None:
        """Start checking."""
        if not self._thread.is_alive():
            self._thread.start()

    def end(self) -> None:
        """Stop checking, and say that this process uses the store no more; a check in progress is left to finish."""
        self._ended.set()
        with contextlib.suppress(StoreDown):
            self._stores.leave(self._process)

    def look(self) -> None:
        """Check once, and report what is wrong or withdraw earlier reports.

        Raises:
            StoreDown: Redis is down.
        """
        found = self._within_patience()
        for code, why in found.items():
            self._reports.make(code, self._host, _TEXTS[code], why=f"on {self._host}, {why}")
        for code in self._told - found.keys():
            self._reports.withdraw(code, self._host)
        self._told = set(found)
        if Code.IMAGES_AWAY not in found and self._use and not self._ended.is_set():
            self._stores.tell(self._process, self._use)

    def _within_patience(self) -> dict[Code, str]:
        if self._hung is None:
            self._hung = threading.Thread(target=self._look, name="image look", daemon=True)
            self._hung.start()
        self._hung.join(self._answer_s)
        if self._hung.is_alive():
            return {Code.IMAGES_AWAY: f"no answer within {self._answer_s:g} s"}
        self._hung = None
        return self._found

    def _look(self) -> None:
        found: dict[Code, str] = {}
        try:
            self._images.check()
            self._use = self._used()
            if self._images.folder:
                self._images.folder.check_room()
        except DiskFull as error:
            found[Code.DISK_LOW] = error.message
        except ImagesDown as error:
            found[Code.IMAGES_AWAY] = error.message
        except OSError as error:
            found[Code.IMAGES_AWAY] = str(error)
        self._found = found

    def _used(self) -> StoreUse | None:
        images = self._images
        if (identity := images.identity(make=True)) is None:
            return None
        free = free_bytes(images.folder.root) if images.folder else None
        return StoreUse(identity, self._host, images.shown, free)

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self.look()
            except StoreDown:
                pass
            # A bug of ours must not end it.
            except Exception:  # noqa: BLE001
                event(log, "image_watch.failed", level=logging.ERROR, error=True)
            self._ended.wait(LOOK_S)


_TEXTS = {
    Code.IMAGES_AWAY: "The image store cannot be used, and finished drawings wait for it.",
    Code.DISK_LOW: "The disk of the image store is full, or almost, and inline pictures are refused.",
}
