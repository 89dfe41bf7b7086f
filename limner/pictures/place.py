"""Where an image store is: its kind, its root, and the fsspec file system that reaches it.

Used by ``limner.pictures`` only: the store itself, what marks it, and what deletes from it are over this.
"""

from __future__ import annotations

import os
import re
import threading
from functools import cached_property
from typing import Any

import fsspec

from limner.pictures import buckets

#: a store that does not respond for this long is down; its library would wait for many minutes
ANSWER_S = 40.0
_LOGIN = re.compile(r"//[^/]*@")


class StorePlace:
    """A folder or a bucket, by its path or URL; nothing connects to it before it is used. Safe to share between threads."""

    def __init__(self, store: str) -> None:
        """Use the place at ``store``.

        Raises:
            ConfigError: there is no such kind of store, or its library is not installed.
        """
        self._store = store
        self.protocol = store.partition("://")[0] if "://" in store else "file"
        self._lock = threading.Lock()
        #: the file system, and the process that made it
        self._made: tuple[int, Any] | None = None
        buckets.check_library(self.protocol)

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder of this host, and not a bucket."""
        return self.protocol in ("file", "local")

    @cached_property
    def root(self) -> str:
        """The store's own path of the folder or prefix, without a trailing slash."""
        strip = fsspec.get_filesystem_class(self.protocol)._strip_protocol
        return str(strip(self._store)).rstrip("/")

    @property
    def shown(self) -> str:
        """What operators know it by; without a login."""
        if self.is_folder:
            return self.root
        return _LOGIN.sub("//", self._store.partition("?")[0]).rstrip("/")

    @property
    def fs(self) -> Any:
        """The file system, created on first use in each process: its thread does not survive a fork."""
        with self._lock:
            if self._made is None or self._made[0] != os.getpid():
                # Other processes' pictures must be visible, hence no cache of listings.
                options = {"use_listings_cache": False, "skip_instance_cache": True}
                options |= buckets.OPTIONS.get(self.protocol, {})
                self._made = (os.getpid(), fsspec.filesystem(self.protocol, **options))
            return self._made[1]

    def within(self, seconds: float) -> dict[str, float]:
        """Return the timeout argument for a call, for stores that can take long."""
        return {"timeout": seconds} if self.fs.async_impl else {}
