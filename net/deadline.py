"""The deadline that ends whatever a peer drags out; one thread watches over all of a process."""

from __future__ import annotations

import socket
import threading
import time
from types import TracebackType
from typing import ClassVar, Self

from net.answers import PatientResponse
from net.cut import Cut

#: how exactly a deadline is kept
WATCH_S = 0.1


class Deadline:
    """The time one request may take; when it is over, its socket is shut whatever it is doing.

    Socket time-outs bound each ``recv``, so a peer that sends a byte now and then never meets them.
    """

    _current: ClassVar[threading.local] = threading.local()

    def __init__(self, total_s: float) -> None:
        self._started = time.monotonic()
        self.ends = self._started + total_s
        #: the peer that was dialled
        self.address: str | None = None
        #: whether the connection had been used before
        self.reused = False
        #: the answer, once its head was complete and in time
        self.answer: PatientResponse | None = None
        self._cut = Cut()

    @classmethod
    def current(cls) -> Deadline | None:
        """Return the deadline that this thread works under."""
        return getattr(cls._current, "deadline", None)

    @property
    def passed(self) -> bool:
        """Whether the watchdog has ended it."""
        return self._cut.done

    @property
    def left_s(self) -> float:
        """Seconds until it is over; never zero, which would mean for ever to a socket."""
        return max(0.001, self.ends - time.monotonic())

    @property
    def late(self) -> bool:
        """Whether it is over, if the watchdog has not come yet: what fails now, fails for that."""
        return self.passed or time.monotonic() >= self.ends

    @property
    def age_s(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._started

    def __enter__(self) -> Self:
        self._current.deadline = self
        _watchdog.watch(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._current.deadline = None
        self._cut.close()
        _watchdog.forget(self)

    def use(self, sock: socket.socket, address: str, *, reused: bool) -> None:
        """Name the socket that the request now goes over."""
        self.address, self.reused = address, reused
        self._cut.hold(sock)

    def hear(self, answer: PatientResponse) -> None:
        """Note what the peer has answered."""
        # Shutting a socket ends a head as if the peer had ended it.
        if not self.passed:
            self.answer = answer

    @property
    def status(self) -> int | None:
        """The status of the answer, as soon as there is one."""
        return self.answer.status if self.answer else None

    def cut_to(self, left_s: float) -> None:
        """Leave so much time for the rest, if there is more."""
        self.ends = min(self.ends, time.monotonic() + left_s)

    def end(self) -> None:
        """Shut the socket; called by the watchdog."""
        self._cut()


class _Watchdog:
    """One thread for all deadlines of the process; it sleeps while there are none."""

    def __init__(self) -> None:
        self._watched: set[Deadline] = set()
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def watch(self, deadline: Deadline) -> None:
        with self._lock:
            self._watched.add(deadline)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                self._thread.start()
        if not self._wake.is_set():
            self._wake.set()

    def forget(self, deadline: Deadline) -> None:
        with self._lock:
            self._watched.discard(deadline)

    def _run(self) -> None:
        while True:
            self._wake.wait()
            time.sleep(WATCH_S)
            now = time.monotonic()
            with self._lock:
                over = [deadline for deadline in self._watched if deadline.ends <= now]
                self._watched.difference_update(over)
                if not self._watched:
                    self._wake.clear()
            for deadline in over:
                deadline.end()


_watchdog = _Watchdog()
