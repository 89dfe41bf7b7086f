"""A reload that is refused changes nothing, and says why; what changed is said without secrets."""

from __future__ import annotations

import os
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import pytest

from limner.__main__ import main
from limner.settings import Settings
from limner.settings.changes import changes, fixed_changes
from limner.store.image_stores import StoresInUse
from stack.control import Control, NotRunning, ask_reload, ask_where
from stack.lineup import HANDS, Lineup
from stack.reload import Reload
from stack.supervised import Program
from stack.supervisor import Supervisor
from tests.conftest import wait_until
from tests.unit.test_succession import READY
from tests.unit.test_supervisor import SLEEPER

#: where the API is, for whoever asks
AT = "http://127.0.0.1:8000".strip
ENGINE = '[[engine]]\nname = "stage"\ndriver = "rehearsal"\nfast = { slots = 2 }\n'


@pytest.fixture
def environ(tmp_path, monkeypatch):
    for name in list(os.environ):
        if name.startswith("LIMNER_"):
            monkeypatch.delenv(name)
    (tmp_path / "data").mkdir(mode=0o700)
    (tmp_path / "limner.toml").write_text(ENGINE)
    monkeypatch.setenv("LIMNER_CONFIG", str(tmp_path / "limner.toml"))
    monkeypatch.setenv("LIMNER_DATA_DIR", str(tmp_path / "data"))
    return dict(os.environ)


class Silent:
    """Stands for the socket at which nobody asks."""

    def asked(self):
        return None


class House:
    """A stack of one worker and the API, each a small process, and a store that notes what it is told."""

    def __init__(self, environ) -> None:
        self.registered = []
        #: the bounds of the embedded server's memory that were set, in bytes
        self.bounds = []
        self.worker = READY
        self.supervisor = Supervisor(lambda *_: None)
        self.lineup = Lineup.of(Settings.load(environ), environ, flower=False)
        self.door = socket.create_server(("127.0.0.1", 0))
        engines = SimpleNamespace(register=self.registered.append)
        # Nobody uses any image store, and none was ever used.
        self.store = SimpleNamespace(
            engines=engines,
            folders=SimpleNamespace(known=lambda place: None),
            image_stores=SimpleNamespace(read=StoresInUse),
        )
        for program in self.programs():
            self.supervisor.start(program)

    @property
    def settings(self):
        return self.lineup.settings

    def bound_memory(self, settings):
        self.bounds.append(settings.redis_memory)

    def programs(self):
        code = {"fast": self.worker, "api": READY}
        return [
            Program(
                name,
                [sys.executable, "-ISc", code[name]],
                HANDS if name == "fast" else 1,
                1,
                tells=True,
            )
            for name in code
        ]


@pytest.fixture
def house(environ, monkeypatch):
    house = House(environ)
    monkeypatch.setattr(
        Lineup, "programs", lambda _lineup, _door: {each.name: each for each in house.programs()}
    )
    yield house
    house.supervisor.kill()
    house.supervisor.stop()
    house.door.close()


@pytest.fixture
def write(tmp_path):
    return lambda text: (tmp_path / "limner.toml").write_text(text)


def tried(house, load=Settings.load):
    reload = Reload(house, load, Silent())
    house.supervisor.reload_asked = True
    before = house.supervisor.pids()
    answers = []
    reload._tried, tell = lambda: answers.append(tell()) or answers[-1], reload._tried
    reload.look()
    assert not house.supervisor.reload_asked
    return answers[0], house.supervisor.pids() != before


def test_new_settings_come_with_new_processes(house, write, tmp_path):
    write(ENGINE.replace("2", "3"))
    answer, moved = tried(house)
    assert answer["reloaded"], answer
    assert answer["changed"] == ("engine stage: fast.slots 2 → 3",)
    assert moved
    assert house.settings.engines[0].fast.slots == 3
    assert house.registered == []
    copies = list((tmp_path / "data").glob("settings-*"))
    assert [copy.read_text() for copy in copies] == [ENGINE.replace("2", "3")]
    assert copies[0].stat().st_mode & 0o077 == 0
    house.lineup.drop_configs()
    assert not copies[0].exists()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("no_such = 1\n" + ENGINE, "no_such"),
        (ENGINE + "fast", "limner.toml"),
        (ENGINE.replace("rehearsal", "nobody"), "nobody"),
        (ENGINE + "seconds = -1\n", "seconds"),
        ('redis_url = "redis://elsewhere"\n' + ENGINE, "LIMNER_REDIS_URL"),
    ],
    ids=["unknown", "no TOML", "no driver", "an option", "another Redis"],
)
def test_settings_that_are_wrong_are_refused_and_all_goes_on(house, write, tmp_path, text, why):
    write(text)
    answer, moved = tried(house)
    assert not answer["reloaded"]
    assert why in answer["why"]
    assert not moved
    assert house.settings.engines[0].fast.slots == 2
    assert list((tmp_path / "data").glob("settings-*")) == []


def test_a_new_process_that_ends_takes_the_others_along_and_the_engines_are_told_as_before(
    house, write
):
    write(ENGINE.replace("2", "3"))
    house.worker = "raise SystemExit(3)"
    answer, moved = tried(house)
    assert answer == {"reloaded": False, "why": "the new fast ended with exit code 3"}
    assert not moved
    assert house.registered == [house.settings.engines]
    assert house.supervisor.dead_heir() is None
    assert house.supervisor.leaving() == ()


