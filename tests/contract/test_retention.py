"""The image store keeps as much as it may: the oldest pictures go first, and those of the last hour never."""

from __future__ import annotations

import errno
import os
import threading
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from limner.errors import ImagesDown, StoreDown
from limner.pictures.expiry import prune, sweep
from limner.pictures.image_store import Images
from limner.pictures.retention import Kept, fit
from limner.settings import Settings
from limner.store.metrics import prometheus
from limner.store.prune_turns import TURN_MS, PruneTurns
from tests.builders import MESSAGES
from tests.conftest import wait_until
from workers import pruner
from workers.pruner import Pruner
from workers.runtime import CallbackRuntime

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


def test_what_another_process_deletes_meanwhile_is_no_error_and_counts_there_alone(
    images, put, monkeypatch
):
    for hours in (80, 79, 78):
        put(hours)
    others = []

    def first_the_others(path):
        monkeypatch.undo()
        others.append(fit(images, KB, NOW))
        os.unlink(path)

    monkeypatch.setattr("limner.pictures.retention.os.unlink", first_the_others)
    kept = fit(images, 0, NOW)

    assert (others[0].files, others[0].deleted_bytes) == (2, 2 * KB)
    assert (kept.files, kept.deleted_bytes) == (1, KB)
    assert kept.sizes_bytes == {"drawings": 0, "previews": 0, "thumbs": 0}


@pytest.mark.parametrize(("asked", "files"), [(1, 0), (3, 0), (4, 0), (5, 2), (6, 4)])
def test_it_ends_where_it_is_told_to_and_says_what_it_has_deleted(
    images, put, monkeypatch, asked, files
):
    monkeypatch.setattr("limner.pictures.retention.BATCH", 2)
    keys = [put(80) for _ in range(6)]
    answers = iter([True] * (asked - 1))

    # Three questions while six files are measured, and three while they go; the fourth is before the first goes.
    kept = fit(images, 0, NOW, goes_on=lambda: next(answers, False))

    measured = asked > 3
    assert not kept.whole
    assert kept.since is None
    assert (kept.files, kept.deleted_bytes) == (files, files * KB)
    assert has(images, *keys).count(False) == files
    assert bool(kept.sizes_bytes) is measured
    if measured:
        assert kept.sizes_bytes["drawings"] == (6 - files) * KB


def test_whole_days_go_until_it_is_told_to_end(images, put):
    days = [put(24 * days).split("/")[1] for days in (40, 41, 42)]
    answers = iter([True, True, False])

    swept = prune(images, "drawings", 30, NOW, goes_on=lambda: next(answers))

    assert swept.days == (days[2], days[1])
    assert images.days("drawings") == [days[0]]


@pytest.fixture
def days(put, tmp_path):
    """Four old pictures each of two days; the folders of these days."""
    keys = [put(24 * age) for age in (42, 40) for _ in range(4)]
    return [tmp_path / "images" / key for key in keys[::4]]


@pytest.fixture
def stubborn(days, monkeypatch):
    """Two files of each of these days, which cannot be deleted."""
    theirs = [file for day in days for file in sorted(day.parent.iterdir())[1:3]]
    unlink = os.unlink

    def refused(path, *how, **more):
        if any(os.fspath(path) in (str(one), one.name) for one in theirs):
            raise PermissionError(1, "Operation not permitted", str(path))
        unlink(path, *how, **more)

    monkeypatch.setattr(os, "unlink", refused)
    return theirs


def files_in(tmp_path, kind="drawings"):
    return {file for file in (tmp_path / "images" / kind).rglob("*") if file.is_file()}


def test_a_file_that_cannot_be_deleted_keeps_no_other_from_it(images, put, stubborn, tmp_path):
    kinds = [put(24 * 41), put(24 * 41, "previews"), put(24 * 41, "spool")]

    swept = sweep(images, Settings(keep_days=30), NOW)

    assert files_in(tmp_path) == set(stubborn)
    assert has(images, *kinds) == [False] * 3
    drawings, *rest = swept
    assert drawings.days == (kinds[0].split("/")[1],)
    assert drawings.missed.startswith("PermissionError: ")
    assert [kind.missed for kind in rest] == [None] * 3


def test_a_disk_that_fails_ends_a_sweep(images, days, monkeypatch):
    def broken(*_how, **_more):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(images.fs, "rm", broken)

    with pytest.raises(ImagesDown, match="Input/output error"):
        sweep(images, Settings(keep_days=30), NOW)


