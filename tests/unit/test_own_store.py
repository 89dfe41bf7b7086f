"""Two hosts that do not share a store: whoever comes second does not start, or is warned of; and what is no fault."""

from __future__ import annotations

import os
import shutil
import threading
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from limner.errors import ConfigError, StoreDown
from limner.pictures.image_store import Images
from limner.settings import Settings
from limner.store.image_stores import FRESH_MS, StoresInUse, StoreUse
from limner.store.metrics.warning import Code, warnings
from stack.image_watch import ImageWatch
from stack.own_store import ImagesNotMounted, check_own_store, compare
from tests.builders import a_worker


class Host:
    """A machine with one process: its settings, and the watch over its image store."""

    def __init__(self, name, root, store, monkeypatch) -> None:
        self.name, self.root, self._store, self._monkeypatch = name, root, store, monkeypatch
        self.images = Images(str(root), "http://limner/images", store.folders)
        with self.here():
            self.watch = ImageWatch(self.images, store)

    def here(self):
        context = self._monkeypatch.context()
        patched = context.__enter__()
        patched.setattr("socket.gethostname", lambda: self.name)
        return _Until(context)

    def starts(self):
        """Start, or raise; return what is odd about it."""
        with self.here():
            check_own_store(Settings(image_store=str(self.root)), self._store)
            odd = compare(self.images, self._store)
            self.watch.look()
            return odd

    def goes_on(self):
        with self.here():
            self.watch.look()


class _Until:
    def __init__(self, context) -> None:
        self._context = context

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._context.__exit__(*error)


@pytest.fixture
def host(store, tmp_path, monkeypatch):
    return lambda name, folder: Host(name, tmp_path / folder, store, monkeypatch)


@pytest.fixture
def apart(store):
    def read():
        a_worker(store)
        found = warnings(store.numbers.read())
        return {w.subject: w for w in found if w.code is Code.IMAGES_APART}

    return read


