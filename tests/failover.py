"""A primary, its replica and three Sentinels of a test's own: Valkey's binary is all of them."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import redis

from stack import embedded
from tests.conftest import free_port, wait_until

MASTER = "mymaster"
#: a Sentinel calls a silent server dead after so long, ms
DOWN_MS = 1000


class Server:
    """One server process on loopback, which may be killed and started again."""

    def __init__(
        self,
        folder: Path,
        lines: list[str],
        *,
        sentinel: bool = False,
        binary: str = "",
        password: str | None = None,
        ca: Path | None = None,
    ) -> None:
        self.port = free_port()
        self.folder = folder / str(self.port)
        where = f"port 0\ntls-port {self.port}" if ca else f"port {self.port}"
        if password:
            lines = [*lines, f'requirepass "{password}"']
        self.folder.mkdir()
        self._config = self.folder / "server.conf"
        # It rewrites this file: what it has become outlives its process.
        self._config.write_text("\n".join([where, f"dir {self.folder}", *lines, ""]))
        self._command = [binary or str(embedded.binary()), str(self._config)]
        if sentinel:
            self._command.append("--sentinel")
        options: dict[str, Any] = {"ssl": True, "ssl_ca_certs": str(ca)} if ca else {}
        self.admin: Any = redis.Redis(
            host="127.0.0.1",
            port=self.port,
            password=password,
            decode_responses=True,
            socket_timeout=5,
            **options,
        )
        try:
            self.start()
        except BaseException:
            self.kill()
            raise

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, cwd=self.folder)
        wait_until(self.answers, what=f"the server on port {self.port}")

    def answers(self) -> bool:
        with contextlib.suppress(redis.RedisError):
            return bool(self.admin.ping())
        return False

    def role(self) -> str:
        with contextlib.suppress(redis.RedisError):
            return str(self.admin.role()[0])
        return ""

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self.admin.close()


class Failover:
    """The servers, and what is done to them."""

    def __init__(
        self,
        folder: Path,
        login: str = "",
        lines: tuple[str, ...] = (),
        sentinel_lines: tuple[str, ...] = (),
    ) -> None:
        data = ["appendonly yes", "appendfsync everysec", 'save ""', "repl-diskless-sync-delay 0"]
        self.servers: list[Server] = []
        self.sentinels: list[Server] = []
        try:
            self._start(folder, [*data, *lines], sentinel_lines)
        except BaseException:
            self.close()
            raise
        listed = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        self.url = f"sentinel://{login}{listed}/0?master={MASTER}"

    def _start(self, folder: Path, lines: list[str], sentinel_lines: tuple[str, ...]) -> None:
        self.servers.append(Server(folder, lines))
        port = self.servers[0].port
        self.servers.append(Server(folder, [*lines, f"replicaof 127.0.0.1 {port}"]))
        watched = [
            f"sentinel monitor {MASTER} 127.0.0.1 {port} 2",
            f"sentinel down-after-milliseconds {MASTER} {DOWN_MS}",
            # Also the time until a former primary is made a replica again.
            f"sentinel failover-timeout {MASTER} 3000",
            *sentinel_lines,
        ]
        for _ in range(3):
            self.sentinels.append(Server(folder, watched, sentinel=True))
        self.wait_until_whole()

    @property
    def primary(self) -> Server:
        """The server that the Sentinels name."""
        for sentinel in self.sentinels:
            with contextlib.suppress(redis.RedisError):
                _, port = sentinel.admin.sentinel_get_master_addr_by_name(MASTER)
                return next(server for server in self.servers if server.port == port)
        raise AssertionError("no Sentinel knows a primary")

    def wait_until_whole(self) -> None:
        """Wait until another failover could be made: the replica follows, and every Sentinel knows it."""
        wait_until(self._is_whole, what="a primary with a replica and three Sentinels")

    def is_followed(self) -> bool:
        """Whether a replica would confirm what is written now."""
        with contextlib.suppress(redis.RedisError, AssertionError, StopIteration):
            primary = self.primary
            (replica,) = (server for server in self.servers if server is not primary)
            link: str | None = replica.admin.info("replication").get("master_link_status")
            return primary.role() == "master" and link == "up"
        return False

    def _is_whole(self) -> bool:
        with contextlib.suppress(redis.RedisError, AssertionError, StopIteration):
            primary = self.primary
            seen = [sentinel.admin.sentinel_master(MASTER) for sentinel in self.sentinels]
            return (
                self.is_followed()
                and primary.admin.info("replication")["connected_slaves"] == 1
                and all(
                    one["port"] == primary.port
                    and one["num-other-sentinels"] == 2
                    and one["num-slaves"] == 1
                    and one["flags"] == "master"
                    for one in seen
                )
            )
        return False

    def kill(self) -> Server:
        """Kill the primary; return it once another one is elected."""
        former = self.primary
        former.kill()
        self._wait_for_another(former)
        return former

    @contextlib.contextmanager
    def silenced(self) -> Iterator[None]:
        """Stop the primary as it stands until another one is elected, and to the end of this."""
        former = self.primary
        former.signal(signal.SIGSTOP)
        try:
            self._wait_for_another(former)
            yield
        finally:
            former.signal(signal.SIGCONT)

    def demote(self) -> Server:
        """Have the servers change places; return the former primary, whose connections live on."""
        former = self._told_to_fail_over("COORDINATED")
        wait_until(lambda: former.role() == "slave", what="the demotion")
        return former

    def depose(self) -> Server:
        """Have the Sentinels make the replica the primary, and return the former one.

        It takes writes for ten seconds more, which nobody will ever read.
        """
        return self._told_to_fail_over()

    def catch_up(self) -> None:
        """Wait until the replica has all that was written."""
        with self.primary.admin.pipeline(transaction=False) as asked:
            asked.set("caught-up", 1).execute_command("WAIT", 1, 10_000)
            assert asked.execute()[1] == 1

    def _told_to_fail_over(self, *how: str) -> Server:
        former = self.primary

        def begun() -> bool:
            sentinel = self.sentinels[0].admin
            with contextlib.suppress(redis.ResponseError):
                return bool(sentinel.execute_command("SENTINEL", "FAILOVER", MASTER, *how))
            return False

        wait_until(begun, what="a failover that begins")
        self._wait_for_another(former)
        return former

    def _wait_for_another(self, former: Server) -> None:
        wait_until(
            lambda: self.primary is not former and self.primary.role() == "master",
            what="another primary",
        )

    def close(self) -> None:
        for server in (*self.sentinels, *self.servers):
            server.kill()


@contextlib.contextmanager
def a_failover(**options: Any) -> Iterator[Failover]:
    """Start all the servers, and end them."""
    folder = Path(tempfile.mkdtemp(prefix="limner-failover-"))
    try:
        with contextlib.closing(Failover(folder, **options)) as failover:
            yield failover
    finally:
        shutil.rmtree(folder, ignore_errors=True)
