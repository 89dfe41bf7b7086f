"""What is wrong with the image store becomes a warning, and what is mended is none any more."""

from __future__ import annotations

import threading

import pytest

from limner.pictures.image_store import Images
from limner.store.metrics.warning import Code, warnings
from stack.image_watch import ImageWatch
from tests.builders import a_worker
from tests.conftest import wait_until


@pytest.fixture
def root(tmp_path):
    return tmp_path / "images"


@pytest.fixture
def process(store, root):
    """A process that watches the folder; each call is another one."""

    def make(floor_bytes: int = 0, answer_s: float = 15.0) -> ImageWatch:
        images = Images(str(root), "http://limner/images", store.folders, floor_bytes)
        return ImageWatch(images, store, answer_s)

    return make


@pytest.fixture
def found(store):
    def read() -> list[str]:
        a_worker(store)
        return [warned.code for warned in warnings(store.numbers.read())]

    return read


def test_a_store_that_is_well_is_nothing_to_tell_of(process, found):
    process().look()

    assert found() == []


def test_a_folder_that_is_gone_is_told_with_its_path_for_operators_until_it_is_back(
    process, store, root, found
):
    watch = process()
    watch.look()
    root.rename(root.with_name("elsewhere"))

    watch.look()

    assert found() == [Code.IMAGES_AWAY]
    (warned,) = warnings(store.numbers.read())
    assert str(root) in warned.sentence(openly=True)
    assert str(root) not in warned.sentence(openly=False)
    root.with_name("elsewhere").rename(root)
    watch.look()
    assert found() == []


def test_a_process_that_starts_when_the_folder_is_gone_sees_it_too(process, root, found):
    process().look()
    root.rename(root.with_name("elsewhere"))

    process().look()

    assert found() == [Code.IMAGES_AWAY]
    assert not root.exists()


def test_a_process_says_which_store_it_uses_and_what_is_free_there_until_it_ends(
    process, store, root
):
    watch = process()
    watch.look()

    (use,) = store.image_stores.read().uses
    assert use.identity == (root / ".limner-store").read_text().strip()
    assert use.place == str(root)
    assert use.free_bytes > 0
    watch.end()
    assert store.image_stores.read().uses == ()


def test_a_process_says_nothing_of_a_store_that_it_cannot_use(process, store):
    watch = process()
    watch._images.folder.try_out = refuse
    watch.look()

    assert store.image_stores.read().uses == ()


def test_a_disk_below_the_floor_is_told_and_is_not_away(process, found):
    process(floor_bytes=2**60).look()

    assert found() == [Code.DISK_LOW]


def test_a_folder_that_cannot_be_written_is_away(process, root, found):
    watch = process()
    watch.look()
    watch._images.folder.try_out = refuse

    watch.look()

    assert found() == [Code.IMAGES_AWAY]


def refuse():
    raise OSError(30, "Read-only file system")


def test_a_mount_that_hangs_is_away_until_it_answers(process, found, monkeypatch):
    watch, answers = process(answer_s=0.05), threading.Event()
    monkeypatch.setattr(watch._images, "check", lambda: answers.wait(30))
    for _ in range(3):
        watch.look()
    assert found() == [Code.IMAGES_AWAY]
    # One thread waits for it, however often it is looked at.
    assert sum(thread.name == "image look" for thread in threading.enumerate()) == 1

    answers.set()
    watch._hung.join(10)
    watch.look()

    assert found() == []


def test_a_bucket_whose_writes_fail_is_away_until_one_succeeds(store, tmp_path, found, monkeypatch):
    images = Images(f"memory://{tmp_path.name}", "http://limner/images")
    watch = ImageWatch(images, store)
    key = "drawings/20270115/" + "0" * 32 + ".png"
    with monkeypatch.context() as patched:
        patched.setattr(type(images.fs), "pipe_file", lambda *_, **__: refuse())
        with pytest.raises(Exception, match="Read-only"):
            images.put_as(key, b"a picture")
    watch.look()
    assert found() == [Code.IMAGES_AWAY]

    images.put_as(key, b"a picture")
    watch.look()

    assert found() == []


def test_the_thread_looks_by_itself(process, root, found):
    watch = process()
    watch.start()
    try:
        wait_until(root.exists, what="the first look")
    finally:
        watch.end()
