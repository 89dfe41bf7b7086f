"""A dispatcher that kills itself at a point: ``python -m tests.callback_victim REDIS_URL POINT PORT``."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time

from limner.settings import Settings
from limner.store import Store
from workers.posting.dispatcher import Dispatcher

#: lease and attempt of the tests: short, in the proportions of the real ones
LEASE_S, TOTAL_S = 2.7, 0.5

POINTS = (
    "took a hint",
    "took a job",
    "half a request",
    "before the answer",
    "after 2xx",
    "next in hand",
)


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def main(url: str, point: str, port: int) -> None:
    store = Store(url)
    dispatcher = Dispatcher(store, Settings(callback_threads=4), lease_s=LEASE_S, total_s=TOTAL_S)
    outbox, serve_next = store.outbox, store.outbox.done

    def half_a_request(*_: object) -> None:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(b"POST /hook HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\n\r\n{")
            die()

    def next_in_hand(*args: object, **kwargs: object) -> None:
        serve_next(*args, **kwargs)
        die()

    match point:
        case "took a hint":
            outbox.take = die
        case "took a job":
            dispatcher._serve = die
        case "half a request":
            dispatcher._letters.write = half_a_request
        case "after 2xx":
            outbox.done = die
        case "next in hand":
            outbox.done = next_in_hand
    dispatcher.start()
    time.sleep(60)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
