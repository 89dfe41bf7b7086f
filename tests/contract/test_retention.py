"""The image store keeps as much as it may: the oldest pictures go first, and those of the last hour never."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import pytest

from limner.errors import ImagesDown
from limner.pictures.image_store import Images
from limner.pictures.retention import fit
from limner.settings import Settings
from limner.store.metrics import prometheus
from workers import pruner
from workers.pruner import Pruner

NOW = datetime.now(UTC)
KB = 1000


@pytest.fixture
def images(tmp_path) -> Images:
    return Images(str(tmp_path / "images"), "http://limner/images")


@pytest.fixture
def put(images, tmp_path):
    """Store a picture of a kilobyte, some hours ago."""

    def stored(hours: float, kind="drawings", size=KB) -> str:
        at = NOW - timedelta(hours=hours)
        key = images.put(kind, b"x" * size, "png", at)
        os.utime(tmp_path / "images" / key, (at.timestamp(), at.timestamp()))
        return key

    return stored


def has(images, *keys) -> list[bool]:
    return [images.has(key) for key in keys]


def test_the_oldest_go_until_the_others_fit(images, put):
    keys = [put(hours) for hours in (80, 50, 49, 2)]

    kept = fit(images, 2 * KB, NOW)

    assert has(images, *keys) == [False, False, True, True]
    assert kept.sizes_bytes == {"drawings": 2 * KB, "previews": 0, "thumbs": 0}
    assert (kept.deleted_bytes, kept.files) == (2 * KB, 2)
    assert NOW - timedelta(hours=50) < kept.since <= NOW - timedelta(hours=49)


def test_what_fits_stays_and_without_a_bound_it_is_only_measured(images, put):
    keys = [put(80), put(3, "previews", 500)]

    for most in (2 * KB, None):
        kept = fit(images, most, NOW)
        assert kept.sizes_bytes == {"drawings": KB, "previews": 500, "thumbs": 0}
        assert (kept.deleted_bytes, kept.files, kept.since) == (0, 0, None)
    assert has(images, *keys) == [True, True]


def test_a_dry_run_only_says_what_would_go(images, put):
    keys = [put(80), put(2)]

    kept = fit(images, KB, NOW, dry=True)

    assert (kept.deleted_bytes, kept.files) == (KB, 1)
    assert has(images, *keys) == [True, True]


def test_pictures_of_the_last_hour_stay_however_many_there_are(images, put):
    keys = [put(0.9), put(0.1), put(1.5)]

    kept = fit(images, 100, NOW)

    assert has(images, *keys) == [True, True, False]
    assert kept.sizes_bytes["drawings"] == 2 * KB


def test_previews_count_thumbnails_go_first_and_inline_pictures_are_left_alone(images, put):
    spool, drawing, preview = put(90, "spool"), put(30), put(29, "previews")
    thumb = f"thumbs/{drawing.split('/')[1]}/{'0' * 32}-512.png"
    images.put_as(thumb, b"x" * KB)

    fit(images, 2 * KB, NOW)
    assert has(images, spool, thumb, drawing, preview) == [True, False, True, True]

    fit(images, KB, NOW)
    assert has(images, spool, drawing, preview) == [True, False, True]


def test_what_a_writer_that_died_left_behind_counts_and_goes(images, put, tmp_path):
    key = put(80)
    partial = tmp_path / "images" / f"{key}.1234.part"
    partial.write_bytes(b"x" * KB)
    os.utime(partial, (0, 0))

    assert fit(images, KB, NOW).deleted_bytes == KB
    assert not partial.exists()
    assert images.has(key)


def test_a_file_that_another_process_deletes_meanwhile_is_no_error(images, put, monkeypatch):
    put(80)
    monkeypatch.setattr("limner.pictures.retention.os.unlink", gone)

    assert fit(images, 0, NOW).files == 1


def gone(path):
    raise FileNotFoundError(path)


def test_an_empty_store_has_nothing(images):
    assert sum(fit(images, 0, NOW).sizes_bytes.values()) == 0


# -- the callback worker --------------------------------------------------------------------------


@pytest.fixture
def tended(store, images):
    """What looks after the store, with a bound of a megabyte."""
    return Pruner(images, store, Settings(keep_mb=1))


def test_what_goes_is_told_in_metrics_and_in_the_log(tended, images, put, store, caplog):
    old, new = put(40, size=900_000), put(2, size=900_000)

    tended.tick()

    assert has(images, old, new) == [False, True]
    page = prometheus.page(store.numbers.read()).decode()
    assert 'limner_pictures_bytes{kind="drawings"} 900000.0' in page
    assert "limner_pictures_deleted_bytes_total 900000.0" in page
    (line,) = [r.limner_fields for r in caplog.records if r.message == "pictures.too_many"]
    assert (line["files"], line["bytes"]) == (1, 900_000)


def test_it_looks_again_after_a_minute_and_without_a_bound_after_an_hour(
    images, store, put, monkeypatch
):
    now_s = [1000.0]
    monkeypatch.setattr(pruner.time, "monotonic", lambda: now_s[0])
    looks = []
    monkeypatch.setattr(pruner, "fit", lambda *words: looks.append(words) or fit(*words))
    bound, free = Pruner(images, store, Settings(keep_mb=1)), Pruner(images, store, Settings())
    for wait_s, bound_looks, free_looks in ((0, 1, 1), (59, 0, 0), (2, 1, 0), (3600, 1, 1)):
        now_s[0] += wait_s
        for tended, expected in ((bound, bound_looks), (free, free_looks)):
            looks.clear()
            tended.tick()
            assert len(looks) == expected


def test_a_store_that_is_away_is_left_for_another_time(tended, images, monkeypatch, caplog):
    def away(kind):
        raise ImagesDown("the folder is gone")

    monkeypatch.setattr(images, "days", away)

    assert tended.tick() == 0
    assert "images.missed" in {record.message for record in caplog.records}
