"""``limner images``: delete expired pictures, and accept a folder that was replaced."""

from __future__ import annotations

import argparse
import contextlib
from datetime import UTC, datetime

from cli import show
from limner.errors import ConfigError, LimnerError, StoreDown
from limner.pictures.expiry import sweep
from limner.pictures.image_store import Images
from limner.pictures.retention import Kept, fit
from limner.plural import counted
from limner.printing import document, line
from limner.settings import Settings
from limner.store import Store


def prune(options: argparse.Namespace) -> int:
    """Delete whole days of expired pictures, and the oldest beyond the bound of size, and list them, or only list them.

    Raises:
        LimnerError: there is no folder that pictures could be in, or not all could be deleted.
    """
    settings = Settings.load()
    if settings.image_store is None and not settings.data_dir.is_dir():
        raise LimnerError(
            f"there are no pictures: no `limner up` has run on {settings.data_dir}; "
            "call this from its folder, or set LIMNER_DATA_DIR"
        )
    images, now = Images.of(settings), datetime.now(UTC)
    swept = sweep(images, settings, now, dry=options.dry_run)
    most_bytes = settings.keep_mb * 2**20 or None
    beyond = fit(images, most_bytes, now, dry=options.dry_run) if most_bytes else None
    beyond_bytes = beyond.deleted_bytes if beyond else 0
    if beyond and not options.dry_run:
        _count(settings, beyond)
    days = [(kind.kind, f"{day[:4]}-{day[4:6]}-{day[6:]}") for kind in swept for day in kind.days]
    missed = next((one.missed for one in (*swept, beyond) if one and one.missed), None)
    if options.json:
        found = [{"kind": kind, "day": day} for kind, day in days]
        body = {"deleted": not options.dry_run, "data": found, "beyondKeepMbBytes": beyond_bytes}
        document(body | {"missed": missed})
        return 1 if missed else 0
    for kind, day in days:
        line(f"{kind:9} {day}")
    what = "would be deleted" if options.dry_run else "deleted"
    line(f"{counted(len(days), 'day')} of pictures {what}.")
    if beyond and beyond.files:
        since = f", stored before {beyond.since:%Y-%m-%d %H:%M} UTC" if beyond.since else ""
        line(f"{beyond_bytes / 2**20:.1f} MB beyond LIMNER_KEEP_MB {what}{since}.")
    if missed:
        raise LimnerError(f"not all could be deleted: {missed}")
    return 0


def _count(settings: Settings, kept: Kept) -> None:
    """Note in the metrics what is there and what was deleted; where no gateway runs there are none."""
    with contextlib.suppress(StoreDown):
        store = Store.of(settings)
        try:
            store.image_stores.measured(kept.sizes_bytes, kept.deleted_bytes)
        finally:
            store.close()


def adopt(options: argparse.Namespace) -> int:
    """Accept the image store as it is: it was emptied, replaced or moved on purpose."""
    store = show.open_store()
    images = Images.of(Settings.load(), store.folders)
    identity = images.adopt()
    if identity is None:
        raise ConfigError("images adopt", f"{images.shown} is seen by one process alone")
    store.image_stores.adopt(identity)
    folder = images.shown if images.folder else None
    what = "the image folder" if folder else "the image store"
    body = {"imageFolder": folder, "imageStore": images.shown}
    return show.outcome(options, f"{images.shown} is {what} from now on.", body)
