"""All processes on one machine: which ones, in which order, and when they are ready.

Used by ``limner up`` and ``limner demo``, over ``stack.supervisor``.
"""

from __future__ import annotations

import http.client
import logging
import os
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack

from limner.errors import ConfigError, LimnerError, StoreDown, StoreRefused
from limner.log import event
from limner.settings import Settings
from limner.settings.broker import redis_address, redis_url
from limner.settings.listening import is_everywhere
from limner.store import Store
from limner.store.server import ServerFacts, set_memory, usable
from stack import embedded, processes
from stack.door import in_words, open_door, port_trouble
from stack.lineup import GRACE_S, SERVER, Lineup
from stack.own_store import check_own_store
from stack.supervisor import Program, Supervisor, describe_exit

log = logging.getLogger(__name__)

SERVER_READY_S = 60.0  # loading a long append-only file takes time
API_READY_S = 60.0
WORKERS_READY_S = 15.0


class StartFailed(LimnerError):
    """Limner did not start."""

    #: the process that ended
    process: str | None = None


class StopAsked(Exception):
    """A signal to stop came before everything had started."""


class Stack:
    """All processes of one Limner. The end of the ``with`` block stops them."""

    def __init__(
        self,
        settings: Settings,
        say: Callable[[str, str], None],
        *,
        flower: bool = True,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.supervisor = Supervisor(self._hear)
        self.store = Store(redis_url(settings))
        self.lineup = Lineup.of(settings, environ, flower=flower)
        #: the socket that the API listens on
        self.door: socket.socket | None = None
        self._say = say
        self._missed = ""
        self._exit = ExitStack()

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.lineup.settings

    def __enter__(self) -> Stack:
        self._exit.enter_context(self.supervisor.signals())
        # Unwound in reverse: the API's socket, which it then gives up itself; the processes; the connection.
        self._exit.callback(self.store.close)
        self._exit.callback(lambda: self.lineup.drop_configs())
        self._exit.callback(self.supervisor.stop)
        self._exit.callback(self._shut_door)
        return self

    def __exit__(self, *error: object) -> None:
        self._exit.close()

    def start(self) -> ServerFacts:
        """Start everything and return when the API responds.

        Raises:
            ConfigError: a port or the data folder is in use; nothing was started.
            ImagesNotMounted: the folder of pictures is empty, and other hosts use it; nothing was started.
            StoreRefused: Redis responds but refuses to serve us, or its data are of a newer Limner; its operator
                must act.
            StartFailed: a process ended, or did not become ready in time.
            StopAsked: a signal came.
        """
        settings = self.settings
        self.door = open_door(settings.host, settings.port)
        programs = self.lineup.programs(self.door.fileno())
        if self.lineup.flower:
            check_flower_port(settings)
        if not settings.redis_url:
            self._start_server()
        facts = self._server_ready()
        check_own_store(settings, self.store)
        processes.make_folder(settings)
        self.lineup.keep_config()
        for program in programs.values():
            self.supervisor.start(program)
        self._wait(lambda: self.supervisor.ready(["api"]), API_READY_S, "the API did not answer")
        self._workers_ready()
        return facts

    def _shut_door(self) -> None:
        if self.door:
            self.door.close()

    def _start_server(self) -> None:
        descriptor = embedded.lock(self.settings.data_dir)
        self._exit.callback(os.close, descriptor)
        self.supervisor.start(
            Program(
                name="server",
                command=embedded.command(self.settings.data_dir, self.settings.redis_memory),
                stage=SERVER,
                grace_s=GRACE_S[SERVER],
                environment=self.lineup.environment,
                folder=processes.HOME,
                inherits=(descriptor,),
            )
        )

    def bound_memory(self, settings: Settings) -> None:
        """Have the embedded server, if there is one, use as much memory as these settings say.

        Raises:
            StoreDown: it does not answer.
        """
        if not settings.redis_url:
            set_memory(self.store.redis, embedded.memory_bytes(settings.redis_memory))

    def _server_ready(self) -> ServerFacts:
        what = (
            f"Redis does not answer at {redis_address(self.settings).shown}"
            if self.settings.redis_url
            else "the embedded server did not answer"
        )
        limit_s = 5.0 if self.settings.redis_url else SERVER_READY_S
        try:
            self._wait(self._redis_answers, limit_s, what)
        except StartFailed as error:
            if error.process is None:
                error.message = f"{error.message} ({self._missed})"
            raise
        facts = usable(self.store.redis, self.settings.redis_replicas)
        for warning in (*facts.warnings().values(), *facts.memory_warnings().values()):
            event(log, "redis.unsafe", level=logging.WARNING, why=warning)
        self.store.schema.settle()
        return facts

    def _workers_ready(self) -> None:
        """Wait a limited time until the workers are ready; jobs may be accepted before."""
        deadline = time.monotonic() + WORKERS_READY_S
        while not self.supervisor.ready(processes.QUEUES) and time.monotonic() < deadline:
            self.check()
            time.sleep(0.05)
        self.check()

    def _hear(self, name: str, line: str) -> None:
        # Matters for servers of many gigabytes (docs/operations.md), and only confuses newcomers.
        if name != "server" or "Memory overcommit must be enabled" not in line:
            self._say(name, line)

    def _wait(self, holds: Callable[[], bool], limit_s: float, otherwise: str) -> None:
        deadline = time.monotonic() + limit_s
        while not holds():
            self.check()
            if time.monotonic() > deadline:
                raise StartFailed(f"{otherwise} within {limit_s:g} s")
            time.sleep(0.1)
        self.check()

    def check(self) -> None:
        """Check the processes once; here the end of one is a failure.

        Raises:
            StartFailed: one of them has died.
            StopAsked: a signal came.
        """
        if self.supervisor.stopping:
            raise StopAsked
        self.supervisor.look()
        for name, code in self.supervisor.deaths:
            failure = StartFailed(f"{name} ended with exit code {describe_exit(code)}")
            failure.process = name
            raise failure

    def _redis_answers(self) -> bool:
        try:
            self.store.ping()
        except StoreRefused:
            raise  # waiting would not help
        except StoreDown as error:
            self._missed = error.message
            return False
        return True


def answers(host: str, port: int, path: str, *, secure: bool = False) -> bool:
    """Return whether our server on ``host:port`` responds to ``path`` with 200."""
    if is_everywhere(host):
        host = "::1" if ":" in host else "127.0.0.1"
    connection = http.client.HTTPConnection(host, port, timeout=5)
    if secure:
        # A liveness check by the address it listens on, which no certificate contains.
        trusting = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection(host, port, timeout=5, context=trusting)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def check_flower_port(settings: Settings) -> None:
    """Check that Flower could listen.

    Raises:
        ConfigError: another process has its port, or this machine no such address.
    """
    host, port = settings.flower_host, settings.flower_port
    if why := port_trouble(host, port):
        raise ConfigError("LIMNER_FLOWER_PORT", in_words("--flower-port", host, port, why))
