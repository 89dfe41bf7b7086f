"""What ``limner up`` says of the first client: to a terminal itself, to anything else where it lies."""

from __future__ import annotations

import io
import json
import re
import subprocess

import pytest

from cli import credentials, greeting
from limner.console import Console
from limner.settings import Settings
from limner.store import Store


@pytest.fixture
def settings(tmp_path):
    return Settings.load({"LIMNER_DATA_DIR": str(tmp_path)})


@pytest.fixture
def store(redis_url):
    store = Store(redis_url)
    store.redis.flushall()
    yield store
    store.close()


def greeted(settings, store, *, private):
    told = greeting.started(settings, store, "Valkey 9", (), flower=False, private=private)
    text = greeting.text(Console(io.StringIO()), settings, told)
    return told, text + json.dumps(greeting.body(settings, told))


def test_a_terminal_is_told_the_token_the_secret_and_a_link_that_lets_in(settings, store):
    told = greeting.started(settings, store, "Valkey 9", (), flower=False, private=True)
    text = greeting.text(Console(io.StringIO()), settings, told)

    assert text.count(told.made.token) == 3
    assert told.made.client.secrets[0] in text
    assert "/console/enter#" in text
    assert not (settings.data_dir / "local.env").exists()


def test_a_log_is_told_the_path_of_a_file_that_only_its_owner_can_read(settings, store):
    told, said = greeted(settings, store, private=False)

    assert not re.search(r"lim_|whsec_|enter#", said)
    assert said.count(str(told.kept)) == 2
    assert told.kept.stat().st_mode & 0o777 == 0o600
    read = f'. "{told.kept}" && printf "%s %s" "$TOKEN" "$SECRET"'
    words = subprocess.run(["sh", "-c", read], capture_output=True, text=True, check=True).stdout
    assert words.split() == [told.made.token, told.made.client.secrets[0]]


def test_a_later_start_says_where_the_first_ones_token_lies_and_leaves_it(settings, store):
    told, _ = greeted(settings, store, private=False)
    before = told.kept.read_text()

    again, said = greeted(settings, store, private=False)

    assert (again.made, told.kept.read_text()) == (None, before)
    assert f"in {told.kept} if it is the first; for a new one: limner clients rotate" in said


def test_a_file_or_a_link_that_is_there_already_is_replaced_and_not_written_through(
    settings, store, tmp_path
):
    other = tmp_path / "other"
    other.touch(0o644)
    (tmp_path / "local.env").symlink_to(other)

    told, _ = greeted(settings, store, private=False)

    assert other.read_text() == ""
    assert not told.kept.is_symlink()
    assert told.kept.stat().st_mode & 0o777 == 0o600


def test_no_client_is_made_whose_token_nobody_could_keep(settings, store, monkeypatch):
    monkeypatch.setattr(credentials, "NAME", "no/such/folder")

    with pytest.raises(FileNotFoundError):
        greeted(settings, store, private=False)
    assert list(store.clients.names()) == []
