"""``limner images prune``: drop pictures that are older than the settings say."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from limner.images import Images
from limner.settings import Settings


def prune(options: argparse.Namespace) -> int:
    """Drop whole days of old pictures and say which, or only say which."""
    settings = Settings.load()
    swept = Images.of(settings).sweep(settings, datetime.now(UTC), dry=options.dry_run)
    for kind in swept:
        for day in kind.days:
            print(f"{kind.kind:9} {day[:4]}-{day[4:6]}-{day[6:]}")
    days = sum(len(kind.days) for kind in swept)
    what = "would be dropped" if options.dry_run else "dropped"
    print(f"{days} days of pictures {what}.")
    return 0
