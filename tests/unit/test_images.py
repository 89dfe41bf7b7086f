"""A folder as image store: unguessable names, whole files, nothing outside."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta, timezone
from typing import get_args

import pytest

from limner.pictures.addresses import Kind, is_key, new_key
from limner.pictures.expiry import prune
from limner.pictures.image_store import BUCKET_MISSES_MOST, CONTENT_TYPES, Images

NOON = datetime(2026, 5, 17, 12, tzinfo=UTC)


@pytest.fixture
def images(tmp_path) -> Images:
    return Images(str(tmp_path), "http://limner/images")


def test_what_is_put_is_got_back_whole(images):
    key = images.put("drawings", b"picture", "png", NOON)

    assert images.get(key) == b"picture"
    assert key.startswith("drawings/20260517/")


@pytest.mark.parametrize("kind", get_args(Kind))
@pytest.mark.parametrize("suffix", [*CONTENT_TYPES, "txt"])
def test_a_new_key_is_one_of_ours_and_tells_kind_and_day(kind, suffix):
    key = new_key(kind, suffix, NOON)

    assert is_key(key)
    assert key.startswith(f"{kind}/20260517/")
    assert key.endswith(f".{suffix}")


def test_no_two_pictures_share_a_name_and_none_can_be_guessed(images):
    keys = {images.put("drawings", b"same", "png", NOON) for _ in range(50)}

    assert len(keys) == 50
    assert {len(key.rpartition("/")[2]) for key in keys} == {32 + len(".png")}


def test_nothing_half_written_is_left_beside_a_picture(images, tmp_path):
    images.put("previews", b"picture", "jpg", NOON)

    assert [path.suffix for path in tmp_path.rglob("*.*")] == [".jpg"]


def test_a_url_leads_back_to_its_key(images):
    key = images.put("drawings", b"picture", "png", NOON)

    assert images.url(key) == f"http://limner/images/{key}"
    assert images.key_of(images.url(key)) == key


@pytest.mark.parametrize(
    "key",
    [
        "",
        "drawings",
        "../secret",
        "drawings/20260517/../../../etc/passwd",
        "/etc/passwd",
        "drawings/20260517/" + "0" * 31 + ".png",
        "drawings/20260517/" + "0" * 32 + ".part",
        "drawings/20260517/" + "0" * 32 + ".png\n",
        "others/20260517/" + "0" * 32 + ".png",
        "drawings/20260517/" + "0" * 32,
        "http://limner/images/drawings/20260517/" + "0" * 32 + ".png",
    ],
)
def test_what_is_no_key_of_ours_leads_nowhere(images, key):
    with pytest.raises(KeyError):
        images.get(key)


def test_a_picture_that_is_not_there_is_a_key_error_and_deleting_it_is_none(images):
    key = images.put("spool", b"text", "png", NOON)

    images.delete(key)
    images.delete(key)

    with pytest.raises(KeyError):
        images.get(key)


def test_pruning_drops_whole_days_of_one_kind_that_are_too_old(images):
    old = images.put("previews", b"old", "jpg", NOON - timedelta(days=3))
    young = images.put("previews", b"young", "jpg", NOON - timedelta(days=1))
    drawing = images.put("drawings", b"kept", "png", NOON - timedelta(days=3))

    assert prune(images, "previews", 1, NOON).days == ("20260514",)

    with pytest.raises(KeyError):
        images.get(old)
    assert (images.get(young), images.get(drawing)) == (b"young", b"kept")


def test_a_picture_is_kept_for_at_least_as_long_as_was_said(images):
    """Just under a day old, at either end of its day, wherever the clock's owner lives."""
    for hour in (0, 23):
        moment = NOON.replace(hour=hour)
        key = images.put("previews", b"young", "jpg", moment)
        later = (moment + timedelta(hours=23)).astimezone(timezone(timedelta(hours=14)))
        prune(images, "previews", 1, later)
        assert images.get(key) == b"young"


def test_pruning_leaves_what_is_not_ours_and_minds_no_missing_folder(images, tmp_path):
    assert prune(images, "drawings", 1, NOON).days == ()
    (tmp_path / "drawings" / "lost+found").mkdir(parents=True)

    assert prune(images, "drawings", 1, NOON).days == ()
    assert (tmp_path / "drawings" / "lost+found").is_dir()


def bucket(monkeypatch, denied: set[str]) -> tuple[Images, list[str]]:
    """A bucket that lets nobody delete some keys, by their last part, and what was asked of it singly."""
    images = Images(f"memory://{secrets.token_hex(8)}", "http://limner/images")
    asked: list[str] = []
    delete = images.fs.rm_file

    def rm_file(path: str, **_: object) -> None:
        asked.append(path)
        if path.rpartition("/")[2] in denied:
            raise PermissionError(path)
        delete(path)

    def rm(paths: list[str], **_: object) -> None:
        raise PermissionError(paths[0])

    monkeypatch.setattr(images.fs, "rm_file", rm_file)
    monkeypatch.setattr(images.fs, "rm", rm)
    return images, asked


def test_one_object_that_cannot_be_deleted_holds_up_no_others(monkeypatch):
    denied: set[str] = set()
    images, _ = bucket(monkeypatch, denied)
    keys = [images.put("spool", b"text", "txt", NOON) for _ in range(4)]
    denied.add(keys[1].rpartition("/")[2])

    deleted = images.delete_all(["no key of ours", *keys])

    assert deleted.gone == ["no key of ours", keys[0], *keys[2:]]
    assert list(deleted.missed) == [keys[1]]
    assert [images.has(key) for key in keys] == [False, True, False, False]


def test_of_a_bucket_that_is_away_only_a_few_are_tried(monkeypatch):
    denied: set[str] = set()
    images, asked = bucket(monkeypatch, denied)
    keys = [images.put("spool", b"text", "txt", NOON) for _ in range(20)]
    denied |= {key.rpartition("/")[2] for key in keys}

    deleted = images.delete_all(keys)

    assert deleted.gone == []
    assert len(deleted.missed) == len(asked) == BUCKET_MISSES_MOST
