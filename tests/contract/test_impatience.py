"""An impatient store, the API's: how long a call and a request wait, and what is known of a silent Redis."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from limner.errors import StoreDown
from limner.store import Store
from limner.store.waits import Waits, waiting_at_most
from tests.conftest import answers, free_port, wait_until

pytestmark = pytest.mark.seam

#: nobody waits that long: a test that did would fail
LONG_S = 120.0
#: ends what waits no longer than it should, on any machine
SOON_S = 60.0
TIRELESS = Waits(connect_s=LONG_S, answer_s=LONG_S, request_s=LONG_S, probe_s=0.02)


@pytest.fixture
def impatient(redis_url, store):
    """A store on the test's server, by its waits."""
    with contextlib.ExitStack() as stack:

        def make(waits: Waits, url: str = redis_url) -> Store:
            return stack.enter_context(contextlib.closing(Store(url, waits=waits)))

        yield make


@pytest.fixture
def silent():
    """The address of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


def took_s(call, times: int = 1) -> float:
    began = time.monotonic()
    for _ in range(times):
        with pytest.raises(StoreDown):
            call()
    return time.monotonic() - began


@pytest.mark.parametrize("scheme", ["redis", "rediss"])
def test_all_calls_of_a_request_wait_together_no_longer_than_it_may(impatient, silent, scheme):
    store = impatient(TIRELESS, silent.replace("redis", scheme))

    with waiting_at_most(0.2):
        assert took_s(store.ping, times=5) < SOON_S
        assert took_s(lambda: store.folders.known("/a"), times=5) < SOON_S


def test_slow_answers_use_up_what_a_request_may_wait(impatient):
    store = impatient(TIRELESS)

    def ask_often():
        for _ in range(1000):
            store.redis.blpop(["nothing"], 0.1)
            store.ping()

    with waiting_at_most(0.5), pytest.raises(StoreDown):
        ask_often()

    # It was slow, not away.
    store.ping()


def test_time_between_calls_is_not_counted(impatient):
    store = impatient(TIRELESS)

    with waiting_at_most(5.0):
        store.ping()
        # As a body that arrives slowly, or a long poll, would let pass.
        time.sleep(0.3)
        with waiting_at_most(0.2):
            time.sleep(0.3)
            store.ping()


def test_an_inner_limit_is_never_wider_than_the_outer_one(impatient, silent):
    store = impatient(TIRELESS, silent)

    with waiting_at_most(0.2), waiting_at_most(LONG_S):
        assert took_s(store.ping) < SOON_S


def test_a_request_that_gave_up_early_does_not_make_redis_absent_for_others(impatient):
    store = impatient(TIRELESS)
    store.ping()
    store.redis.client_pause(500)

    with waiting_at_most(0.1):
        took_s(store.ping)

    with waiting_at_most(LONG_S):
        store.ping()


def test_while_redis_is_known_to_be_away_nobody_waits(impatient):
    port = free_port()
    store = impatient(TIRELESS, f"redis://127.0.0.1:{port}/0")
    took_s(store.ping)

    # From now on a call that waited would wait for long.
    with socket.create_server(("127.0.0.1", port)):
        assert took_s(store.ping, times=50) < SOON_S
        assert took_s(lambda: store.folders.known("/a"), times=50) < SOON_S


@pytest.mark.parametrize("first", ["script", "pipeline", "command"])
def test_a_call_of_any_kind_finds_out_for_all_others(impatient, silent, first):
    waits = Waits(connect_s=0.2, answer_s=0.2, request_s=LONG_S, probe_s=LONG_S)
    store = impatient(waits, silent)
    call = {
        "script": lambda: store.folders.known("/a"),
        "pipeline": store.numbers.read,
        "command": store.now,
    }[first]

    took_s(call)

    assert took_s(store.ping, times=50) < 50 * waits.answer_s


def test_a_redis_that_is_back_is_used_again(impatient, redis_url):
    path = redis_url.removeprefix("unix://").partition("?")[0]
    port = free_port()
    store = impatient(TIRELESS, f"redis://127.0.0.1:{port}/0")
    took_s(store.ping)

    with forwarding(port, path):
        wait_until(lambda: answers(store), what="an answer")


def test_a_redis_held_up_for_less_than_patience_cuts_off_nobody(impatient):
    store = impatient(TIRELESS)
    # As a long script does, or a replica that takes over.
    store.redis.client_pause(300)

    with ThreadPoolExecutor(8) as callers:
        for call in [callers.submit(store.ping) for _ in range(16)]:
            call.result()


def test_a_subscriber_who_hears_nothing_has_missed_nothing(impatient):
    store = impatient(Waits(connect_s=5.0, answer_s=0.5, request_s=5.0, probe_s=LONG_S))
    with store.redis.pubsub(ignore_subscribe_messages=True) as events:
        events.subscribe("quiet")
        assert events.get_message(timeout=0.1) is None
        assert events.get_message(timeout=1.0) is None

    assert answers(store)


def test_a_refusal_is_an_answer(impatient):
    store = impatient(TIRELESS)
    for _ in range(5):
        with pytest.raises(Exception, match="unknown command"):
            store.redis.execute_command("NO_SUCH_COMMAND")

    assert answers(store)


@contextlib.contextmanager
def forwarding(port: int, path: str):
    """Forward connections to a port of loopback to the server's socket."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", port)))

        def pump(source: socket.socket, target: socket.socket) -> None:
            with contextlib.suppress(OSError):
                while data := source.recv(65536):
                    target.sendall(data)
                target.shutdown(socket.SHUT_WR)

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    near, _ = server.accept()
                    far = socket.socket(socket.AF_UNIX)
                    far.connect(path)
                    for one in (near, far):
                        stack.callback(one.close)
                    for pair in ((near, far), (far, near)):
                        threading.Thread(target=pump, args=pair, daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield
        server.shutdown(socket.SHUT_RDWR)
