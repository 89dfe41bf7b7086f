"""Every form of LIMNER_REDIS_URL on a real server: the store, the broker and Flower meet in one place."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from celery import Celery
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from flower.utils import broker as flower_broker

from limner.errors import StoreDown, StoreRefused
from limner.settings import Settings
from limner.settings.broker import redis_address, redis_url
from limner.settings.short_path import short_way
from limner.store import Store
from limner.store.server import usable
from limner.store.waits import IMPATIENT, PATIENT
from stack import embedded
from tests.conftest import answers, free_port, run_apart, wait_until
from tests.failover import MASTER, Server
from workers import queue_lengths
from workers.transport import AMQP

pytestmark = pytest.mark.seam

PASSWORD, QUOTED = "p@ss/w#rd%: x", "p%40ss%2Fw%23rd%25%3A%20x"


@contextlib.contextmanager
def a_server(*options: str) -> Iterator[SimpleNamespace]:
    folder = Path(tempfile.mkdtemp(prefix="limner-redis-"))
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [str(embedded.binary()), "--port", str(port), "--dir", str(folder), "--save", ""]
    path = short_way(folder) / "r.sock"
    command += ["--unixsocket", str(path), "--unixsocketperm", "700", *options]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=folder)
    try:
        yield SimpleNamespace(port=port, socket=path, folder=folder)
    finally:
        server.kill()
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def server() -> Iterator[SimpleNamespace]:
    with a_server("--requirepass", PASSWORD, "--databases", "10") as server:
        server.admin = Store(f"redis://:{QUOTED}@127.0.0.1:{server.port}/0")
        wait_until(lambda: answers(server.admin), what="the server")
        yield server
        server.admin.close()


@pytest.fixture(scope="module")
def sentinel(server) -> Iterator[SimpleNamespace]:
    """Two Sentinels that watch the server, of which the second wants a password."""
    lines = [
        f"sentinel monitor {MASTER} 127.0.0.1 {server.port} 1",
        f'sentinel auth-pass {MASTER} "{PASSWORD}"',
    ]
    with contextlib.ExitStack() as stack:
        ports = []
        for password in (None, PASSWORD):
            watching = Server(server.folder, lines, sentinel=True, password=password)
            stack.callback(watching.kill)
            ports.append(watching.port)
        yield SimpleNamespace(open=ports[0], shut=ports[1])


@pytest.fixture(scope="module")
def tls(server) -> Iterator[SimpleNamespace]:
    """A port that speaks TLS and passes on, and its self-signed certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "redis.test")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, secret = server.folder / "cert.pem", server.folder / "key.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, *private))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, secret)
    listener = socket.create_server(("127.0.0.1", 0))

    def copy(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)

    def serve(plain: socket.socket) -> None:
        with (
            contextlib.suppress(OSError),
            context.wrap_socket(plain, server_side=True) as outside,
            socket.create_connection(("127.0.0.1", server.port)) as inside,
        ):
            threading.Thread(target=copy, args=(inside, outside), daemon=True).start()
            copy(outside, inside)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                plain = listener.accept()[0]
                threading.Thread(target=serve, args=(plain,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield SimpleNamespace(port=listener.getsockname()[1], pem=pem, secret=secret)
    listener.close()


def settings_of(url: str) -> Settings:
    return Settings.load({"LIMNER_REDIS_URL": url})


def pushed_by_celery(settings: Settings, queue: str) -> None:
    redis = redis_address(settings)
    with Celery("test", amqp=AMQP, set_as_current=False) as app:
        tls = dict(redis.tls) if redis.tls else False
        app.conf.update(broker_url=redis.broker_url, broker_use_ssl=tls)
        with app.connection_for_write() as connection:
            simple = connection.SimpleQueue(queue)
            simple.put({"hello": "there"})
            simple.close()


def length_by_flower(settings: Settings, monkeypatch, queue: str) -> int:
    monkeypatch.setenv("LIMNER_REDIS_URL", redis_url(settings))
    # So that it is as it was afterwards.
    monkeypatch.setattr(flower_broker.Broker, "__new__", flower_broker.Broker.__new__)
    queue_lengths.install()
    address = redis_address(settings)
    look = flower_broker.Broker(address.broker_url, broker_use_ssl=address.tls or False)
    return run_apart(look.queues([queue]))[0]["messages"]


@pytest.mark.parametrize(
    ("form", "db"),
    [
        ("redis://:{q}@127.0.0.1:{port}/3", 3),
        ("redis://:{q}@127.0.0.1:{port}?db=2", 2),
        ("redis://:{q}@localhost:{port}/?db=4", 4),
        ("redis://lim:s3cret@127.0.0.1:{port}/1", 1),
        ("unix://:{q}@{socket}", 0),
        ("unix://lim:s3cret@{socket}?db=5", 5),
        ("unix://{socket}?password={q}&db=6", 6),
        ("redis://:{q}@127.0.0.1:{port}/7?protocol=3", 7),
        ("redis://:{q}@127.0.0.1:{port}/8?health_check_interval=10", 8),
        ("rediss://:{q}@127.0.0.1:{tls}/9?ssl_ca_certs={pem}", 9),
        ("rediss://:{q}@127.0.0.1:{tls}/9?ssl_cert_reqs=none", 9),
        ("valkey://lim:s3cret@127.0.0.1:{port}/1", 1),
        ("valkeys://:{q}@127.0.0.1:{tls}/9?ssl_ca_certs={pem}", 9),
        ("sentinel://:{q}@127.0.0.1:{open}/0?master=mymaster", 0),
        ("sentinel://lim:s3cret@127.0.0.1:{nobody},127.0.0.1:{open}/3?master=mymaster", 3),
        ("sentinel://:{q}@127.0.0.1:{shut}?db=4&master=mymaster&sentinel_password={q}", 4),
    ],
)
def test_store_broker_and_flower_are_on_one_database(server, tls, sentinel, monkeypatch, form, db):
    server.admin.redis.flushall()
    server.admin.redis.execute_command(
        "ACL", "SETUSER", "lim", "reset", "on", ">s3cret", "~*", "&*", "+@all"
    )
    places = {"port": server.port, "socket": server.socket, "tls": tls.port, "pem": tls.pem}
    places |= {"open": sentinel.open, "shut": sentinel.shut, "nobody": free_port()}
    all_meet(settings_of(form.format(q=QUOTED, **places)), db, monkeypatch)


def all_meet(settings: Settings, db: int, monkeypatch) -> None:
    """Assert that the store, the broker and Flower find what one of them has left."""
    pushed_by_celery(settings, "fast")

    for waits in (PATIENT, IMPATIENT):
        store = Store.of(settings, waits=waits)
        assert store.redis.llen("fast") == 1
        assert store.redis.client_info()["db"] == db
        usable(store.redis)
        store.close()
    assert length_by_flower(settings, monkeypatch, "fast") == 1


@pytest.mark.parametrize("waits", [PATIENT, IMPATIENT], ids=["patient", "impatient"])
@pytest.mark.parametrize(
    ("form", "words"),
    [
        ("redis://127.0.0.1:{port}", "it wants a user or a password"),
        ("redis://:hidden@127.0.0.1:{port}", "does not know this user and password"),
        ("redis://nobody:hidden@127.0.0.1:{port}", "does not know this user and password"),
        ("redis://:{q}@127.0.0.1:{port}/10", "no database of that number"),
        ("unix://{socket}", "it wants a user or a password"),
        ("rediss://:{q}@127.0.0.1:{tls}", "certificate"),
        ("redis://127.0.0.1:{web}", "is not what answers there"),
        ("redis://less:s3cret@127.0.0.1:{port}", "docs/operations.md"),
        ("redis://127.0.0.1:{open}", "it is a Sentinel"),
        ("sentinel://127.0.0.1:{open}?master=mymaster", "it wants a user or a password"),
        ("sentinel://:{q}@127.0.0.1:{open}?master=other", "as master="),
        ("sentinel://:{q}@127.0.0.1:{shut}?master=mymaster", "as sentinel_password="),
        (
            "sentinel://:{q}@127.0.0.1:{shut}?master=mymaster&sentinel_password=hidden",
            "as sentinel_password=",
        ),
        (
            "sentinel://:{q}@127.0.0.1:{port}?master=mymaster&sentinel_password={q}",
            "as a Sentinel is none",
        ),
    ],
)
def test_a_server_that_will_not_serve_us_is_named_in_one_sentence(
    server, tls, sentinel, form, words, waits
):
    server.admin.redis.execute_command(
        "ACL", "SETUSER", "less", "reset", "on", ">s3cret", "~limner:*", "&*", "+@all"
    )
    with socket.create_server(("127.0.0.1", 0)) as web:
        threading.Thread(target=answer_as_a_web_server, args=(web,), daemon=True).start()
        places = {"port": server.port, "socket": server.socket, "tls": tls.port}
        places |= {"open": sentinel.open, "shut": sentinel.shut}
        settings = settings_of(form.format(q=QUOTED, web=web.getsockname()[1], **places))
        store = Store.of(settings, waits=waits)

        with pytest.raises(StoreRefused) as error:
            usable(store.redis)
        store.close()

    said = error.value.message
    assert said.startswith("Redis ")
    assert words in said
    assert "\n" not in said
    assert "hidden" not in said
    assert PASSWORD not in said


def test_where_all_speak_tls_sentinels_do_as_well(server, tls, monkeypatch):
    binary = shutil.which("redis-server")
    if not binary and (not os.environ.get("CI") or os.environ.get("REDIS_OPTIONAL")):
        pytest.skip(
            "no redis-server, whose TLS the embedded server lacks (apt install redis-server)"
        )
    assert binary, "apt install redis-server"
    lines = [
        *(f"tls-cert-file {tls.pem}", f"tls-key-file {tls.secret}", f"tls-ca-cert-file {tls.pem}"),
        *("tls-auth-clients no", "tls-replication yes"),
    ]
    with contextlib.ExitStack() as stack:
        kept = Server(server.folder, lines, binary=binary, password=PASSWORD, ca=tls.pem)
        stack.callback(kept.kill)
        watched = [
            f"sentinel monitor {MASTER} 127.0.0.1 {kept.port} 1",
            f'sentinel auth-pass {MASTER} "{PASSWORD}"',
        ]
        watching = Server(
            server.folder, [*lines, *watched], sentinel=True, binary=binary, ca=tls.pem
        )
        stack.callback(watching.kill)
        options = f"ssl_ca_certs={tls.pem}"
        for number, place in enumerate(
            (
                f"rediss://:{QUOTED}@127.0.0.1:{kept.port}/{{}}?{options}",
                f"sentinels://:{QUOTED}@127.0.0.1:{watching.port}/{{}}?master={MASTER}&{options}",
            )
        ):
            all_meet(settings_of(place.format(number)), number, monkeypatch)

        untrusting = Store(f"sentinels://:{QUOTED}@127.0.0.1:{watching.port}/0?master={MASTER}")
        with pytest.raises(StoreDown):
            untrusting.ping()
        untrusting.close()


def answer_as_a_web_server(listener: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            with listener.accept()[0] as peer:
                peer.recv(1000)
                peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@pytest.mark.parametrize(
    "missing", ["-psubscribe", "-@scripting", "-lpush", "resetchannels", "resetkeys", "-time"]
)
def test_each_right_that_is_missing_is_found_at_the_start(server, missing):
    server.admin.redis.execute_command(
        "ACL", "SETUSER", "less", "reset", "on", ">s3cret", "~*", "&*", "+@all", missing
    )
    store = Store(f"redis://less:s3cret@127.0.0.1:{server.port}/0")

    with pytest.raises(StoreRefused, match="may not do all that Limner needs"):
        usable(store.redis)
    store.close()


def test_the_right_to_wait_for_replicas_is_needed_only_where_they_are(server):
    server.admin.redis.execute_command(
        "ACL", "SETUSER", "less", "reset", "on", ">s3cret", "~*", "&*", "+@all", "-wait"
    )
    store = Store(f"redis://less:s3cret@127.0.0.1:{server.port}/0")

    usable(store.redis)
    with pytest.raises(StoreRefused, match="may not do all that Limner needs"):
        usable(store.redis, replicas=1)
    store.close()


def test_a_user_without_dangerous_commands_will_do(server):
    server.admin.redis.execute_command(
        "ACL", "SETUSER", "less", "reset", "on", ">s3cret", "~*", "&*", "+@all", "-@dangerous"
    )
    store = Store(f"redis://less:s3cret@127.0.0.1:{server.port}/0")

    facts = usable(store.redis)
    store.close()

    assert (facts.product, facts.mode) == ("Valkey", "standalone")
    assert facts.version
    assert len(facts.warnings()) == 1


def test_cluster_mode_is_refused_by_its_name():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        bus = probe.getsockname()[1]
    with a_server("--cluster-enabled", "yes", "--cluster-port", str(bus)) as server:
        store = Store(f"redis://127.0.0.1:{server.port}/0")
        wait_until(lambda: answers(store), what="the server")
        with pytest.raises(StoreRefused, match="cluster mode"):
            usable(store.redis)
        # Also where nobody looked before: what a script meets there is an outage.
        with pytest.raises(StoreDown, match="cluster mode"):
            store.clients.names()
        store.close()


def test_a_server_that_is_away_is_no_mistake_of_the_operator():
    store = Store("redis://127.0.0.1:1/0")

    with pytest.raises(StoreDown, match="cannot be reached: Connection refused"):
        usable(store.redis)
    store.close()


def test_a_full_memory_keeps_nobody_from_starting():
    with a_server("--maxmemory", "1", "--maxmemory-policy", "noeviction") as server:
        store = Store(f"redis://127.0.0.1:{server.port}/0")
        wait_until(lambda: answers(store), what="the server")

        assert usable(store.redis).eviction == "noeviction"
        store.close()
