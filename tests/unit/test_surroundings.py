"""What others put into the environment, and what editors do to files: ignored, read, or one sentence."""

from __future__ import annotations

import pytest

from limner.errors import ConfigError
from limner.settings import Settings, surroundings
from stack import processes

#: what Kubernetes and Docker set for services called limner, limner-redis and limner-flower
LINKS = {
    "LIMNER_SERVICE_HOST": "10.96.0.12",
    "LIMNER_SERVICE_PORT": "8000",
    "LIMNER_SERVICE_PORT_HTTP": "8000",
    "LIMNER_PORT": "tcp://10.96.0.12:8000",
    "LIMNER_PORT_8000_TCP": "tcp://10.96.0.12:8000",
    "LIMNER_PORT_8000_TCP_PROTO": "tcp",
    "LIMNER_PORT_8000_TCP_PORT": "8000",
    "LIMNER_PORT_8000_TCP_ADDR": "10.96.0.12",
    "LIMNER_PORT_53_UDP": "udp://10.96.0.12:53",
    "LIMNER_REDIS_SERVICE_HOST": "10.96.0.13",
    "LIMNER_REDIS_PORT": "tcp://10.96.0.13:6379",
    "LIMNER_REDIS_PORT_6379_TCP_ADDR": "10.96.0.13",
    "LIMNER_FLOWER_SERVICE_PORT": "5555",
    "LIMNER_FLOWER_PORT": "tcp://[fd00::14]:5555",
    "LIMNER_NAME": "/web/limner",
    "LIMNER_ENV_PATH": "/usr/bin",
    "FLOWER_PORT": "tcp://10.96.0.15:5555",
    "FLOWER_SERVICE_HOST": "10.96.0.15",
}
LIBRARIES = {
    "CELERY_BROKER_URL": "amqp://elsewhere",
    "CELERY_WORKER_DETACH": "1",
    "BROKER_URL": "amqp://elsewhere",
    "APP": "shop",
    "DJANGO_SETTINGS_MODULE": "shop.settings",
    "FLASK_DEBUG": "1",
    "GUNICORN_CMD_ARGS": "--daemon",
    "WEB_CONCURRENCY": "8",
    "SCRIPT_NAME": "/shop",
    "PYTHONOPTIMIZE": "2",
    "PYTHONWARNINGS": "error",
    "FLOWER_UNIX_SOCKET": "/tmp/flower.sock",
}


def test_service_links_are_no_settings():
    settings = Settings.load(LINKS)

    assert (settings.port, settings.flower_port) == (8000, 5555)


def test_what_is_ours_is_read_beside_links():
    assert Settings.load(LINKS | {"LIMNER_PORT": "9000"}).port == 9000


@pytest.mark.parametrize(
    "name", ["LIMNER_PROT", "LIMNER_SERVICE", "LIMNER_PORT_X", "LIMNER_FLOWER_NAME"]
)
def test_what_is_no_link_either_is_refused(name):
    with pytest.raises(ConfigError, match=f"{name}: there is no such setting"):
        Settings.load({name: "1"})


def test_processes_see_nothing_that_others_meant_for_theirs():
    theirs = LINKS | LIBRARIES
    kept = {"PATH": "/bin", "HTTPS_PROXY": "http://proxy", "FLOWER_URL_PREFIX": "flower"}

    handed = processes.environment(Settings.load(theirs), theirs | kept)

    assert kept.items() <= handed.items()
    assert handed["LIMNER_PORT"] == "8000"
    left = {name for name, value in theirs.items() if handed.get(name) == value}
    assert left == set()
    assert "ignore" in handed["PYTHONWARNINGS"]


def test_processes_find_the_file_of_settings_as_it_was_meant(tmp_path):
    (tmp_path / "own.toml").write_text("fast_slots = 7\n")
    environ = {"LIMNER_CONFIG": f'"{tmp_path}/own.toml"\r'}

    handed = processes.environment(Settings.load(environ), environ)

    assert Settings.load(handed).fast_slots == 7


def test_what_is_left_out_is_named_once():
    assert surroundings.strangers(LINKS | LIBRARIES | {"PATH": "/bin"}) == sorted(LINKS | LIBRARIES)
    assert surroundings.strangers({"FLOWER_URL_PREFIX": "x", "LIMNER_PORT": "1", "PATH": "/"}) == []


def test_flower_does_what_its_own_variables_say():
    settings = Settings()

    assert processes.environment(settings, {})["FLOWER_MAX_TASKS"] == "2000"
    assert processes.environment(settings, {"FLOWER_MAX_TASKS": "9"})["FLOWER_MAX_TASKS"] == "9"
    assert not any("max_tasks" in part for part in processes.flower(settings))


@pytest.mark.parametrize(
    "value", ["9000", "9000\r", " 9000\n", '"9000"', "'9000'", '"9000"\r\n', "9000\x00"]
)
def test_a_value_is_read_as_it_was_meant_in_the_file_it_came_from(value):
    assert Settings.load({"LIMNER_PORT": value}).port == 9000


