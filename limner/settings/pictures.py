"""The settings of pictures: where, in which format, how many, for how long."""

from __future__ import annotations

from dataclasses import dataclass

from limner.settings import values
from limner.settings.setting import setting


@dataclass(frozen=True)
class PictureSettings:
    """Where pictures are stored, in which format, how many and for how long."""

    image_store: str | None = setting(
        None,
        values.image_store,
        "where pictures are stored: a folder or `s3://bucket/prefix`. Empty: data_dir/images",
        secret=True,
    )
    image_url: str | None = setting(
        None, values.base_url, "base of the picture URLs if a CDN or the bucket serves them"
    )
    image_format: str = setting(
        "png",
        values.one_of("png", "webp", "jpeg"),
        "format of the finished pictures: png, webp or jpeg",
    )
    inline_quota_mb: int = setting(
        1024,
        values.whole(0, 100_000_000),
        "MB of inline pictures for a client without a quota of its own",
    )
    disk_floor_mb: int = setting(
        512,
        values.whole(0, 100_000_000),
        "with fewer MB free, the image folder accepts finished drawings only",
    )
    keep_days: float = setting(
        30.0,
        # A receiver may be down for three days and still receive everything.
        values.seconds(4, 3650),
        "days that jobs and pictures are kept; at least 4",
    )
    keep_mb: int = setting(
        0,
        values.whole(0, 1_000_000_000),
        "MB of pictures that are kept at most, the oldest deleted first. 0: only days count",
    )
    preview_keep_days: float = setting(
        1.0,
        values.seconds(0.01, 3650),
        "days that previews are kept, and inline pictures after their job's end",
    )