def moved(source, target) -> None:
    """Mount a folder at another path."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.symlink_to(source)


def test_hosts_that_share_a_folder_start_whatever_its_path_is(host, tmp_path, apart):
    assert host("a", "pictures").starts() is None
    moved(tmp_path / "pictures", tmp_path / "mnt/elsewhere")

    assert host("b", "mnt/elsewhere").starts() is None
    assert host("a", "pictures").starts() is None
    assert apart() == {}


@pytest.mark.parametrize("used_before", [True, False])
def test_a_host_with_another_folder_does_not_start_beside_one_that_draws(
    host, tmp_path, used_before, store
):
    if used_before:
        host("b", "b/pictures").starts()
        store.redis.flushall()
    host("a", "a/pictures").starts()

    with pytest.raises(ConfigError) as refused:
        host("b", "b/pictures").starts()

    said = str(refused.value)
    assert said.startswith("LIMNER_IMAGE_STORE: ")
    assert f"{tmp_path}/b/pictures on b is " in said
    assert f"the one in use at {tmp_path}/a/pictures on a. " in said
    assert "`limner images adopt`" in said
    assert (tmp_path / "b/pictures").exists() is used_before


def test_a_host_whose_folder_at_the_same_path_is_its_own_does_not_start(host, tmp_path):
    host("a", "pictures").starts()
    shutil.move(tmp_path / "pictures", tmp_path / "on a")

    # An empty volume, or a mount that has not come: whoever starts it may try again.
    with pytest.raises(ImagesNotMounted, match="is empty, or not mounted yet"):
        host("b", "pictures").starts()

    # A volume that another gateway has used.
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures/.limner-store").write_text("another")
    with pytest.raises(ConfigError, match="is another image store than"):
        host("b", "pictures").starts()


def test_a_folder_that_was_unmounted_on_the_only_host_keeps_no_process_from_starting(
    host, tmp_path, apart
):
    host("a", "pictures").starts()
    shutil.move(tmp_path / "pictures", tmp_path / "elsewhere")

    # It is `images_away` then, and comes back with its mount.
    host("a", "pictures").starts()

    assert not (tmp_path / "pictures").exists()
    assert apart() == {}


def test_a_host_that_boots_before_its_mount_starts_once_it_has_come(host, tmp_path, apart):
    host("a", "pictures").starts()
    shutil.move(tmp_path / "pictures", tmp_path / "on the server")
    (tmp_path / "pictures").mkdir()
    waiting = host("b", "pictures")
    for _ in range(2):
        with pytest.raises(ImagesNotMounted, match=f"LIMNER_IMAGE_STORE: {tmp_path}/pictures on b"):
            waiting.starts()
    assert os.listdir(tmp_path / "pictures") == []

    os.rmdir(tmp_path / "pictures")
    moved(tmp_path / "on the server", tmp_path / "pictures")

    assert waiting.starts() is None
    assert apart() == {}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another account")
@pytest.mark.parametrize("others", [(), (StoreUse("of-a", "a", "/srv/pictures"),)])
def test_a_mount_point_of_roots_is_no_fault_of_the_account_while_the_mount_is_missing(
    tmp_path, others
):
    (tmp_path / "pictures").mkdir(mode=0o755)
    store = SimpleNamespace(
        folders=SimpleNamespace(known=lambda place: "of-a"),
        image_stores=SimpleNamespace(read=lambda: StoresInUse("of-a", others)),
    )
    settings = Settings(image_store=str(tmp_path / "pictures"))
    with passable(tmp_path), as_another_account():
        if others:
            with pytest.raises(ImagesNotMounted):
                check_own_store(settings, store)
        else:
            check_own_store(settings, store)


def test_after_a_crash_another_host_starts_a_minute_later_and_is_warned_of_until_it_is_adopted(
    host, store, clock, apart
):
    host("a", "a/pictures").starts()
    clock.pass_s(FRESH_MS / 1000 + 1)

    other = host("b", "b/pictures")
    assert other.starts() is None  # an empty folder: it has no identity before the first look
    assert "is not the one that this gateway had before" in other.starts()

    (warned,) = apart().values()
    assert warned.subject == "b"
    assert "not the one that was used before" in warned.text
    store.image_stores.adopt(other.images.adopt())
    assert apart() == {}
    assert other.starts() is None


def test_a_store_that_is_moved_with_all_that_is_in_it_is_the_same(host, tmp_path, apart):
    host("a", "pictures").starts()
    shutil.copytree(tmp_path / "pictures", tmp_path / "new")

    assert host("a", "new").starts() is None
    assert apart() == {}


def test_processes_that_run_with_different_stores_are_warned_of_by_host(host, store, apart):
    first, second = host("a", "a/pictures"), host("b", "b/pictures")
    # Both began when nobody had said anything.
    first.goes_on()
    second.goes_on()

    (warned,) = apart().values()
    assert warned.subject == "b"
    assert "what one stores, the others do not find" in warned.sentence(openly=False)
    assert str(first.root) in warned.sentence(openly=True)
    assert str(first.root) not in warned.sentence(openly=False)

    store.image_stores.adopt(second.images.identity())
    assert list(apart()) == ["a"]


def test_a_stop_makes_room_at_once_for_one_that_begins_anew(host, apart):
    first = host("a", "pictures")
    first.starts()
    first.watch.end()

    host("a", "anew").starts()

    assert list(apart()) == ["a"]


def test_a_process_of_the_same_host_in_another_folder_does_not_start(host):
    host("a", "here/limner-data/images").starts()

    with pytest.raises(ConfigError, match="is empty, and so another image store"):
        host("a", "there/limner-data/images").starts()


def test_an_emptied_redis_is_told_anew(host, store, apart):
    first = host("a", "pictures")
    first.starts()
    store.redis.flushall()
    first.goes_on()

    assert host("a", "pictures").starts() is None
    assert apart() == {}


def test_a_redis_that_is_down_keeps_nobody_from_starting(host, store, monkeypatch, caplog):
    def down():
        raise StoreDown("Redis cannot be reached.")

    monkeypatch.setattr(store.image_stores, "read", down)

    check_own_store(Settings(image_store=str(host("a", "pictures").root)), store)

    assert [record.message for record in caplog.records] == ["store.missed"]


def test_a_mount_that_hangs_keeps_nobody_waiting(store, monkeypatch, tmp_path, caplog):
    answers = threading.Event()
    monkeypatch.setattr("stack.own_store.check_writable", lambda *_: answers.wait(30))

    check_own_store(Settings(image_store=str(tmp_path / "pictures")), store, answer_s=0.05)
    answers.set()

    assert [record.message for record in caplog.records] == ["images.missed"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another account")
@pytest.mark.parametrize(
    ("folder", "said"),
    [
        ("pictures", "{0}/pictures belongs to root, and "),
        ("pictures/new", "{0}/pictures/new cannot be made: {0}/pictures belongs to root, and "),
    ],
)
def test_a_folder_that_the_account_may_not_write_or_make_is_refused_by_name(tmp_path, folder, said):
    # The test's own Redis is closed to other accounts.
    store = SimpleNamespace(
        folders=SimpleNamespace(known=lambda place: None),
        image_stores=SimpleNamespace(read=StoresInUse),
    )
    (tmp_path / "pictures").mkdir(mode=0o755)
    with as_another_account():
        with pytest.raises(ConfigError) as refused:
            check_own_store(Settings(image_store=str(tmp_path / folder)), store)
        assert "cannot reach" in str(refused.value)
    with passable(tmp_path), as_another_account(), pytest.raises(ConfigError) as refused:
        check_own_store(Settings(image_store=str(tmp_path / folder)), store)

    assert str(refused.value).startswith("LIMNER_IMAGE_STORE: " + said.format(tmp_path))


@contextmanager
def as_another_account():
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@contextmanager
def passable(folder):
    """Let every account look into a folder of pytest's."""
    ways = [folder, *(path for path in folder.parents if path.is_relative_to(Path("/tmp")))]
    modes = {way: way.stat().st_mode for way in ways}
    for way in ways:
        way.chmod(modes[way] | 0o055)
    try:
        yield
    finally:
        for way, mode in modes.items():
            way.chmod(mode)