def test_a_byte_order_mark_belongs_to_no_name():
    assert Settings.load({"\ufeffLIMNER_PORT": "9000"}).port == 9000
    assert Settings.load({"\ufeffLIMNER_PORT": "9000", "LIMNER_PORT": "9001"}).port == 9001


def test_a_value_in_another_encoding_is_refused_by_name():
    latin = "ops:pässword".encode("latin-1").decode("utf-8", "surrogateescape")

    with pytest.raises(ConfigError, match="LIMNER_FLOWER_AUTH: is not UTF-8"):
        Settings.load({"LIMNER_FLOWER_AUTH": latin})


TOML = 'port = 9000\n# größer\n[[engine]]\nname = "stage"\ndriver = "rehearsal"\nfast = { slots = 3 }\n'


@pytest.mark.parametrize(
    "raw",
    [
        TOML.encode(),
        TOML.encode("utf-8-sig"),
        TOML.replace("\n", "\r\n").encode(),
        TOML.replace("\n", "\r").encode(),
        TOML.encode("utf-16"),
        b"\xfe\xff" + TOML.encode("utf-16-be"),
        TOML.encode("utf-16-le"),
        TOML.encode("utf-16-be"),
        TOML.encode("utf-32"),
        TOML.encode() + b"\x00\x00\x00",
        TOML.encode() + b"\r\n\x1a",
        TOML.encode() + b"   \t\n\n",
    ],
    ids=[
        "utf-8",
        "mark",
        "crlf",
        "cr",
        "16",
        "16be mark",
        "16le",
        "16be",
        "32",
        "0",
        "^Z",
        "blanks",
    ],
)
def test_a_file_is_read_as_editors_save_it(tmp_path, raw):
    path = tmp_path / "limner.toml"
    path.write_bytes(raw)

    settings = Settings.load({"LIMNER_CONFIG": str(path)})

    assert settings.port == 9000
    assert settings.engines[0].fast.slots == 3


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ('port = 9000\nhost = "grün"\n'.encode("latin-1"), "is not UTF-8 (line 2)"),
        (b"\x00\x00\x00\x00", "holds zeros"),
        (b"port = \xe2\x80\x9c9000\xe2\x80\x9d\n", "is not TOML"),
        (b"a = " + b"[" * 20_000 + b"]" * 20_000, "is not TOML"),
    ],
    ids=["latin-1", "zeros", "smart quotes", "deep"],
)
def test_a_file_that_says_nothing_is_refused_in_one_line(tmp_path, raw, words):
    path = tmp_path / "limner.toml"
    path.write_bytes(raw)

    with pytest.raises(ConfigError) as error:
        Settings.load({"LIMNER_CONFIG": str(path)})

    assert error.value.message.startswith(f"LIMNER_CONFIG: {path} ")
    assert words in error.value.message
    assert "\n" not in error.value.message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FLOWER_AUTH", "hidden-only"),
        ("CALLBACK_URL", "ftp://u:hidden@x"),
        ("CALLBACK_PROXY", "http://u:hidden@x:port"),
        ("REDIS_URL", "redis://:hid/den@x"),
    ],
)
def test_a_wrong_secret_is_not_repeated(name, value):
    with pytest.raises(ConfigError) as error:
        Settings.load({f"LIMNER_{name}": value})

    assert error.value.message.startswith(f"LIMNER_{name}: ")
    assert "hid" not in error.value.message


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("draw.local", "http://draw.local:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("0", "http://127.0.0.1:8000"),
        ("::", "http://127.0.0.1:8000"),
        ("[::]", "http://127.0.0.1:8000"),
        ("::1", "http://[::1]:8000"),
        ("[::1]", "http://[::1]:8000"),
        ("fd00::7", "http://[fd00::7]:8000"),
        ("fe80::1%eth0", "http://[fe80::1%25eth0]:8000"),
    ],
)
def test_every_address_that_is_told_can_be_opened(host, url):
    settings = Settings.load(
        {"LIMNER_HOST": host, "LIMNER_FLOWER_HOST": host, "LIMNER_FLOWER_AUTH": "a:b"}
    )

    assert settings.base_url == url
    flower = url.replace(":8000", ":5555")
    if host.strip("[]") == "::":
        flower = "http://[::1]:5555"  # Flower listens to IPv6 alone there
    assert processes.flower_url(settings, {}) == flower
    bind = processes.api(settings)[processes.api(settings).index("--bind") + 1]
    assert bind == f"[{settings.host}]:8000" if ":" in settings.host else f"{settings.host}:8000"


def test_flower_is_found_under_its_prefix():
    told = processes.flower_url(Settings(), {"FLOWER_URL_PREFIX": "/watch/"})
    secure = {"FLOWER_CERTFILE": "a.pem", "FLOWER_KEYFILE": "b.pem"}

    assert told == "http://127.0.0.1:5555/watch"
    assert processes.flower_url(Settings(), secure) == "https://127.0.0.1:5555"


@pytest.mark.parametrize("url", ["https://x/limner?a=1", "https://x/#top", "https://x:port"])
def test_a_public_url_that_nothing_can_be_put_behind_is_refused(url):
    with pytest.raises(ConfigError, match="LIMNER_PUBLIC_URL"):
        Settings.load({"LIMNER_PUBLIC_URL": url})
