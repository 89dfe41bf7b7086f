"""``limner images``: delete expired pictures, and accept a folder that was replaced."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from limner.errors import ConfigError
from limner.pictures.image_store import Images
from limner.plural import counted
from limner.settings import Settings
from limner.store import Store


def prune(options: argparse.Namespace) -> int:
    """Delete whole days of expired pictures and list them, or only list them."""
    settings = Settings.load()
    swept = Images.of(settings).sweep(settings, datetime.now(UTC), dry=options.dry_run)
    for kind in swept:
        for day in kind.days:
            print(f"{kind.kind:9} {day[:4]}-{day[4:6]}-{day[6:]}")
    days = sum(len(kind.days) for kind in swept)
    what = "would be deleted" if options.dry_run else "deleted"
    print(f"{counted(days, 'day')} of pictures {what}.")
    return 0


def adopt(options: argparse.Namespace) -> int:
    """Accept the image folder as it is: it was emptied or replaced on purpose."""
    settings = Settings.load()
    images = Images.of(settings, Store.of(settings).folders)
    if images.folder is None:
        raise ConfigError("images adopt", "the image store is a bucket, not a folder")
    images.adopt()
    print(f"{images.folder.root} is the image folder from now on.")
    return 0