def test_files_that_cannot_be_deleted_stay_in_the_sizes(images, put, stubborn, tmp_path):
    young = put(80)

    kept = fit(images, 5 * KB, NOW)

    # All of the oldest minute was to go.
    assert (kept.files, kept.deleted_bytes, kept.since) == (2, 2 * KB, None)
    assert kept.missed.startswith("PermissionError: ")
    assert kept.sizes_bytes["drawings"] == 7 * KB
    assert len(files_in(tmp_path)) == 7
    assert images.has(young)


def test_for_a_day_of_another_account_younger_ones_go(images, put, days, monkeypatch, tmp_path):
    others, access = days[0].parent, os.access
    monkeypatch.setattr(os, "access", lambda path, how: path != str(others) and access(path, how))
    young = put(80)

    assert fit(images, 9 * KB, NOW).missed is None
    kept = fit(images, 5 * KB, NOW)

    assert (kept.files, kept.deleted_bytes, kept.since) == (4, 4 * KB, None)
    assert kept.missed.startswith("PermissionError: ")
    assert str(others) in kept.missed
    assert kept.sizes_bytes["drawings"] == 5 * KB
    assert {file.parent for file in files_in(tmp_path)} == {
        others,
        (tmp_path / "images" / young).parent,
    }


def test_an_empty_store_has_nothing(images):
    assert sum(fit(images, 0, NOW).sizes_bytes.values()) == 0


# -- the callback worker --------------------------------------------------------------------------


@pytest.fixture
def tended(store, images):
    """What looks after the store, with a bound of a megabyte."""
    return Pruner(images, store, Settings(keep_mb=1))


def test_what_goes_is_told_in_metrics_and_in_the_log(tended, images, put, store, caplog):
    old, new = put(40, size=900_000), put(2, size=900_000)

    tended.turn()

    assert has(images, old, new) == [False, True]
    page = prometheus.page(store.numbers.read()).decode()
    assert 'limner_pictures_bytes{kind="drawings"} 900000.0' in page
    assert "limner_pictures_deleted_bytes_total 900000.0" in page
    (line,) = [r.limner_fields for r in caplog.records if r.message == "pictures.too_many"]
    assert (line["files"], line["bytes"]) == (1, 900_000)


@pytest.fixture
def looks(monkeypatch):
    """Which looks at the sizes there were, by their bound in bytes; what is in ``during`` happens in each."""
    made = Looks()

    def look(images, most_bytes, now, **more):
        made.append(most_bytes)
        for happens in made.during:
            happens()
        return fit(images, most_bytes, now, **more)

    monkeypatch.setattr(pruner, "fit", look)
    return made


class Looks(list):
    def __init__(self) -> None:
        super().__init__()
        self.during = []


@pytest.mark.parametrize(("keep_mb", "made"), [(1, (1, 0, 1, 1)), (0, (1, 0, 0, 1))])
def test_it_looks_again_after_a_minute_and_without_a_bound_after_an_hour(
    images, store, clock, looks, keep_mb, made
):
    # Whichever worker it is.
    workers = [Pruner(images, store, Settings(keep_mb=keep_mb)) for _ in range(2)]
    for wait_s, expected in zip((0, 59, 2, 3600), made, strict=True):
        clock.pass_s(wait_s)
        looks.clear()
        for worker in workers:
            worker.turn()
        assert len(looks) == expected


@pytest.mark.parametrize("keep_mb", [0, 1])
def test_a_look_that_takes_long_is_rested_from_for_long(
    images, store, clock, looks, monkeypatch, keep_mb
):
    now_s = [0.0]
    monkeypatch.setattr(pruner.time, "monotonic", lambda: now_s[0])
    looks.during.append(lambda: now_s.__setitem__(0, now_s[0] + 200))
    tended = Pruner(images, store, Settings(keep_mb=keep_mb))
    tended.turn()

    for wait_s, expected in ((9_990, 1), (11, 2)):
        clock.pass_s(wait_s)
        tended.turn()
        assert len(looks) == expected


def another(images, store) -> Pruner:
    """One in another process."""
    made = Pruner(images, store, Settings(keep_mb=1))
    made._turns = PruneTurns(store.prune_turns._scripts)
    return made


def test_one_process_looks_at_a_time(tended, images, store, looks):
    other = another(images, store)
    looks.during.append(other.turn)

    tended.turn()

    assert len(looks) == 1


def test_a_process_that_hangs_loses_its_turn_and_deletes_nothing_when_it_comes_back(
    tended, images, put, store, clock, looks
):
    old = put(40, size=900_000)
    put(2, size=900_000)
    other = another(images, store)

    def hang():
        looks.during.clear()
        clock.pass_s(TURN_MS / 1000 + 1)
        looks.during.append(lambda: looks.during.clear() or tended_finds.append(images.has(old)))
        other.turn()

    tended_finds: list[bool] = []
    looks.during.append(hang)
    tended.turn()

    assert len(looks) == 2
    assert tended_finds == [True]
    page = prometheus.page(store.numbers.read()).decode()
    assert "limner_pictures_deleted_bytes_total 900000.0" in page
    # What the other one has done counts, and nothing is due.
    other.turn()
    assert len(looks) == 2


