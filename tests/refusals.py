"""A Redis that lives and does not serve: a real server put into each such state, by name.

What a lone server cannot be brought to say, a relay before it says instead.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import redis

from limner.settings import redis_socket
from limner.store import Store
from stack import embedded
from tests.conftest import answers, wait_until


class Relayed:
    """An embedded server of a test's own, reached through a relay on loopback."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._socket = redis_socket.socket_url(folder)
        self._process = embedded.start(folder)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"
        #: what is answered to every command instead of asking the server
        self.says: str | None = None
        threading.Thread(target=self._accept, daemon=True).start()
        store = Store(self.url)
        wait_until(lambda: answers(store), what="the server")
        store.close()
        #: a way past the relay and past every state
        self.admin: Any = redis.Redis.from_url(self._socket, decode_responses=True)
        self.admin.execute_command("ACL", "SETUSER", "admin", "on", ">admin", "~*", "&*", "+@all")
        self.admin = redis.Redis.from_url(
            self._socket, username="admin", password="admin", decode_responses=True
        )

    def hang_up(self) -> None:
        """Close the connections of everybody else."""
        self.admin.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    def close(self) -> None:
        self._listener.close()
        self._process.kill()
        self._process.wait()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server, contextlib.suppress(OSError):
            server.connect(self._socket.removeprefix("unix://"))
            back = threading.Thread(target=_pass_on, args=(server, client), daemon=True)
            back.start()
            for command in _commands(client.makefile("rb")):
                if self.says is None:
                    server.sendall(command)
                else:
                    client.sendall(f"-{self.says}\r\n".encode())


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_RDWR)


def _commands(stream: Any) -> Iterator[bytes]:
    """Yield the commands of a client one by one, as they came."""
    while head := stream.readline():
        parts = [head]
        for _ in range(int(head[1:])):
            length = stream.readline()
            parts += [length, stream.read(int(length[1:]) + 2)]
        yield b"".join(parts)


@contextlib.contextmanager
def a_relayed_server() -> Iterator[Relayed]:
    """Start a server, and end it."""
    folder = Path(tempfile.mkdtemp(prefix="limner-refusing-"))
    try:
        with contextlib.closing(Relayed(folder)) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# -- states ---------------------------------------------------------------------------------------

State = Callable[[Relayed], contextlib.AbstractContextManager[None]]


def _configured(**options: str) -> State:
    """A state that some options make, and their former values end."""

    @contextlib.contextmanager
    def state(server: Relayed) -> Iterator[None]:
        names = [name.replace("_", "-") for name in options]
        before = {name: server.admin.config_get(name)[name] for name in names}
        server.admin.config_set(*_flat(zip(names, options.values(), strict=True)))
        try:
            yield
        finally:
            server.admin.config_set(*_flat(before.items()))

    return state


def _flat(pairs: Any) -> list[str]:
    return [word for pair in pairs for word in pair]


@contextlib.contextmanager
def _misconf(server: Relayed) -> Iterator[None]:
    # Snapshots are on, and the last one could not be written: a folder is where the file should be.
    in_the_way = server.folder / "dump.rdb"
    in_the_way.mkdir()
    with _configured(save="3600 1", stop_writes_on_bgsave_error="yes")(server):
        server.admin.bgsave()
        wait_until(
            lambda: server.admin.info("persistence")["rdb_last_bgsave_status"] == "err",
            what="a snapshot that fails",
        )
        try:
            yield
        finally:
            in_the_way.rmdir()


def _replica(serves_stale: str) -> State:
    """Of a primary that is not there."""

    @contextlib.contextmanager
    def state(server: Relayed) -> Iterator[None]:
        with _configured(replica_serve_stale_data=serves_stale)(server):
            server.admin.replicaof("127.0.0.1", 1)
            try:
                yield
            finally:
                server.admin.replicaof("NO", "ONE")

    return state


@contextlib.contextmanager
def _busy(server: Relayed) -> Iterator[None]:
    def endless() -> None:
        with contextlib.suppress(redis.RedisError):
            server.admin.eval("while true do end", 0)

    with _configured(lua_time_limit="10")(server):
        script = threading.Thread(target=endless, daemon=True)
        script.start()
        probe = redis.Redis.from_url(server.url, retry=None)

        def is_busy() -> bool:
            try:
                probe.ping()
            except redis.RedisError as error:
                return "BUSY" in str(error)
            return False

        wait_until(is_busy, what="a script that blocks the server")
        try:
            yield
        finally:
            server.admin.script_kill()
            script.join()


@contextlib.contextmanager
def _noauth(server: Relayed) -> Iterator[None]:
    with _configured(requirepass="secret")(server):
        # Who is connected is let in for good.
        server.hang_up()
        yield


@contextlib.contextmanager
def _noperm(server: Relayed) -> Iterator[None]:
    server.admin.execute_command("ACL", "SETUSER", "default", "-@all", "+@connection")
    try:
        yield
    finally:
        server.admin.execute_command("ACL", "SETUSER", "default", "+@all")


def _said(words: str) -> State:
    """A state in which this is the answer to everything."""

    @contextlib.contextmanager
    def state(server: Relayed) -> Iterator[None]:
        server.says = words
        try:
            yield
        finally:
            server.says = None

    return state


def _said_in_a_script(words: str) -> State:
    """As Redis 6.2 tells what a script has met."""
    return _said(f"ERR Error running script (call to f_0a1b2c): @user_script:33: 33: {words}")


STATES: dict[str, State] = {
    "OOM": _configured(maxmemory="1"),
    "MISCONF": _misconf,
    "NOREPLICAS": _configured(min_replicas_to_write="1"),
    "NOAUTH": _noauth,
    "NOPERM": _noperm,
    "READONLY": _replica("yes"),
    "MASTERDOWN": _replica("no"),
    "BUSY": _busy,
    "LOADING": _said("LOADING Redis is loading the dataset in memory"),
    "TRYAGAIN": _said("TRYAGAIN Multiple keys request during rehashing of slot"),
    "OOM in 6.2": _said_in_a_script("-OOM command not allowed when used memory > 'maxmemory'."),
    "READONLY in 6.2": _said_in_a_script("-READONLY You can't write against a read only replica."),
    "NOREPLICAS in 6.2": _said_in_a_script("-NOREPLICAS Not enough good replicas to write."),
    "NOPERM in 6.2": _said_in_a_script(
        "The user executing the script can't run this command or subcommand"
    ),
}

#: states in which a server does not even answer what only reads
UNREADABLE = set(STATES) - {"OOM", "MISCONF", "NOREPLICAS", "READONLY"}
