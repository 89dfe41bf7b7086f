"""LIMNER_REDIS_URL: what is meant by it, in each client's spelling, or one clause without the password."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from kombu import Connection
from kombu.utils.url import url_to_parts
from redis.connection import parse_url

from limner.errors import ConfigError
from limner.settings import Settings, redis_socket
from limner.settings.broker import broker_url, redis_url
from limner.settings.redis_address import RedisAddress

ODD = "p@ss/w#rd%:[?] é"
ESCAPED = "p%40ss%2Fw%23rd%25%3A%5B%3F%5D%20%C3%A9"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("redis://redis.example", {"host": "redis.example", "port": 6379, "db": 0}),
        ("REDIS://redis.example:7000/3", {"host": "redis.example", "port": 7000, "db": 3}),
        ("redis://h?db=2", {"host": "h", "db": 2}),
        ("redis://h/?db=4", {"host": "h", "db": 4}),
        ("redis://h/4?db=4", {"db": 4}),
        ("redis://", {"host": "localhost", "port": 6379}),
        ("redis://[::1]:7000/2", {"host": "::1", "port": 7000, "db": 2}),
        ("redis://[fe80::1%25eth0]/2", {"host": "fe80::1%eth0", "db": 2}),
        (f"redis://:{ESCAPED}@h/1", {"username": None, "password": ODD}),
        (f"redis://lim:{ESCAPED}@h", {"username": "lim", "password": ODD}),
        ("redis://h?username=lim&password=s%26t", {"username": "lim", "password": "s&t"}),
        # What both clients read as it was meant may stay unescaped.
        ("redis://:a:b@c d@h", {"password": "a:b@c d", "host": "h"}),
        ("redis://:50%off@h", {"password": "50%off"}),
        ("unix:///run/redis.sock", {"path": "/run/redis.sock", "db": 0}),
        ("unix:///run/a%20b/redis.sock?db=5", {"path": "/run/a b/redis.sock", "db": 5}),
        (f"unix://lim:{ESCAPED}@/r.sock", {"path": "/r.sock", "username": "lim", "password": ODD}),
        (f"unix:///r.sock?password={ESCAPED}&db=6", {"path": "/r.sock", "password": ODD, "db": 6}),
        ("redis://h/7?protocol=3", {"db": 7}),
        ("redis://h?health_check_interval=10", {"health_check_interval": 10}),
        (
            "rediss://h?ssl_cert_reqs=CERT_NONE",
            {"tls": {"ssl_cert_reqs": "none", "ssl_check_hostname": False}},
        ),
        ("rediss://h", {"tls": {"ssl_cert_reqs": "required", "ssl_check_hostname": True}}),
        ("valkey://h:7000/3", {"scheme": "redis", "host": "h", "port": 7000, "db": 3}),
        ("VALKEYS://h", {"scheme": "rediss", "host": "h"}),
    ],
)
def test_an_address_means_the_same_to_both_clients(text, meant):
    address = RedisAddress.parse(text)

    assert {name: getattr(address, name) for name in meant} == meant
    assert RedisAddress.parse(address.url) == address
    theirs = parse_url(address.url)
    if address.scheme == "unix":
        assert address.broker_url.startswith("redis+socket://")
        parts = url_to_parts(address.broker_url.removeprefix("redis+"))
        assert theirs["path"] == "/" + parts.path == address.path
        assert int(parts.query.get("virtual_host", 0)) == address.db
    else:
        parts = url_to_parts(address.broker_url)
        assert (theirs["host"], theirs["port"]) == (address.host, address.port)
        assert (parts.hostname, parts.port) == (address.host, address.port)
        assert int(parts.path) == address.db
    assert theirs.get("db", 0) == address.db
    assert (theirs.get("username"), theirs.get("password")) == (parts.username, parts.password)
    assert (parts.username, parts.password) == (address.username, address.password)
    assert_kombu_gives_it_back(address)


def assert_kombu_gives_it_back(address):
    made = Connection(address.broker_url, ssl=address.tls or False)
    given_back = RedisAddress.of_broker(made.as_uri(include_password=True), made.ssl or None)
    assert given_back == replace(address, health_check_interval=None)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (
            "sentinel://one,two:7000,[::1]:7001/3?master=mine",
            {
                "sentinels": (("one", 26379), ("two", 7000), ("::1", 7001)),
                "master": "mine",
                "db": 3,
                "ports": {6379, 26379, 7000, 7001},
            },
        ),
        ("sentinel://[fe80::1%25eth0]?master=m", {"sentinels": (("fe80::1%eth0", 26379),)}),
        ("sentinel://one%3A7%2Ctwo/0?master=m", {"sentinels": (("one", 7), ("two", 26379))}),
        (
            f"sentinel://lim:{ESCAPED}@one?master=m&sentinel_username=w&sentinel_password={ESCAPED}",
            {
                "username": "lim",
                "password": ODD,
                "sentinel_username": "w",
                "sentinel_password": ODD,
            },
        ),
        (
            "Sentinels://one?master=m&db=2&ssl_cert_reqs=none",
            {"tls": {"ssl_cert_reqs": "none", "ssl_check_hostname": False}, "db": 2},
        ),
    ],
)
def test_a_list_of_sentinels_survives_each_client(text, meant):
    address = RedisAddress.parse(text)

    assert {name: getattr(address, name) for name in meant} == meant
    assert RedisAddress.parse(address.url) == address
    found = parse_url(address.at("db.example", 6390).url)
    assert (found["host"], found["port"], found.get("db", 0)) == ("db.example", 6390, address.db)
    assert (found.get("username"), found.get("password")) == (address.username, address.password)
    assert ("connection_class" in found) == (address.tls is not None)
    assert_kombu_gives_it_back(address)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("redis.example:6379", "must begin with redis://"),
        ("http://redis.example", "must begin with redis://"),
        ("redis:/redis.example", "must begin with redis://"),
        ("redis://:sec/ret#w0rd:x@h:6379/0", "escaped"),
        ("redis://:sec#ret@h:6379/0", "escaped"),
        ("redis://:sec?ret@h:6379/0", "escaped"),
        ("redis://:sec[ret@h:6379/0", "escaped"),
        ("redis://:12/sec@h:6379/0", "escaped"),
        ("redis://lim:12/3@h/0", "escaped"),
        ("redis://lim:12?sec@h/0", "escaped"),
        ("redis://lim:12#sec@h/0", "escaped"),
        ("redis://h:port/0", "host:port"),
        ("redis://h:0/0", "host:port"),
        ("redis://h:65536/0", "host:port"),
        ("redis://::1:6379/0", "brackets"),
        ("redis://h/zero", "database by a number"),
        ("redis://h/-1", "database by a number"),
        ("redis://h/1/2", "database by a number"),
        ("redis://h?db=x", "database by a number"),
        ("redis://h/1?db=2", "two databases"),
        ("redis://h?db=1&db=2", "twice"),
        ("redis://:sec@h?password=ret", "password twice"),
        ("redis://h?socket_timeout=1", "none of db"),
        ("redis://h?protocol=4", "protocol must be 2 or 3"),
        ("redis://h?health_check_interval=often", "whole number"),
        ("redis://h?ssl_cert_reqs=none", "must begin with rediss://"),
        ("rediss://h?ssl_cert_reqs=maybe", "ssl_cert_reqs must be"),
        ("rediss://h?ssl_check_hostname=maybe", "ssl_check_hostname must be"),
        ("rediss://h?ssl_ca_certs=/no/such/file", "not there: /no/such/file"),
        ("redis://a..b", "no name server"),
        ("redis://two%20words", "no name server"),
        ("unix://run/redis.sock", "full path"),
        ("unix://", "full path"),
        ("unix://lim:sec/ret@/run/redis.sock", "escaped"),
        ("valkey://h?ssl_cert_reqs=none", "must begin with rediss://"),
        ("redis://h?master=m", "none of db"),
        ("sentinel://h", "?master=mymaster"),
        ("sentinel://h?master=", "?master=mymaster"),
        ("sentinel://?master=m", "host:port,host:port"),
        ("sentinel://h,?master=m", "host:port,host:port"),
        ("sentinel://h:1,h:0?master=m", "host:port,host:port"),
        ("sentinel://h:port?master=m", "host:port,host:port"),
        ("sentinel://:sec/ret@h?master=m", "escaped"),
        ("sentinel://:sec#ret@h?master=m", "escaped"),
        ("sentinel://a..b?master=m", "no name server"),
        ("sentinel://h?master=m&ssl_cert_reqs=none", "must begin with sentinels://"),
    ],
)
def test_what_cannot_be_meant_is_refused_without_the_password(text, words):
    with pytest.raises(ConfigError) as error:
        Settings.load({"LIMNER_REDIS_URL": text})

    said = error.value.message
    assert said.startswith("LIMNER_REDIS_URL: ")
    assert words in said
    assert "\n" not in said
    assert not any(piece in said for piece in ("sec", "ret", "w0rd")), said
    # Nor in what a traceback would show.
    assert error.value.__cause__ is None


def test_a_file_of_tls_is_found_from_every_folder(tmp_path, monkeypatch):
    (tmp_path / "ca.pem").touch()
    monkeypatch.chdir(tmp_path)

    address = RedisAddress.parse("rediss://h?ssl_ca_certs=ca.pem")

    assert address.tls["ssl_ca_certs"] == str(tmp_path / "ca.pem")
    assert str(tmp_path) in RedisAddress.parse(address.url).tls["ssl_ca_certs"]


def test_what_people_are_shown_has_neither_user_nor_password():
    for text in (
        "redis://lim:secret@h:7000/3",
        "unix://lim:secret@/run/r.sock?db=3",
        "sentinel://lim:secret@h,i:7/3?master=m&sentinel_password=secret",
    ):
        shown = RedisAddress.parse(text).shown
        assert "secret" not in shown
        assert "lim" not in shown
        assert RedisAddress.parse(shown).db == 3


@pytest.mark.parametrize("folder", ["plain", "with blank", "odd #1?", "50%25", "grün"])
def test_the_embedded_server_is_found_in_any_folder(folder):
    settings = Settings(data_dir=Path("/srv") / folder)
    wanted = f"/srv/{folder}/{redis_socket.SOCKET_NAME}"

    assert parse_url(redis_url(settings))["path"] == wanted
    parts = url_to_parts(broker_url(settings).removeprefix("redis+"))
    assert "/" + parts.path == wanted
