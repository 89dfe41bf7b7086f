"""The ``limner`` command: what it prints, and that a mistake ends in one line."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from api.server import reloading
from limner.__main__ import main
from limner.errors import ConfigError
from limner.request import Lane
from limner.settings import Settings
from limner.store import Store
from stack import processes
from stack.door import port_trouble

pytestmark = pytest.mark.usefixtures("bare_environment")


@pytest.fixture
def bare_environment(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith("LIMNER_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def on_redis(redis_url, store, monkeypatch):
    monkeypatch.setenv("LIMNER_REDIS_URL", redis_url)
    return store


def refused(capsys, *arguments: str) -> str:
    """Run a command that must be refused; return the one line it says."""
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    return said.err


def test_a_client_is_made_with_everything_that_was_asked_for(on_redis, capsys):
    arguments = "clients add shop --callback-url https://shop.example/hook --lanes relaxed"
    assert main([*arguments.split(), "--waiting-cap", "7", "--rate", "2.5"]) == 0
    words = dict(line.split()[:2] for line in capsys.readouterr().out.splitlines()[:3])
    client = on_redis.clients.by_token(words["token"])
    assert client.name == "shop"
    assert client.callback_url == "https://shop.example/hook"
    assert client.lanes == {Lane.RELAXED}
    assert (client.waiting_cap, client.rate_per_s) == (7, 2.5)
    assert client.secrets == (words["secret"],)


LOCAL_HOOK = "http://127.0.0.1:9000/hook"


def test_a_default_url_that_no_callback_can_reach_is_refused_with_the_cure(on_redis, capsys):
    said = refused(capsys, "clients", "add", "shop", "--callback-url", LOCAL_HOOK)

    assert "--callback-allow 127.0.0.1:9000" in said
    assert "LIMNER_CALLBACK_ALLOW" in said
    assert on_redis.clients.names() == []

    main(["clients", "add", "shop"])
    capsys.readouterr()
    assert "LIMNER_CALLBACK_ALLOW" in refused(
        capsys, "clients", "set", "shop", "--callback-url", LOCAL_HOOK
    )


def test_a_default_url_that_is_allowed_is_taken(on_redis, monkeypatch):
    allowed = ["--callback-url", LOCAL_HOOK, "--callback-allow", "127.0.0.1:9000"]
    assert main(["clients", "add", "shop", *allowed]) == 0
    assert main(["clients", "set", "shop", "--callback-url", LOCAL_HOOK + "/new"]) == 0

    monkeypatch.setenv("LIMNER_CALLBACK_ALLOW", "127.0.0.0/8")
    assert main(["clients", "add", "shop-2", "--callback-url", LOCAL_HOOK]) == 0


def test_a_name_that_is_taken_is_refused_in_one_line(on_redis, capsys):
    main(["clients", "add", "shop"])
    capsys.readouterr()
    assert "there is a client called 'shop'" in refused(capsys, "clients", "add", "shop")


@pytest.mark.parametrize(
    "wrong",
    [
        ["--lanes", "fast,slow"],
        ["--lanes", ""],
        ["--callback-url", "shop.example"],
        ["--waiting-cap", "0"],
        ["--rate", "-1"],
        ["--rate", "nan"],
    ],
)
def test_a_wrong_option_of_a_client_is_refused_by_name(on_redis, capsys, wrong):
    assert wrong[0].strip("-").replace("-", " ").split()[0] in refused(
        capsys, "clients", "add", "shop", *wrong
    )
    assert on_redis.clients.names() == []


def test_the_list_of_clients_shows_no_token_no_secret_and_no_path_of_a_url(on_redis, capsys):
    made = on_redis.clients.add("shop", callback_url="https://shop.example/hook?key=hidden")
    assert main(["clients", "list"]) == 0
    said = capsys.readouterr().out
    assert "shop.example" in said
    assert not any(word in said for word in (made.token, made.client.secrets[0], "hidden"))


def test_a_secret_is_rotated_and_the_old_one_kept_for_now(on_redis, capsys):
    old = on_redis.clients.add("shop").client.secrets[0]
    assert main(["clients", "rotate", "shop"]) == 0
    new = capsys.readouterr().out.split()[1]
    assert on_redis.clients.get("shop").secrets == (new, old)
    assert "no client called 'nobody'" in refused(capsys, "clients", "rotate", "nobody")


@pytest.mark.parametrize("command", ["sketch", "verify"])
def test_commands_of_others_have_help_as_ours_do(command):
    said = subprocess.run(
        [sys.executable, "-m", "limner", command, "--help"], capture_output=True, text=True
    )
    assert said.returncode == 0
    assert said.stdout.startswith(f"Usage: limner {command} [OPTIONS]")


def test_an_argument_that_nobody_knows_is_refused(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["engines", "--all"])
    assert ended.value.code == 2


def test_an_unknown_job_ends_in_one_line(on_redis, capsys):
    assert main(["job", "nobody"]) == 1
    assert capsys.readouterr().err == "limner: There is no such job.\n"


def test_a_redis_that_is_not_there_ends_in_one_line(monkeypatch, capsys):
    monkeypatch.setenv("LIMNER_REDIS_URL", "redis://127.0.0.1:1/0")
    assert main(["clients", "list"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("limner: Redis cannot be reached")
    assert said.count("\n") == 1


@pytest.mark.parametrize("command", [["up"], ["api"], ["worker", "fast"], ["beat"], ["engines"]])
def test_every_command_refuses_a_wrong_setting_by_name(command, monkeypatch, capsys):
    monkeypatch.setenv("LIMNER_FAST_SLOTS", "many")
    assert "LIMNER_FAST_SLOTS" in refused(capsys, *command)


def test_engines_are_listed_with_their_slots_and_gaps(on_redis, monkeypatch, capsys):
    monkeypatch.setenv("LIMNER_FAST_SLOTS", "5")
    monkeypatch.setenv("LIMNER_RELAXED_GAP_S", "1.5")
    assert main(["engines"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split() == (
        ["sketch", "sketch", "5", "0", "s", "1", "1.5", "s", "-"]
    )


def test_doctor_is_content_with_a_good_installation(on_redis, capsys):
    assert main(["doctor"]) == 0
    assert "BAD" not in capsys.readouterr().out


def test_doctor_compares_the_clocks_of_all_hosts(on_redis, redis_url, capsys):
    now = Store(redis_url)
    now.clock.tell("a-host", lambda: time.time() + 90)
    now.clock.tell("another", lambda: time.time() + 1.02)
    now.close()
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "BAD A host's clock is 90 s ahead of that of Redis: a-host." in said
    assert "another +1." in said
    assert f"{socket.gethostname()} " in said
    assert said.count("BAD") == 1


def test_doctor_names_what_is_wrong(on_redis, monkeypatch, capsys):
    monkeypatch.setenv("LIMNER_FLOWER_HOST", "0.0.0.0")
    monkeypatch.setenv("LIMNER_REDIS_URL", "redis://127.0.0.1:1/0")
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "BAD LIMNER_FLOWER_AUTH" in said
    assert "BAD Redis cannot be reached" in said


def test_doctor_tells_of_a_default_url_that_no_callback_may_reach(on_redis, monkeypatch, capsys):
    monkeypatch.setenv("LIMNER_CALLBACK_URL", LOCAL_HOOK)
    assert main(["doctor"]) == 0
    assert "LIMNER_CALLBACK_ALLOW" in capsys.readouterr().out

    monkeypatch.setenv("LIMNER_CALLBACK_ALLOW", "127.0.0.1:9000")
    assert main(["doctor"]) == 0
    assert "LIMNER_CALLBACK_ALLOW" not in capsys.readouterr().out


def test_doctor_says_that_replicas_are_missing(on_redis, monkeypatch, capsys):
    monkeypatch.setenv("LIMNER_REDIS_REPLICAS", "2")
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "BAD Too few replicas follow Redis (0 of 2): no job is accepted." in said
    assert "must have a job" not in said


def test_doctor_tries_the_image_store(on_redis, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("LIMNER_IMAGE_STORE", str(tmp_path / "pictures"))
    assert main(["doctor"]) == 0
    assert f"ok  pictures: {tmp_path}/pictures" in capsys.readouterr().out
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []

    (tmp_path / "file").touch()
    monkeypatch.setenv("LIMNER_IMAGE_STORE", str(tmp_path / "file" / "in-the-way"))
    assert main(["doctor"]) == 1
    assert "BAD pictures: " in capsys.readouterr().out


def test_up_refuses_a_port_in_use_before_anything_starts(capsys, tmp_path, taken_port):
    assert f"127.0.0.1:{taken_port} is in use" in refused(capsys, "up", "--port", str(taken_port))
    assert not (tmp_path / "limner-data").exists()


def test_up_refuses_one_port_for_two(capsys):
    assert "LIMNER_FLOWER_PORT" in refused(capsys, "up", "--port", "5555")


@pytest.fixture
def taken_port():
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def test_a_port_in_use_and_an_address_of_another_machine_are_told_apart(taken_port):
    assert port_trouble("127.0.0.1", taken_port) == "is in use"
    assert "cannot be used" in port_trouble("192.0.2.1", 8000)
    assert port_trouble("127.0.0.1", 0) is None


def test_flower_listens_beyond_loopback_only_with_a_password(monkeypatch, capsys):
    monkeypatch.setenv("LIMNER_FLOWER_HOST", "0.0.0.0")
    assert "LIMNER_FLOWER_AUTH: must be set" in refused(capsys, "flower")
    monkeypatch.setenv("LIMNER_FLOWER_AUTH", "me:hidden")
    assert main(["flower", "--print"]) == 0
    assert "hidden" not in capsys.readouterr().out


def test_lane_workers_tell_flower_of_their_tasks_and_callback_workers_do_not():
    settings = Settings()
    assert "-E" in processes.worker("fast", settings, "1")
    assert "-E" in processes.worker("relaxed", settings, "1")
    assert "-E" not in processes.worker("callbacks", settings, "1")
    with pytest.raises(ConfigError, match="fast, relaxed, callbacks"):
        processes.worker("turbo", settings, "1")


def test_children_see_the_settings_of_their_parent_wherever_they_run(tmp_path):
    (tmp_path / "limner.toml").write_text("port = 9000\nfast_slots = 7\n")
    settings = Settings.load({"LIMNER_PORT": "8000"})
    environ = processes.environment(settings, {"LIMNER_PORT": "8000"})
    os.chdir("/")
    seen = Settings.load({k: v for k, v in environ.items() if k.startswith("LIMNER_")})
    assert (seen.port, seen.fast_slots, seen.data_dir) == (8000, 7, settings.data_dir)


def test_an_api_reads_the_file_anew_as_its_command_did_and_only_options_outdo_it(
    tmp_path, monkeypatch
):
    file = tmp_path / "limner.toml"
    file.write_text('api_waits = 7\nimage_store = "pictures"\nlog_format = "text"\n')
    theirs = {"LIMNER_PORT": "8001", "LIMNER_LOG_LEVEL": "debug", "CELERY_BROKER_URL": "redis://x"}
    read = Settings.load(theirs)
    options = replace(read, log_format="json", port=Settings.port)

    handed = processes.environment_of_reader(options, read, theirs)

    ours = {name: value for name, value in handed.items() if name.startswith("LIMNER_")}
    assert ours == {
        "LIMNER_PORT": "8000",
        "LIMNER_LOG_LEVEL": "debug",
        "LIMNER_LOG_FORMAT": "json",
    }
    assert "CELERY_BROKER_URL" not in handed
    # Wherever it runs by then.
    file.write_text('api_waits = 8\nimage_store = "pictures"\n')
    os.chdir("/")
    for name, value in handed.items():
        monkeypatch.setenv(name, value)
    again = reloading.read()
    assert again == replace(options, api_waits=8)
    assert again.data_dir == tmp_path / "limner-data"
    assert again.image_store == str(tmp_path / "pictures")


def test_an_api_keeps_what_was_read_from_a_pipe_which_is_read_once(tmp_path):
    os.mkfifo(tmp_path / "limner.toml")
    settings = replace(Settings(), api_waits=7)

    handed = processes.environment_of_reader(settings, settings, {})

    assert handed["LIMNER_API_WAITS"] == "7"


def test_without_a_config_file_children_do_not_find_another_one():
    environ = processes.environment(Settings.load({}), {})
    assert environ["LIMNER_CONFIG"] == os.devnull


def test_the_core_loads_no_framework():
    code = (
        "import sys, limner.__main__, cli.parser; cli.parser.build(); "
        "print([m for m in ('flask', 'celery', 'kombu', 'marshmallow', 'requests', 'numpy')"
        " if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "[]\n"


def test_a_reader_that_has_enough_is_no_error(on_redis):
    code = "import sys, limner.__main__; sys.exit(limner.__main__.main(['engines']))"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 0