def test_the_embedded_server_gets_its_new_memory_first_and_its_former_one_if_nothing_comes_of_it(
    house, write
):
    write('redis_memory = "1gb"\n' + ENGINE.replace("rehearsal", "nobody"))
    tried(house)
    assert house.bounds == []

    write('redis_memory = "1gb"\n' + ENGINE)
    house.worker = "raise SystemExit(3)"
    tried(house)
    assert house.bounds == [2**30, None]


@pytest.mark.parametrize("at", ["_read", "_start_heirs"])
def test_a_bug_is_refused_like_a_mistake_and_the_log_says_where_it_is(
    house, tmp_path, monkeypatch, caplog, at
):
    def buggy(*_):
        raise RuntimeError("a bug")

    monkeypatch.setattr(Reload, at, buggy)
    answer, moved = tried(house)
    assert answer == {"reloaded": False, "why": "RuntimeError: a bug (the log tells more)"}
    assert not moved
    assert list((tmp_path / "data").glob("settings-*")) == []
    assert "in buggy" in caplog.text


def test_one_that_never_says_that_it_is_ready_is_given_up(house, monkeypatch):
    monkeypatch.setattr("stack.reload.READY_S", 0.3)
    house.worker = SLEEPER
    answer, moved = tried(house)
    assert "not ready within" in answer["why"]
    assert not moved


def test_a_stop_ends_a_reload(house):
    house.worker = SLEEPER
    house.supervisor.stopping = True
    answer, moved = tried(house)
    assert answer == {"reloaded": False, "why": "everything stops"}
    assert not moved


def test_a_file_that_changes_while_it_is_read_is_not_taken(house, write):
    def load():
        settings = Settings.load()
        write(ENGINE.replace("2", "4"))
        return settings

    answer, moved = tried(house, load)
    assert "being written" in answer["why"]
    assert not moved


def test_a_port_that_another_has_is_refused(house, environ):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer, moved = tried(house, lambda: replace(Settings.load(), port=port))
    assert "is in use" in answer["why"]
    assert not moved


def test_another_port_is_opened_and_the_former_one_given_up(house):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    former = house.door
    answer, moved = tried(house, lambda: replace(Settings.load(), port=port))
    assert answer["reloaded"], answer
    assert moved
    assert house.door.getsockname()[1] == port
    assert former.fileno() == -1


def test_what_changed_is_said_and_secrets_are_not(environ):
    before = Settings.load()
    engine = replace(before.engines[0], weight=2.0, options={"api_key": "hush", "seconds": 2})
    after = replace(
        before.with_engines((engine, replace(engine, name="other"))),
        lease_s=20.0,
        metrics_token="hush",
        public_url="https://draw.example",
    )
    assert changes(before, after) == (
        "lease_s: 15.0 → 20.0",
        "metrics_token: changed",
        "public_url: - → https://draw.example",
        "engine other: added",
        "engine stage: weight 1.0 → 2.0, api_key, seconds changed",
    )
    assert changes(before, before) == ()
    assert changes(after, before)[-2:] == (
        "engine other: removed",
        "engine stage: weight 2.0 → 1.0, api_key, seconds changed",
    )
    assert fixed_changes(before, replace(before, data_dir=before.data_dir / "x")) == ("data_dir",)


def test_whoever_asks_where_nothing_runs_is_told_so(environ, capsys):
    assert main(["reload"]) == 1
    assert "no `limner up` runs on" in capsys.readouterr().err
    with pytest.raises(NotRunning):
        ask_reload(Settings.load().data_dir)


def test_wrong_settings_are_told_to_whoever_asks_also_where_they_hide_the_folder(
    environ, write, capsys
):
    write("port = 'x'")
    assert main(["reload"]) == 1
    assert "not reloaded: limner.toml: port" in capsys.readouterr().err


def test_whoever_asks_waits_for_the_answer(environ, capsys, house, write):
    write(ENGINE.replace("2", "3"))
    with Control(house.settings.data_dir, AT) as control, ThreadPoolExecutor() as threads:
        asking = threads.submit(main, ["reload"])
        reload = Reload(house, Settings.load, control)
        wait_until(lambda: reload.look() or asking.done(), what="the answer")
    assert asking.result() == 0
    assert "stage: fast.slots 2 → 3" in capsys.readouterr().out


def test_a_socket_that_a_killed_one_left_is_replaced_and_one_in_use_is_not(environ, caplog):
    folder = Settings.load().data_dir
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(folder / "up.sock"))
    left.close()
    with Control(folder, AT) as first:
        assert first._listening is not None
        with Control(folder, AT) as second:
            assert second._listening is None
        assert (folder / "up.sock").stat().st_mode & 0o077 == 0
        assert first.asked() is None
        with socket.socket(socket.AF_UNIX) as stranger:
            stranger.connect(str(folder / "up.sock"))
            stranger.sendall(b"reboot\n")
            assert first.asked() is None
            assert stranger.recv(1) == b""
        with ThreadPoolExecutor() as threads:
            asking = threads.submit(ask_where, folder)
            wait_until(lambda: first.asked() or asking.done(), what="the answer")
        assert asking.result() == AT()
    assert not (folder / "up.sock").exists()
