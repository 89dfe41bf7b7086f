"""A data folder of any path has a socket: a long one is reached by a link that is ours alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from limner.errors import ConfigError
from limner.settings import Settings, redis_socket, short_path
from limner.settings.broker import redis_address
from limner.store import Store
from stack import embedded, processes
from tests.conftest import answers, wait_until


@pytest.fixture
def links(monkeypatch):
    """The folder of links of this account, which is not there yet."""
    root = Path(tempfile.mkdtemp(prefix="short-", dir="/tmp"))
    monkeypatch.setattr(short_path, "_ROOT", root)
    yield root / f"limner-{os.geteuid()}"
    shutil.rmtree(root)


@pytest.fixture
def long():
    """A folder with a blank and a path of over 200 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="a folder"))
    yield folder / ("x" * 100) / ("y" * 100)
    shutil.rmtree(folder)


def test_the_server_of_a_long_folder_is_started_and_reached(links, long):
    server = embedded.start(long)
    try:
        store = Store(redis_socket.socket_url(long))
        wait_until(lambda: answers(store), what="the embedded server")
        assert (long / redis_socket.SOCKET_NAME).is_socket()
        store.close()
    finally:
        server.kill()
        server.wait()


def test_a_path_that_fits_stays_as_it_is_to_the_last_byte(links):
    longest = Path("/") / (
        "x" * (redis_socket.SOCKET_PATH_MAX - len(f"//{redis_socket.SOCKET_NAME}"))
    )

    assert redis_socket.socket_path(longest) == longest / redis_socket.SOCKET_NAME
    assert not links.exists()
    assert redis_socket.socket_path(Path(f"{longest}x")).parent.parent == links


def test_every_process_that_reads_the_settings_goes_the_same_way(long):
    settings = Settings(data_dir=long)
    ours = redis_address(settings).path
    other = subprocess.run(
        [
            sys.executable,
            "-c",
            "from limner.settings import Settings; from limner.settings.broker import redis_address; "
            "print(redis_address(Settings.load()).path)",
        ],
        cwd=processes.HOME,
        # Its own TMPDIR must not lead it elsewhere.
        env=processes.environment(settings) | {"TMPDIR": str(long.parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    try:
        assert other.stdout.strip() == ours
        assert len(ours) <= redis_socket.SOCKET_PATH_MAX
    finally:
        Path(ours).parent.unlink()


def test_two_folders_have_two_ways(links, long):
    assert short_path.short_way(long) != short_path.short_way(long / "z")


def test_a_way_that_was_cleaned_up_is_made_again(links, long):
    link = short_path.short_way(long)
    link.unlink()
    links.rmdir()

    assert short_path.short_way(long) == link
    assert os.readlink(link) == str(long)


def test_ways_to_folders_that_are_gone_are_dropped(links, long):
    long.mkdir(parents=True)
    kept, gone = short_path.short_way(long), short_path.short_way(long.parent / "gone")

    short_path.short_way(long.parent / "new")

    assert kept.is_symlink()
    assert not gone.is_symlink()


def test_the_links_are_ours_alone(links, long):
    short_path.short_way(long)

    assert links.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("kind", ["open", "someone's", "a link", "a file"])
def test_a_place_that_another_account_could_have_made_is_refused_by_name(
    links, long, monkeypatch, kind
):
    if kind == "open":
        links.mkdir()
        links.chmod(0o711)
    elif kind == "someone's":
        links.mkdir(mode=0o700)
        # A folder of ours, seen by another account.
        owner = os.geteuid()
        monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
        links.rename(links.parent / f"limner-{owner + 1}")
    elif kind == "a link":
        (links.parent / "elsewhere").mkdir(mode=0o700)
        links.symlink_to(links.parent / "elsewhere")
    else:
        links.touch(0o600)

    with pytest.raises(ConfigError, match=r"LIMNER_DATA_DIR: too long .* of this account alone"):
        redis_socket.socket_url(long)


@pytest.mark.parametrize("kind", ["another folder", "a file"])
def test_a_way_that_leads_elsewhere_is_refused(links, long, kind):
    link = short_path.short_way(long)
    link.unlink()
    if kind == "another folder":
        link.symlink_to("/etc")
    else:
        link.touch()

    with pytest.raises(ConfigError, match="LIMNER_DATA_DIR"):
        embedded.command(long)


def test_where_no_way_can_be_made_the_start_is_refused_by_name(long, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setattr(short_path, "_ROOT", tmp_path / "file")

    with pytest.raises(ConfigError, match="LIMNER_DATA_DIR: too long for a socket"):
        redis_socket.socket_url(long)
