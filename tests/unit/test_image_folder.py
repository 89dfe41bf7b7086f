"""A folder that was there and is gone is never made anew; one that is full takes drawings only."""

from __future__ import annotations

import errno
import os
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from limner.errors import DiskFull, ImagesDown, StoreDown
from limner.pictures.expiry import prune
from limner.pictures.image_folder import MARKER, ImageFolder
from limner.pictures.image_store import Images

NOW = datetime(2027, 1, 15, tzinfo=UTC)
ABSENT = "drawings/20270115/" + "0" * 32 + ".png"


class Memory:
    """The identities, in a dictionary; ``away``: as if Redis were."""

    def __init__(self) -> None:
        self.places: dict[str, str] = {}
        self.away = False

    def known(self, place: str) -> str | None:
        if self.away:
            raise StoreDown
        return self.places.get(place)

    def remember(self, place: str, identity: str) -> str:
        return self.places.setdefault(place, identity)

    def replace(self, place: str, identity: str) -> None:
        self.places[place] = identity


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def root(tmp_path) -> Path:
    return tmp_path / "data" / "images"


@pytest.fixture
def process(root, memory):
    """A process's view of the folder; each call is another process."""
    return lambda **more: Images(str(root), "http://limner/images", memory, **more)


def put(images: Images, kind="drawings") -> str:
    return images.put(kind, b"a picture", "png", NOW)


def vanish(root: Path) -> None:
    root.rename(root.with_name("elsewhere"))


def come_back(root: Path) -> None:
    if root.exists():
        root.rmdir()
    root.with_name("elsewhere").rename(root)


def empty(root: Path) -> None:
    """What is left of a mount point."""
    vanish(root)
    root.mkdir()


def stranger(root: Path) -> None:
    vanish(root)
    root.mkdir()
    (root / MARKER).write_text("f" * 32)


def test_a_fresh_folder_is_made_with_the_first_picture(process, root):
    assert process().folder.is_new()

    images = process()
    key = put(images)

    assert images.get(key) == b"a picture"
    assert process().has(key)
    assert not process().folder.is_new()


def test_a_fresh_folder_that_lacks_a_picture_says_just_that(process, root):
    assert not process().has(ABSENT)
    with pytest.raises(KeyError):
        process().get(ABSENT)
    assert not root.exists()


def test_a_folder_of_before_gets_its_marker_and_keeps_its_pictures(process, root, tmp_path):
    key = put(Images(str(root), "http://limner/images"))
    (root / MARKER).unlink(missing_ok=True)

    put(process())

    assert process().get(key) == b"a picture"


@pytest.mark.parametrize("gone", [vanish, empty, stranger])
@pytest.mark.parametrize("same_process", [True, False])
def test_a_folder_that_is_gone_is_told_at_every_turn_and_not_made_anew(
    process, root, gone, same_process
):
    images = process()
    key = put(images)
    gone(root)
    before = sorted(root.rglob("*"))
    images = images if same_process else process()

    turns = [
        lambda: put(images),
        lambda: images.get(key),
        lambda: images.has(key),
        lambda: images.delete(key),
        lambda: prune(images, "drawings", 1, NOW),
        images.check,
    ]
    for turn in turns:
        with pytest.raises(ImagesDown, match="is it mounted"):
            turn()

    assert sorted(root.rglob("*")) == before
    if gone is vanish:
        assert not root.exists()


@pytest.mark.parametrize("gone", [vanish, empty])
def test_when_it_comes_back_everything_goes_on(process, root, gone):
    images = process()
    key = put(images)
    gone(root)
    with pytest.raises(ImagesDown):
        put(images)

    come_back(root)

    assert images.get(key) == b"a picture"
    put(images)
    images.check()


@pytest.mark.parametrize("gone", [vanish, empty, stranger])
def test_an_operator_may_take_another_folder_for_the_right_one(process, root, gone):
    images = process()
    put(images)
    gone(root)
    with pytest.raises(ImagesDown):
        images.check()

    process().adopt()

    key = put(images)
    assert process().get(key) == b"a picture"


def test_a_folder_whose_gateway_has_lost_its_redis_is_taken_as_it_is(process, root, memory):
    key = put(process())
    memory.places.clear()

    put(process())

    assert process().get(key) == b"a picture"


def test_a_folder_of_another_path_is_another_folder(process, root, memory, tmp_path):
    put(process())

    put(Images(str(tmp_path / "moved"), "http://limner/images", memory))

    assert len(set(memory.places.values())) == 2


def test_processes_that_start_at_once_agree(process, root):
    found: list[object] = []

    def begin(images: Images, gate: threading.Barrier) -> None:
        gate.wait()
        try:
            found.append(put(images))
        except ImagesDown as error:
            found.append(error)

    gate = threading.Barrier(8)
    threads = [threading.Thread(target=begin, args=(process(), gate)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [one for one in found if not isinstance(one, str)] == []
    assert len(found) == 8
    later = process()
    later.check()
    assert all(later.has(key) for key in found)


def test_a_process_that_looked_just_before_another_began_agrees_with_it(process, monkeypatch):
    first, second = process(), process()
    look = ImageFolder._marker
    began: list[str] = []

    def looked(folder: ImageFolder) -> str | None:
        seen = look(folder)
        if not began:
            began.append("the other one")
            put(first)
        return seen

    monkeypatch.setattr(ImageFolder, "_marker", looked)

    assert second.get(put(second)) == b"a picture"


def test_on_a_file_system_without_links_it_works_too(process, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)

    assert process().get(put(process())) == b"a picture"


def test_a_folder_that_could_not_be_made_at_first_may_be_made_later(process, root):
    root.parent.parent.mkdir(exist_ok=True)
    root.parent.write_text("in the way")
    with pytest.raises(ImagesDown):
        put(process())

    root.parent.unlink()

    put(process())


def test_while_redis_is_away_a_known_folder_works_and_an_unknown_one_is_not_judged(
    process, root, memory
):
    images = process()
    key = put(images)
    memory.away = True

    assert images.get(put(images)) == images.get(key)
    assert not images.has(ABSENT)
    for turn in (process().check, lambda: process().has(ABSENT)):
        with pytest.raises(ImagesDown, match="nobody can tell"):
            turn()


def test_a_redis_that_came_back_empty_learns_of_the_folder_again(process, root, memory):
    images = process()
    put(images)
    memory.places.clear()

    images.check()

    vanish(root)
    with pytest.raises(ImagesDown, match="is it mounted"):
        put(process())


# -- room -----------------------------------------------------------------------------------------


def test_below_the_floor_only_finished_drawings_are_kept(process):
    images = process(floor_bytes=2**60)

    put(images, "drawings")

    for kind in ("spool", "previews", "thumbs"):
        with pytest.raises(DiskFull, match="MB are free"):
            put(images, kind)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_without_room_is_told_from_one_that_is_away(process, monkeypatch, number):
    images = process()
    put(images)

    def full(self, data):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "write_bytes", full)

    with pytest.raises(DiskFull):
        put(images)
    with pytest.raises(DiskFull):
        images.check()


def test_a_disk_that_has_become_read_only_is_away(process, monkeypatch):
    images = process()
    put(images)

    def refuse(self, data):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "write_bytes", refuse)

    with pytest.raises(ImagesDown, match="Read-only"):
        images.check()


def test_a_check_leaves_nothing_behind(process, root):
    images = process()
    images.check()

    assert [path.name for path in root.iterdir()] == [MARKER]