def test_a_look_that_was_stopped_is_made_by_the_next_process(tended, images, put, store, looks):
    old = put(40, size=900_000)
    put(2, size=900_000)
    looks.during.append(tended.stop)
    tended.turn()
    assert images.has(old)
    looks.during.clear()

    another(images, store).turn()

    assert not images.has(old)


def test_a_store_that_is_away_from_here_is_left_to_other_processes(
    tended, images, store, monkeypatch, caplog, looks, tmp_path
):
    def away(kind):
        raise ImagesDown("the folder is gone")

    monkeypatch.setattr(images, "days", away)

    for _ in range(3):
        assert tended.turn() == 0

    assert [record.message for record in caplog.records] == ["images.missed"]
    looks.clear()
    another(Images(str(tmp_path / "images"), "http://limner/images"), store).turn()
    assert len(looks) == 1


def test_a_day_that_cannot_be_deleted_keeps_nobody_from_the_bound(
    tended, images, put, store, clock, monkeypatch, caplog
):
    old = put(40, size=900_000)
    put(2, size=900_000)
    swept = []

    def refused(*_, **__):
        swept.append(1)
        raise ImagesDown("a day belongs to root")

    monkeypatch.setattr(pruner, "sweep", refused)

    tended.turn()
    assert not images.has(old)
    assert [r.message for r in caplog.records] == ["images.missed", "pictures.too_many"]
    # It is told once an hour.
    for _ in range(58):
        clock.pass_s(61)
        another(images, store).turn()
    assert len(swept) == 1
    clock.pass_s(122)
    another(images, store).turn()
    assert len(swept) == 2


def test_what_cannot_be_deleted_is_told_by_the_sweep_and_by_the_bound(
    tended, put, stubborn, clock, caplog
):
    tended.turn()
    assert [r.message for r in caplog.records] == ["images.missed"]
    caplog.clear()
    put(24 * 2, size=2**20)
    clock.pass_s(3000)

    tended.turn()

    assert [r.message for r in caplog.records] == ["images.missed"]


def test_a_mount_that_hung_for_hours_is_not_rested_from_for_days(
    images, store, clock, looks, monkeypatch
):
    now_s = [0.0]
    monkeypatch.setattr(pruner.time, "monotonic", lambda: now_s[0])
    looks.during.append(lambda: now_s.__setitem__(0, now_s[0] + 7200))
    tended = Pruner(images, store, Settings(keep_mb=1))
    tended.turn()

    clock.pass_s(86_401)
    tended.turn()

    assert len(looks) == 2


def test_a_bug_in_a_look_is_not_met_again_at_once(tended, looks, monkeypatch):
    def broken():
        raise ZeroDivisionError

    looks.during.append(broken)
    monkeypatch.setattr(pruner, "LOOK_S", 0.001)
    tended.start()
    wait_until(lambda: tended._is_away(), what="the bug")
    time.sleep(0.05)
    tended.end()

    assert len(looks) == 1


def test_a_redis_that_goes_away_ends_a_look(tended, put, store, monkeypatch, looks, images):
    old = put(40, size=900_000)
    put(2, size=900_000)

    def down(*_):
        raise StoreDown("Redis cannot be reached.")

    looks.during.append(
        lambda: monkeypatch.setattr(tended, "_turns", SimpleNamespace(keep=down, leave=down))
    )

    with pytest.raises(StoreDown):
        tended.turn()

    assert images.has(old)


def test_a_store_that_hangs_holds_up_neither_a_tick_nor_the_end(
    store, redis_url, tmp_path, monkeypatch
):
    hangs, answers = threading.Event(), threading.Event()

    def hang(*_words, **_more):
        hangs.set()
        answers.wait(60)
        return Kept({}, whole=False)

    monkeypatch.setattr(pruner, "fit", hang)
    settings = Settings(
        redis_url=redis_url, data_dir=tmp_path, image_store=str(tmp_path / "images")
    )
    runtime = CallbackRuntime(settings, app=None)
    runtime.messages = lambda: MESSAGES
    runtime.start()
    try:
        assert hangs.wait(60)
        assert "sent again" in runtime.tick()
        runtime.drain()
    finally:
        runtime.end()

    # Whoever has waited for it would still wait.
    assert not answers.is_set()
    answers.set()
